; A signal's handler runs on the main thread, between two of its instructions, also while it waits.
;= told to end
;= told to end
;= keyboard interrupt
fn main
    push 15
    on_signal told
    push 15
    trip
    ; A call is a poll.
    call nothing
    pop
    event
    store done
    load done
    spawn sender
    pop
    load done
    wait
    call nothing
    pop
    try interrupted
    interrupt
    call nothing
interrupted:
    print

fn told
    push "told to end"
    print

fn nothing

fn sender done
    push 15
    trip
    load done
    notify

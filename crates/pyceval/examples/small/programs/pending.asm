; Pending calls run between two instructions of whichever thread polls first, or of the main thread.
;= 40
;= on the main thread
;= raised by a pending call
fn main
    dict
    store counts
    load counts
    spawn caller
    store thread
    load counts
    call caller
    pop
    load thread
    join
    ; What is queued now runs at the next poll: a loop polls.
wait:
    load counts
    push "calls"
    get
    push 40
    eq
    jump_unless wait
    load counts
    push "calls"
    get
    print
    load counts
    main_call done
wait_done:
    load counts
    push "done"
    get
    is_nil
    jump_if wait_done
    try caught
    pending fails
for_ever:
    jump for_ever
caught:
    print

fn caller counts
    push 20
    store left
again:
    load counts
    pending count
    load left
    push 1
    sub
    store left
    load left
    jump_if again

fn count counts
    load counts
    push "calls"
    push 1
    bump
    pop

fn done counts
    push "on the main thread"
    print
    load counts
    push "done"
    push 1
    set

fn fails
    push "raised by a pending call"
    raise

; Two threads, two locks, each wants what the other has. An interrupt breaks it: the main thread, asleep in `acquire`,
; raises, gives its own lock back, and all goes on. (Here a third thread presses Ctrl-C.)
;= keyboard interrupt
;= the other thread got both
;= done
fn main
    lock
    store left
    lock
    store right
    event
    store ready
    load left
    acquire
    load left
    load right
    load ready
    spawn other
    store thread
    load ready
    wait
    spawn presser
    pop
    try interrupted
    load right
    acquire
    push "not reached"
    print
interrupted:
    print
    load left
    release
    load thread
    join
    push "done"
    print

fn other left right ready
    load right
    acquire
    load ready
    notify
    load left
    acquire
    push "the other thread got both"
    print
    load left
    release
    load right
    release

fn presser
    push 5
    sleep
    interrupt

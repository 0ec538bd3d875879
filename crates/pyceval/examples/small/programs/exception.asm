; An exception that another thread sends arrives at the next poll, also out of an endless loop.
;= stop it
;= a thread ended: exception.asm:48: in stubborn: again
;= done
fn main
    event
    store ready
    load ready
    spawn endless
    store thread
    load ready
    wait
    load thread
    push "stop it"
    send
    pop
    load thread
    join
    event
    store ready
    load ready
    spawn stubborn
    store thread
    load ready
    wait
    load thread
    push "again"
    send
    pop
    load thread
    join
    push "done"
    print

fn endless ready
    try stopped
    load ready
    notify
again:
    jump again
stopped:
    print

fn stubborn ready
    load ready
    notify
again:
    jump again

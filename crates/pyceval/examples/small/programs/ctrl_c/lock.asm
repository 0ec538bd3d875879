; Blocked in a lock for ever, until Ctrl-C.
fn main
    lock
    store lock
    load lock
    acquire
    push "waiting"
    print
    load lock
    acquire

; Blocked in an event's wait for ever, until Ctrl-C.
fn main
    push "waiting"
    print
    event
    wait

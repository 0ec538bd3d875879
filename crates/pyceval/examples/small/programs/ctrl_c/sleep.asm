; Asleep for an hour, until Ctrl-C.
fn main
    push "waiting"
    print
    push 3600000
    sleep

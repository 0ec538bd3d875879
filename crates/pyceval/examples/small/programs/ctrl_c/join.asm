; Blocked in a join for ever, until Ctrl-C. The other thread sleeps on: it is not told.
fn main
    event
    spawn sleeper
    push "waiting"
    print
    join

fn sleeper event
    load event
    wait

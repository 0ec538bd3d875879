; Cycles that only themselves keep alive are found by the collector; a list that is in use is not.
;= 2
;= still here
fn main
    list
    store kept
    ; The kept list holds itself, too.
    load kept
    load kept
    append
    load kept
    push "still here"
    append
    load kept
    spawn litter
    store thread
    load kept
    call litter
    pop
    load thread
    join
    dict
    store other
    collect
    live
    print
    load kept
    push 1
    get
    print

fn litter kept
    push 700
    store left
again:
    list
    store one
    dict
    store two
    ; one holds two and the kept list, two holds one
    load one
    load two
    append
    load one
    load kept
    append
    load two
    push "back"
    load one
    set
    load left
    push 1
    sub
    store left
    load left
    jump_if again

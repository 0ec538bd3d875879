; Reading and writing back are two steps, so they need a lock around them.
;= 600
fn main
    list
    store total
    load total
    push 0
    append
    lock
    store guard
    load total
    load guard
    spawn adder
    store first
    load total
    load guard
    spawn adder
    store second
    load total
    load guard
    call adder
    pop
    load first
    join
    load second
    join
    load total
    push 0
    get
    print

fn adder total guard
    push 200
    store left
again:
    load guard
    acquire
    load total
    push 0
    load total
    push 0
    get
    push 1
    add
    set
    load guard
    release
    load left
    push 1
    sub
    store left
    load left
    jump_if again

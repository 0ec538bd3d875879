; Four threads count together: `bump` is one step, so no count is lost.
;= 4000
fn main
    dict
    store counts
    list
    store threads
    push 0
    store started
start:
    load threads
    load counts
    spawn worker
    append
    load started
    push 1
    add
    store started
    load started
    push 4
    lt
    jump_if start
join:
    load threads
    take
    store thread
    load thread
    is_nil
    jump_if joined
    load thread
    join
    jump join
joined:
    load counts
    push "all"
    get
    print

fn worker counts
    push 1000
    store left
again:
    load counts
    push "all"
    push 1
    bump
    pop
    load left
    push 1
    sub
    store left
    load left
    jump_if again

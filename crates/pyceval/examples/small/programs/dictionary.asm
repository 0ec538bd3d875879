; Threads count words in one dictionary, and collect their lists into one.
;= 300
;= 300
;= 600
;= no item 600 in a list of 600
fn main
    dict
    store counts
    list
    store all
    load counts
    load all
    push "spam"
    spawn counter
    store first
    load counts
    load all
    push "eggs"
    spawn counter
    store second
    load first
    join
    load second
    join
    load counts
    push "spam"
    get
    print
    load counts
    push "eggs"
    get
    print
    load all
    len
    print
    try too_far
    load all
    push 600
    get
    print
    end_try
    nil
    return
too_far:
    print

fn counter counts all word
    list
    store mine
    push 300
    store left
again:
    load counts
    load word
    push 1
    bump
    pop
    load mine
    load word
    append
    load left
    push 1
    sub
    store left
    load left
    jump_if again
    load all
    load mine
    extend

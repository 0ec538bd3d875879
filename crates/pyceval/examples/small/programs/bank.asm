; Transfers in both directions at once. A transfer is one step on two lists (a pair section), whichever comes first,
; so nothing is lost on the way, and nobody waits for ever.
;= 2000 in all
;= an account of nobody: expected a list or a dictionary, got nil
fn main
    call account
    store mine
    call account
    store yours
    load mine
    load yours
    spawn payer
    store first
    load yours
    load mine
    spawn payer
    store second
    load mine
    load yours
    call payer
    pop
    load first
    join
    load second
    join
    load mine
    push 0
    get
    load yours
    push 0
    get
    add
    push 2000
    eq
    jump_unless lost
    push "2000 in all"
    print
    jump nobody
lost:
    push "money was lost"
    print
nobody:
    try refused
    load mine
    nil
    push 1
    transfer
    end_try
refused:
    store reason
    push "an account of nobody: "
    load reason
    join_text
    print

fn account
    list
    store account
    load account
    push 1000
    append
    load account
    return

fn payer from to
    push 300
    store left
again:
    load from
    load to
    push 7
    transfer
    pop
    load left
    push 1
    sub
    store left
    load left
    jump_if again

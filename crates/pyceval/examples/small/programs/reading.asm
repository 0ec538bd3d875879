; A file is read while others run.
;= both have read the same
;= no/such/file cannot be read
fn main
    list
    store texts
    load texts
    spawn reader
    store first
    load texts
    spawn reader
    store second
    load first
    join
    load second
    join
    load texts
    take
    load texts
    take
    eq
    jump_unless differ
    push "both have read the same"
    print
differ:
    try failed
    push "no/such/file"
    read
failed:
    pop
    push "no/such/file cannot be read"
    print

fn reader texts
    load texts
    this_file
    read
    append

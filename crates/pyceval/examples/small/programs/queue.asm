; Two producers, two consumers, one list. Consumers doze while it is empty; an event says that no more comes.
;= 500500
fn main
    list
    store queue
    list
    store sums
    load sums
    push 0
    append
    event
    store no_more
    load queue
    push 1
    push 500
    spawn producer
    store first
    load queue
    push 501
    push 1000
    spawn producer
    store second
    load queue
    load sums
    load no_more
    spawn consumer
    store third
    load queue
    load sums
    load no_more
    spawn consumer
    store fourth
    load first
    join
    load second
    join
    load no_more
    notify
    load third
    join
    load fourth
    join
    load sums
    push 0
    get
    print

fn producer queue number last
again:
    load queue
    load number
    append
    load number
    push 1
    add
    store number
    load last
    load number
    lt
    jump_unless again

fn consumer queue sums no_more
again:
    ; First the event, then the list: what was put in before the event is seen.
    load no_more
    is_set
    store last_look
    load queue
    take
    store number
    load number
    is_nil
    jump_if empty
    load sums
    push 0
    load number
    bump
    pop
    jump again
empty:
    load last_look
    jump_if done
    push 1
    sleep
    jump again
done:

; An endless loop, until Ctrl-C. Two more threads loop; they end with the program.
fn main
    spawn looper
    spawn looper
    push "waiting"
    print
    call looper

fn looper
again:
    jump again

//! How long locks turn, by the GILs that there are. One test, alone in its process: the number is the process's.

use pyceval::Runtime;
use pyparking::spin;

#[test]
fn turns_follow_the_interpreters() {
    let (runtime, main) = Runtime::builder().start().unwrap();
    assert_eq!(spin::turns(), spin::GIL);
    let free = runtime.new_interpreter(false);
    assert_eq!(spin::turns(), spin::FREE_THREADED);
    let state = free.new_thread();
    drop(free);
    assert_eq!(spin::turns(), spin::FREE_THREADED, "there as long as a state is");
    drop(state);
    assert_eq!(spin::turns(), spin::GIL);
    drop((runtime, main));
    assert_eq!(spin::turns(), spin::FREE_THREADED, "as without a runtime");
}

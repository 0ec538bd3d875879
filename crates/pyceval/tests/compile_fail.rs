//! What the types must not allow, held at compile time. What must not borrow or capture is in `compile_fail.md`.
//!
//! If one of these facts changes, this file no longer compiles: a constant below would become ambiguous.

use pyceval::{Attached, Gil, Interpreter, Pause, Raised, Runtime, Seat, Signals, ThreadState};
use trial::facts::{CloneOrNot, SendOrNot, SyncOrNot, never};

const fn both<T: ?Sized + Send + Sync>() {}
const fn send<T: ?Sized + Send>() {}

// TOKEN-2: a token stays on its thread, and a reference to it is not `Send` either.
never![SendOrNot: Attached<'static>, Pause<'static>];
never![SyncOrNot: Attached<'static>];

// THREAD-1: a state has one handle.
never![CloneOrNot: ThreadState, Attached<'static>, Pause<'static>];

const _: () = {
    both::<Runtime>();
    both::<Interpreter>();
    both::<Signals>();
    both::<Gil>();
    both::<Seat>();
    send::<ThreadState>();
    send::<Raised>();
};

/// The facts above are checked when this file is compiled; this says so in the list of tests.
#[test]
fn the_facts_of_this_file_hold() {
    let (runtime, mut main) = Runtime::builder().start().unwrap();
    let id = main.id();
    assert_eq!(main.attach().unwrap().id(), id);
    drop(runtime);
}

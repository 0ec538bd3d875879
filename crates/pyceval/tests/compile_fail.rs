//! What the types must not allow, held at compile time. What must not borrow or capture is in `compile_fail.md`.
//!
//! If one of these facts changes, this file no longer compiles: a constant below would become ambiguous.

use pyceval::{Attached, Gil, Interpreter, Pause, Raised, Runtime, Seat, Signals, ThreadState};

/// Has one implementation for types without `Send` and two for types with it.
trait SendOrNot<Which> {
    const FACT: () = ();
}
impl<T: ?Sized> SendOrNot<()> for T {}
impl<T: ?Sized + Send> SendOrNot<u8> for T {}

/// The same for `Sync`.
trait SyncOrNot<Which> {
    const FACT: () = ();
}
impl<T: ?Sized> SyncOrNot<()> for T {}
impl<T: ?Sized + Sync> SyncOrNot<u8> for T {}

/// The same for `Clone`.
trait CloneOrNot<Which> {
    const FACT: () = ();
}
impl<T> CloneOrNot<()> for T {}
impl<T: Clone> CloneOrNot<u8> for T {}

macro_rules! never {
    ($fact:ident: $($type:ty),+) => { $(const _: () = <$type as $fact<_>>::FACT;)+ };
}

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

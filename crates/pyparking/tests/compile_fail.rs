//! What the types must not allow, held at compile time.
//!
//! If one of these facts changes, this file no longer compiles: where a type must *not* have a trait, a
//! constant below would become ambiguous. That needs no compiler messages, which differ between toolchains.
//! Borrows that must not outlive what they borrow are in `compile_fail.md`, as documentation tests.

use pyparking::{Lot, ParkOptions, Queue, RawMutex, RawMutexGuard, Snapshot, ThreadHandle};

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

macro_rules! never_send {
    ($($type:ty),+) => { $(const _: () = <$type as SendOrNot<_>>::FACT;)+ };
}
macro_rules! never_sync {
    ($($type:ty),+) => { $(const _: () = <$type as SyncOrNot<_>>::FACT;)+ };
}

const fn is_send<T: ?Sized + Send>() {}
const fn is_sync<T: ?Sized + Sync>() {}

// A guard must be dropped by the thread that locked.
never_send![RawMutexGuard<'static>];

// A queue is only there while its bucket is locked by this thread.
never_send![Queue<'static>];
never_sync![Queue<'static>];

// The argument may point to the stack of the one who made the options.
never_send![ParkOptions];

const _: () = {
    is_send::<RawMutex>();
    is_sync::<RawMutex>();
    is_send::<Lot<8>>();
    is_sync::<Lot<8>>();
    is_send::<ThreadHandle>();
    is_sync::<ThreadHandle>();
    is_send::<Snapshot>();
    is_sync::<Snapshot>();
};

/// The facts above are checked when this file is compiled; this says so in the list of tests.
#[test]
fn the_facts_of_this_file_hold() {
    static _IN_A_STATIC: (RawMutex, Lot<2>) = (RawMutex::new(), Lot::new());
}

//! What the types must not allow, held at compile time.
//!
//! If one of these facts changes, this file no longer compiles: where a type must *not* have a trait, a
//! constant below would become ambiguous. That needs no compiler messages, which differ between toolchains.
//! Borrows that must not outlive what they borrow are in `compile_fail.md`, as documentation tests.

use pyparking::{Lot, ParkOptions, Queue, RawMutex, RawMutexGuard, Snapshot, ThreadHandle};
use trial::facts::{SendOrNot, SyncOrNot, is_send, is_sync, never};

// A guard must be dropped by the thread that locked.
never![SendOrNot: RawMutexGuard<'static>];

// A queue is only there while its bucket is locked by this thread.
never![SendOrNot: Queue<'static>];
never![SyncOrNot: Queue<'static>];

// The argument may point to the stack of the one who made the options.
never![SendOrNot: ParkOptions];

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

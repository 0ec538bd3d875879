//! What the types must not allow, held at compile time.
//!
//! If one of these facts changes, this file no longer compiles: where a type must *not* have a trait, a
//! constant below would become ambiguous. That needs no compiler messages, which differ between toolchains.
//! Borrows that must not outlive what they borrow are in `compile_fail.md`, as documentation tests.

use pyparking::primitive::UnsafeCell;
use pysync::{
    Event, Mutex, MutexCell, MutexCellGuard, MutexGuard, OnceCell, OnceFlag, PlainData,
    RecursiveMutex, RecursiveMutexGuard, RwCell, RwCellReadGuard, RwCellWriteGuard, RwMutex,
    RwReadGuard, RwWriteGuard, SeqCell, SeqLock,
};
use std::rc::Rc;
use trial::facts::{SendOrNot, SyncOrNot, is_send, is_sync, never};

/// The same for `PlainData`.
trait PlainOrNot<Which> {
    const FACT: () = ();
}
impl<T: ?Sized> PlainOrNot<()> for T {}
impl<T: PlainData> PlainOrNot<u8> for T {}

const fn is_plain<T: PlainData>() {}

/// `Send`, but not `Sync`.
type Lonely = UnsafeCell<u8>;

// A guard must be dropped by the thread that locked.
never![SendOrNot:
    MutexGuard<'static>,
    RwReadGuard<'static>,
    RwWriteGuard<'static>,
    RecursiveMutexGuard<'static>,
    MutexCellGuard<'static, u8>,
    RwCellReadGuard<'static, u8>,
    RwCellWriteGuard<'static, u8>
];

// Sharing a guard shares the value.
never![SyncOrNot:
    MutexCellGuard<'static, Lonely>,
    RwCellReadGuard<'static, Lonely>,
    RwCellWriteGuard<'static, Lonely>
];
const _: () = {
    is_sync::<MutexCellGuard<'static, u8>>();
    is_sync::<RwCellReadGuard<'static, u8>>();
    is_sync::<RwCellWriteGuard<'static, u8>>();
};

// A mutex makes its value shareable if it can be sent, and not otherwise.
never![SendOrNot: MutexCell<Rc<u8>>];
never![SyncOrNot: MutexCell<Rc<u8>>];
const _: () = {
    is_sync::<MutexCell<Lonely>>();
    is_send::<MutexCell<Lonely>>();
};

// Readers share the value, so that it must be shareable too.
never![SendOrNot: RwCell<Rc<u8>>];
never![SyncOrNot: RwCell<Lonely>, RwCell<Rc<u8>>];
const _: () = {
    is_sync::<RwCell<Vec<u8>>>();
};

// So do the users of a value that is made once; and another thread may drop it than made it.
never![SendOrNot: OnceCell<Rc<u8>>];
never![SyncOrNot: OnceCell<Lonely>, OnceCell<Rc<u8>>];
const _: () = {
    is_sync::<OnceCell<Vec<u8>>>();
    is_send::<OnceCell<Lonely>>();
};

// Plain data is neither owned elsewhere nor borrowed, and has no padding.
never![PlainOrNot: String, Box<u8>, &'static u8, Option<u32>, (u8, u32), [Option<u8>; 2]];
const _: () = {
    is_plain::<[[u32; 4]; 2]>();
};

// What a pointer points to is the caller's business, so a cell with one stays on its thread.
never![SendOrNot: SeqCell<*const u8>];
never![SyncOrNot: SeqCell<*const u8>];
const _: () = {
    is_sync::<SeqCell<u64>>();
    is_send::<SeqCell<u64>>();
};

/// The raw forms go anywhere.
const _: () = {
    is_send::<(Mutex, Event, OnceFlag, RecursiveMutex, RwMutex, SeqLock)>();
    is_sync::<(Mutex, Event, OnceFlag, RecursiveMutex, RwMutex, SeqLock)>();
};

/// The facts above are checked when this file is compiled; this says so in the list of tests.
#[test]
fn the_facts_of_this_file_hold() {
    static IN_A_STATIC: (MutexCell<Lonely>, SeqCell<u8>) =
        (MutexCell::new(Lonely::new(1)), SeqCell::new(2));
    assert_eq!(IN_A_STATIC.1.load(), 2);
}

//! Sizes, numbers and messages that callers rely on.

use pysync::{
    Event, LockFlags, LockStatus, Mutex, MutexCell, NotLocked, NotOwner, OnceFlag, RawMutex,
    RecursiveMutex, RwMutex, SeqLock,
};
use std::error::Error;

#[test]
fn sizes_are_those_of_cpython() {
    assert_eq!([size_of::<Mutex>(), size_of::<Event>(), size_of::<OnceFlag>()], [1; 3]);
    assert_eq!([size_of::<RwMutex>(), size_of::<RawMutex>()], [size_of::<usize>(); 2]);
    assert_eq!(size_of::<SeqLock>(), 4);
    if size_of::<usize>() == 8 {
        assert_eq!(size_of::<RecursiveMutex>(), 24);
    }
    assert_eq!(size_of::<MutexCell<u8>>(), 2, "a cell costs its mutex");
}

#[test]
fn everything_can_be_in_a_static() {
    static ALL: (Mutex, Event, OnceFlag, RecursiveMutex, RwMutex, SeqLock, RawMutex) = (
        Mutex::new(),
        Event::new(),
        OnceFlag::new(),
        RecursiveMutex::new(),
        RwMutex::new(),
        SeqLock::new(),
        RawMutex::new(),
    );
    assert!(!ALL.0.is_locked() && !ALL.3.is_locked() && !ALL.6.is_locked());
}

#[test]
fn statuses_have_the_numbers_of_cpython() {
    let numbers = [LockStatus::Failure, LockStatus::Acquired, LockStatus::Intr];
    assert_eq!(numbers.map(|status| status as i32), [0, 1, 2]);
}

#[test]
fn flags_have_the_numbers_of_cpython() {
    let [empty, detach, handle, fail] = [
        LockFlags::EMPTY,
        LockFlags::DETACH,
        LockFlags::HANDLE_SIGNALS,
        LockFlags::FAIL_IF_INTERRUPTED,
    ];
    assert_eq!([empty, detach, handle, fail].map(LockFlags::bits), [0, 1, 2, 4]);
    assert_eq!(LockFlags::default(), empty);
    let both = detach | fail;
    assert!(both.contains(detach) && both.contains(fail) && both.contains(empty));
    assert!(!both.contains(handle) && !both.contains(handle | detach));
    assert_eq!(LockFlags::from_bits_truncate(0xFF), detach | handle | fail);
    assert_eq!(LockFlags::from_bits_truncate(both.bits()), both);
}

#[test]
fn flags_print_their_names() {
    assert_eq!(format!("{:?}", LockFlags::EMPTY), "LockFlags()");
    let two = LockFlags::DETACH | LockFlags::HANDLE_SIGNALS;
    assert_eq!(format!("{two:?}"), "LockFlags(DETACH | HANDLE_SIGNALS)");
    assert_eq!(format!("{:?}", LockFlags::FAIL_IF_INTERRUPTED), "LockFlags(FAIL_IF_INTERRUPTED)");
}

#[test]
fn errors_say_what_is_wrong_and_what_was_expected() {
    let not_locked: &dyn Error = &NotLocked;
    assert_eq!(
        not_locked.to_string(),
        "the mutex is not locked: every unlock needs a lock before it"
    );
    let not_owner: &dyn Error = &NotOwner;
    assert_eq!(
        not_owner.to_string(),
        "the recursive mutex is not owned by this thread: only the owner can unlock it"
    );
}

//! The lock of one word.

use pyparking::RawMutex;
use pyparking::primitive::UnsafeCell;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use trial::until::{joined, until};

#[test]
fn is_one_word_and_zero_when_fresh() {
    assert_eq!(size_of::<RawMutex>(), size_of::<usize>());
    // SAFETY: all-zero is a free mutex, says its documentation.
    let zeroed: RawMutex = unsafe { core::mem::zeroed() };
    assert!(!zeroed.is_locked());
    zeroed.lock();
    assert!(zeroed.is_locked());
    // SAFETY: this test has locked it.
    unsafe { zeroed.unlock() };
    assert!(!RawMutex::default().is_locked());
}

#[test]
fn try_lock_tells_whether_it_was_free() {
    let mutex = RawMutex::new();
    assert!(mutex.try_lock());
    assert!(!mutex.try_lock());
    // SAFETY: this test has locked it.
    unsafe { mutex.unlock() };
    assert!(mutex.try_lock());
    // SAFETY: this test has locked it.
    unsafe { mutex.unlock() };
}

#[test]
fn a_guard_unlocks_on_unwind() {
    static MUTEX: RawMutex = RawMutex::new();
    let unwound = catch_unwind(|| {
        let _held = MUTEX.guard();
        assert!(MUTEX.is_locked());
        resume_unwind(Box::new(()));
    });
    assert!(unwound.is_err());
    assert!(!MUTEX.is_locked());
}

#[test]
fn debug_never_blocks() {
    let mutex = RawMutex::new();
    assert_eq!(format!("{mutex:?}"), "RawMutex { locked: false }");
    let held = mutex.guard();
    assert_eq!(format!("{mutex:?}"), "RawMutex { locked: true }");
    assert!(format!("{held:?}").contains("locked: true"));
}

/// A number that a raw mutex protects; a plain one, so that a race is seen by who looks for races.
struct Counter {
    mutex: RawMutex,
    value: UnsafeCell<usize>,
}

// SAFETY: the value is used under the mutex only.
unsafe impl Sync for Counter {}

#[test]
fn threads_exclude_each_other() {
    let (threads, turns) = if cfg!(miri) { (3, 5) } else { (8, 2_000) };
    let counter = Arc::new(Counter { mutex: RawMutex::new(), value: UnsafeCell::new(0) });
    let adders: Vec<_> = (0..threads)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                for _ in 0..turns {
                    let _held = counter.mutex.guard();
                    // SAFETY: the mutex is held.
                    unsafe { *counter.value.get() += 1 };
                }
            })
        })
        .collect();
    adders.into_iter().for_each(joined);
    assert!(!counter.mutex.is_locked());
    // SAFETY: all threads are gone.
    assert_eq!(unsafe { *counter.value.get() }, threads * turns);
}

/// Whoever waits gets the mutex in the end, and the word is free again after the last.
#[test]
fn everybody_who_waits_gets_it() {
    static MUTEX: RawMutex = RawMutex::new();
    MUTEX.lock();
    let (tell, told) = mpsc::channel();
    let waiters: Vec<_> = (0..6)
        .map(|number| {
            let tell = tell.clone();
            thread::spawn(move || {
                tell.send(()).expect("the test listens");
                let _held = MUTEX.guard();
                number
            })
        })
        .collect();
    waiters.iter().for_each(|_| told.recv().expect("the threads tell"));
    assert!(!MUTEX.try_lock());
    // SAFETY: this test has locked it.
    unsafe { MUTEX.unlock() };
    let mut passed: Vec<_> = waiters.into_iter().map(joined).collect();
    passed.sort_unstable();
    assert_eq!(passed, [0, 1, 2, 3, 4, 5]);
    until("the mutex to be free", || MUTEX.try_lock());
    // SAFETY: this test has locked it.
    unsafe { MUTEX.unlock() };
    assert!(!MUTEX.is_locked());
}

/// The mutex may be freed by whoever holds it last, right after the unlock of the one before.
#[test]
fn can_be_freed_by_the_last_holder() {
    let rounds = if cfg!(miri) { 4 } else { 500 };
    for _ in 0..rounds {
        let mutex = Arc::new(RawMutex::new());
        mutex.lock();
        let other = Arc::clone(&mutex);
        let last = thread::spawn(move || {
            other.lock();
            // SAFETY: this test has locked it.
            unsafe { other.unlock() };
            drop(other);
        });
        // SAFETY: this test has locked it.
        unsafe { mutex.unlock() };
        drop(mutex);
        joined(last);
    }
}

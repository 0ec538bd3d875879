//! The mutex that its owner may lock again.

use pyparking::ThreadHandle;
use pysync::{LockFlags, LockStatus, NotOwner, RecursiveMutex};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trial::until::{joined, until_asleep};

const BRIEFLY: Option<Duration> = Some(Duration::from_millis(2));

/// What another thread finds out about `mutex`.
fn elsewhere<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    joined(thread::spawn(ask))
}

#[test]
fn is_zero_when_fresh() {
    // SAFETY: all-zero is a mutex without owner, says its documentation.
    let zeroed: RecursiveMutex = unsafe { core::mem::zeroed() };
    for mutex in [zeroed, RecursiveMutex::new(), RecursiveMutex::default()] {
        assert!(!mutex.is_locked() && !mutex.is_locked_by_current_thread());
        assert_eq!((mutex.bits(), mutex.level()), (0, 0));
        mutex.lock();
        assert!(mutex.is_locked() && mutex.is_locked_by_current_thread());
        assert_eq!((mutex.bits(), mutex.level()), (1, 0));
        mutex.unlock();
        assert_eq!((mutex.bits(), mutex.level()), (0, 0));
    }
}

#[test]
fn the_owner_locks_as_often_as_it_likes_in_every_way() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    MUTEX.lock();
    MUTEX.lock();
    assert!(MUTEX.try_lock());
    let again = MUTEX.lock_timed(Some(Duration::ZERO), LockFlags::EMPTY);
    assert_eq!(again, LockStatus::Acquired);
    let guard = MUTEX.guard();
    assert_eq!(MUTEX.level(), 4);
    drop(guard);
    for level in (0..=3).rev() {
        assert_eq!(MUTEX.level(), level);
        assert!(elsewhere(|| !MUTEX.try_lock()));
        MUTEX.unlock();
    }
    assert!(!MUTEX.is_locked());
    assert!(elsewhere(|| {
        let free = MUTEX.try_lock();
        MUTEX.unlock();
        free
    }));
}

#[test]
fn others_wait_fail_or_are_refused() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    let _held = MUTEX.guard();
    let _twice = MUTEX.guard();
    assert!(elsewhere(|| !MUTEX.is_locked_by_current_thread() && MUTEX.is_locked()));
    assert_eq!(elsewhere(|| MUTEX.try_unlock()), Err(NotOwner));
    for timeout in [Some(Duration::ZERO), BRIEFLY] {
        let status = elsewhere(move || MUTEX.lock_timed(timeout, LockFlags::DETACH));
        assert_eq!(status, LockStatus::Failure);
    }
    assert_eq!(MUTEX.level(), 1, "none of this changed anything");
    assert!(MUTEX.is_locked_by_current_thread());
}

#[test]
fn try_unlock_of_a_free_mutex_is_an_error() {
    let mutex = RecursiveMutex::new();
    assert_eq!(mutex.try_unlock(), Err(NotOwner));
    mutex.lock();
    mutex.lock();
    assert_eq!([mutex.try_unlock(), mutex.try_unlock()], [Ok(()), Ok(())]);
    assert_eq!(mutex.try_unlock(), Err(NotOwner));
}

#[test]
fn a_waiter_gets_it_after_the_last_unlock() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    MUTEX.lock();
    MUTEX.lock();
    let waiter = thread::spawn(|| {
        MUTEX.lock();
        let found = (MUTEX.is_locked_by_current_thread(), MUTEX.level());
        MUTEX.unlock();
        found
    });
    trial::until::until("the waiter to be asleep", || MUTEX.bits() == 3);
    MUTEX.unlock();
    assert_eq!(MUTEX.bits(), 3, "still owned");
    assert!(!waiter.is_finished());
    MUTEX.unlock();
    assert_eq!(joined(waiter), (true, 0));
}

#[test]
fn an_interrupt_ends_the_wait_if_asked_to() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    let _held = MUTEX.guard();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let status = MUTEX.lock_timed(None, LockFlags::FAIL_IF_INTERRUPTED);
        (status, MUTEX.is_locked_by_current_thread())
    });
    let handle = told.recv().expect("the thread tells");
    until_asleep(&MUTEX, 1);
    assert!(handle.interrupt());
    assert_eq!(joined(waiter), (LockStatus::Intr, false));
    assert_eq!(MUTEX.bits(), 1);
}

/// What a condition variable does: give up every level, let others in, take every level back.
#[test]
fn all_levels_can_be_given_up_and_taken_back() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    for level in 0..3 {
        (0..=level).for_each(|_| MUTEX.lock());
        let saved = MUTEX.release_save();
        assert!(!MUTEX.is_locked() && !MUTEX.is_locked_by_current_thread());
        elsewhere(|| drop(MUTEX.guard()));
        MUTEX.acquire_restore(saved);
        assert!(MUTEX.is_locked_by_current_thread());
        assert_eq!(MUTEX.level(), level);
        (0..=level).for_each(|_| MUTEX.unlock());
        assert_eq!(MUTEX.try_unlock(), Err(NotOwner));
    }
}

#[test]
fn levels_come_back_on_top_of_newer_ones() {
    let mutex = RecursiveMutex::new();
    mutex.lock();
    mutex.lock();
    let saved = mutex.release_save();
    mutex.lock();
    mutex.acquire_restore(saved);
    assert_eq!(mutex.level(), 2, "one new and two old ones");
    (0..3).for_each(|_| mutex.unlock());
    assert!(!mutex.is_locked());
}

#[test]
fn release_save_wakes_who_waits() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    MUTEX.lock();
    MUTEX.lock();
    let waiter = thread::spawn(|| drop(MUTEX.guard()));
    until_asleep(&MUTEX, 1);
    let saved = MUTEX.release_save();
    joined(waiter);
    MUTEX.acquire_restore(saved);
    assert_eq!(MUTEX.level(), 1);
    MUTEX.unlock();
    MUTEX.unlock();
}

#[test]
fn guards_unlock_on_unwind_one_level_each() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    MUTEX.lock();
    let unwound = catch_unwind(|| {
        let _once = MUTEX.guard();
        let _twice = MUTEX.guard();
        assert_eq!(MUTEX.level(), 2);
        resume_unwind(Box::new(()));
    });
    assert!(unwound.is_err());
    assert_eq!(MUTEX.level(), 0);
    assert!(MUTEX.is_locked_by_current_thread());
    MUTEX.unlock();
}

#[test]
fn debug_never_blocks() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    let _held = MUTEX.guard();
    let me = pyparking::ident::current();
    let expected = format!("RecursiveMutex {{ locked: true, owner: {me}, level: 0 }}");
    assert_eq!(elsewhere(|| format!("{MUTEX:?}")), expected);
}

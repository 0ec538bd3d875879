//! The one-byte mutex.

use pyparking::primitive::UnsafeCell;
use pyparking::{ThreadHandle, monotonic_nanos, take_interrupt};
use pysync::{LockFlags, LockStatus, Mutex, NotLocked};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until_asleep, until_overdue};

const BRIEFLY: Option<Duration> = Some(Duration::from_millis(2));

#[test]
fn is_zero_when_fresh() {
    // SAFETY: all-zero is a free mutex, says its documentation.
    let zeroed: Mutex = unsafe { core::mem::zeroed() };
    for mutex in [zeroed, Mutex::new(), Mutex::default()] {
        assert_eq!(mutex.bits(), 0);
        assert!(!mutex.is_locked());
        mutex.lock();
        assert_eq!(mutex.bits(), 1);
        assert!(mutex.is_locked());
        mutex.unlock();
        assert_eq!(mutex.bits(), 0);
    }
}

#[test]
fn try_lock_never_waits() {
    let mutex = Mutex::new();
    assert!(mutex.try_lock());
    assert!(!mutex.try_lock());
    assert_eq!(mutex.bits(), 1);
    mutex.unlock();
    assert!(mutex.try_lock());
    mutex.unlock();
}

#[test]
fn try_unlock_of_a_free_mutex_is_an_error_and_changes_nothing() {
    let mutex = Mutex::new();
    assert_eq!(mutex.try_unlock(), Err(NotLocked));
    assert_eq!(mutex.bits(), 0);
    mutex.lock();
    assert_eq!(mutex.try_unlock(), Ok(()));
    assert_eq!(mutex.try_unlock(), Err(NotLocked));
}

#[test]
fn try_unlock_wakes_like_unlock() {
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let waiter = thread::spawn(|| drop(MUTEX.guard()));
    until_asleep(&MUTEX, 1);
    assert_eq!(MUTEX.try_unlock(), Ok(()));
    joined(waiter);
    assert_eq!(MUTEX.bits(), 0);
}

#[test]
fn another_thread_may_unlock() {
    let mutex = Arc::new(Mutex::new());
    mutex.lock();
    let other = Arc::clone(&mutex);
    joined(thread::spawn(move || other.unlock()));
    assert_eq!(mutex.bits(), 0);
}

#[test]
fn a_free_mutex_is_acquired_whatever_the_timeout() {
    let mutex = Mutex::new();
    for timeout in [None, Some(Duration::ZERO), BRIEFLY, Some(Duration::MAX)] {
        for flags in [LockFlags::EMPTY, LockFlags::DETACH, LockFlags::FAIL_IF_INTERRUPTED] {
            assert_eq!(mutex.lock_timed(timeout, flags), LockStatus::Acquired);
            mutex.unlock();
        }
    }
}

#[test]
fn a_timeout_is_never_early_and_leaves_no_bit() {
    let mutex = Mutex::new();
    mutex.lock();
    for wait in [0, 1, 1_000, 2_000_000].map(Duration::from_nanos) {
        let begun = monotonic_nanos();
        assert_eq!(mutex.lock_timed(Some(wait), LockFlags::DETACH), LockStatus::Failure);
        assert!(monotonic_nanos() - begun >= wait.as_nanos() as u64, "early for {wait:?}");
        assert_eq!(mutex.bits(), 1);
    }
    mutex.unlock();
    assert_eq!(mutex.bits(), 0);
}

#[test]
fn a_timeout_leaves_the_bit_to_others_who_wait() {
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let waiter = thread::spawn(|| drop(MUTEX.guard()));
    until_asleep(&MUTEX, 1);
    assert_eq!(MUTEX.lock_timed(BRIEFLY, LockFlags::DETACH), LockStatus::Failure);
    assert_eq!(MUTEX.bits(), 3);
    MUTEX.unlock();
    joined(waiter);
    assert_eq!(MUTEX.bits(), 0);
}

#[test]
fn an_absurd_timeout_waits_until_the_unlock() {
    static MUTEX: Mutex = Mutex::new();
    for timeout in [None, Some(Duration::MAX), Some(Duration::from_nanos(u64::MAX))] {
        MUTEX.lock();
        let waiter = thread::spawn(move || MUTEX.lock_timed(timeout, LockFlags::DETACH));
        until_asleep(&MUTEX, 1);
        assert_eq!(MUTEX.bits(), 3);
        MUTEX.unlock();
        assert_eq!(joined(waiter), LockStatus::Acquired);
        MUTEX.unlock();
    }
}

/// Whoever has waited for a millisecond is handed the mutex, so the order is the order of arrival.
#[test]
fn overdue_waiters_get_it_in_the_order_in_which_they_came() {
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let (tell, told) = mpsc::channel();
    let waiters: Vec<_> = (0..5)
        .map(|number| {
            let tell = tell.clone();
            let waiter = thread::spawn(move || {
                let _held = MUTEX.guard();
                tell.send(number).expect("the test listens");
            });
            until_asleep(&MUTEX, number + 1);
            waiter
        })
        .collect();
    until_overdue(&MUTEX, 5);
    MUTEX.unlock();
    let order: Vec<_> = (0..5).map(|_| told.recv().expect("each tells")).collect();
    waiters.into_iter().for_each(joined);
    assert_eq!(order, [0, 1, 2, 3, 4]);
    assert_eq!(MUTEX.bits(), 0);
}

/// A hand-off leaves no moment in which the mutex is free.
#[test]
fn an_overdue_waiter_is_not_overtaken() {
    static MUTEX: Mutex = Mutex::new();
    let (go, going) = mpsc::channel::<()>();
    MUTEX.lock();
    let waiter = thread::spawn(move || {
        let _held = MUTEX.guard();
        going.recv().expect("the test says when");
    });
    until_overdue(&MUTEX, 1);
    MUTEX.unlock();
    assert!(MUTEX.is_locked(), "it was handed over");
    assert!(!MUTEX.try_lock());
    go.send(()).expect("the waiter listens");
    joined(waiter);
}

#[test]
fn interrupts_end_the_wait_if_asked_to() {
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let status = MUTEX.lock_timed(None, LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED);
        (status, take_interrupt())
    });
    let handle = told.recv().expect("the thread tells");
    until_asleep(&MUTEX, 1);
    assert!(handle.interrupt());
    assert_eq!(joined(waiter), (LockStatus::Intr, false));
    assert_eq!(MUTEX.bits(), 1, "the last who gives up takes the bit along");
    MUTEX.unlock();
}

/// Without hooks there are no pending calls that could fail.
#[test]
fn handled_interrupts_do_not_end_the_wait() {
    static MUTEX: Mutex = Mutex::new();
    for flags in [LockFlags::DETACH, LockFlags::HANDLE_SIGNALS] {
        MUTEX.lock();
        let (tell, told) = mpsc::channel();
        let waiter = thread::spawn(move || {
            tell.send(ThreadHandle::current()).expect("the test listens");
            let status = MUTEX.lock_timed(None, flags);
            MUTEX.unlock();
            (status, take_interrupt())
        });
        let handle = told.recv().expect("the thread tells");
        for _ in 0..3 {
            until_asleep(&MUTEX, 1);
            assert!(handle.interrupt());
        }
        until_asleep(&MUTEX, 1);
        MUTEX.unlock();
        let (status, kept) = joined(waiter);
        assert_eq!(status, LockStatus::Acquired);
        // Whoever does not listen to interrupts leaves them for who does.
        assert!(kept || flags == LockFlags::HANDLE_SIGNALS);
    }
}

#[test]
fn a_guard_unlocks_on_unwind_and_nothing_is_poisoned() {
    static MUTEX: Mutex = Mutex::new();
    let unwound = catch_unwind(|| {
        let _held = MUTEX.guard();
        resume_unwind(Box::new(()));
    });
    assert!(unwound.is_err());
    assert_eq!(MUTEX.bits(), 0);
    drop(MUTEX.guard());
}

#[test]
fn debug_never_blocks() {
    let mutex = Mutex::new();
    assert_eq!(format!("{mutex:?}"), "Mutex { locked: false, has_parked: false }");
    let held = mutex.guard();
    assert_eq!(format!("{mutex:?}"), "Mutex { locked: true, has_parked: false }");
    assert!(format!("{held:?}").contains("locked: true"));
}

/// A number that a mutex protects; plain, so that a race is seen by who looks for races.
struct Counter {
    mutex: Mutex,
    value: UnsafeCell<usize>,
}

// SAFETY: the value is used under the mutex only.
unsafe impl Sync for Counter {}

#[test]
fn threads_exclude_each_other() {
    let (threads, turns) = if cfg!(miri) { (3, 4) } else { (6, 2_000) };
    let counter = Arc::new(Counter { mutex: Mutex::new(), value: UnsafeCell::new(0) });
    let adders: Vec<_> = (0..threads)
        .map(|number| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                for turn in 0..turns {
                    if (turn + number) % 3 == 0 {
                        let limit = Some(Duration::from_secs(100));
                        let status = counter.mutex.lock_timed(limit, LockFlags::DETACH);
                        assert_eq!(status, LockStatus::Acquired);
                    } else {
                        counter.mutex.lock();
                    }
                    // SAFETY: the mutex is held.
                    unsafe { *counter.value.get() += 1 };
                    counter.mutex.unlock();
                }
            })
        })
        .collect();
    adders.into_iter().for_each(joined);
    assert_eq!(counter.mutex.bits(), 0);
    // SAFETY: all threads are gone.
    assert_eq!(unsafe { *counter.value.get() }, threads * turns);
}

/// The last holder may free the mutex while the one before is still returning from its unlock.
#[test]
fn can_be_freed_by_the_last_holder() {
    let rounds = if cfg!(miri) { 4 } else { 500 };
    for _ in 0..rounds {
        let mutex = Arc::new(Mutex::new());
        mutex.lock();
        let other = Arc::clone(&mutex);
        let last = thread::spawn(move || {
            other.lock();
            other.unlock();
        });
        mutex.unlock();
        drop(mutex);
        joined(last);
    }
}

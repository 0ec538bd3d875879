//! The read-write mutex.

use pyparking::primitive::UnsafeCell;
use pyparking::{ThreadHandle, monotonic_nanos};
use pysync::{LockFlags, LockStatus, RwMutex};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until, until_asleep, until_overdue};

const BRIEFLY: Option<Duration> = Some(Duration::from_millis(2));

#[test]
fn is_zero_when_fresh() {
    // SAFETY: all-zero is a free mutex, says its documentation.
    let zeroed: RwMutex = unsafe { core::mem::zeroed() };
    for mutex in [zeroed, RwMutex::new(), RwMutex::default()] {
        assert_eq!((mutex.bits(), mutex.reader_count(), mutex.is_write_locked()), (0, 0, false));
        mutex.read_lock();
        mutex.read_lock();
        assert_eq!((mutex.bits(), mutex.reader_count(), mutex.is_write_locked()), (8, 2, false));
        mutex.read_unlock();
        mutex.read_unlock();
        mutex.write_lock();
        assert_eq!((mutex.bits(), mutex.reader_count(), mutex.is_write_locked()), (1, 0, true));
        mutex.write_unlock();
        assert_eq!(mutex.bits(), 0);
    }
}

#[test]
fn try_forms_never_wait() {
    let mutex = RwMutex::new();
    assert!(mutex.try_read_lock() && mutex.try_read_lock());
    assert!(!mutex.try_write_lock());
    assert_eq!(mutex.bits(), 8);
    mutex.read_unlock();
    mutex.read_unlock();
    assert!(mutex.try_write_lock());
    assert!(!mutex.try_write_lock() && !mutex.try_read_lock());
    assert_eq!(mutex.bits(), 1);
    mutex.write_unlock();
}

#[test]
fn a_free_mutex_is_acquired_whatever_the_timeout() {
    let mutex = RwMutex::new();
    for timeout in [None, Some(Duration::ZERO), BRIEFLY, Some(Duration::MAX)] {
        assert_eq!(mutex.read_lock_timed(timeout, LockFlags::EMPTY), LockStatus::Acquired);
        mutex.read_unlock();
        assert_eq!(mutex.write_lock_timed(timeout, LockFlags::EMPTY), LockStatus::Acquired);
        mutex.write_unlock();
    }
}

#[test]
fn a_timeout_is_never_early_and_leaves_no_bit() {
    let mutex = RwMutex::new();
    for wait in [0, 1, 1_000, 2_000_000].map(Duration::from_nanos) {
        let begun = monotonic_nanos();
        mutex.read_lock();
        assert_eq!(mutex.write_lock_timed(Some(wait), LockFlags::DETACH), LockStatus::Failure);
        assert_eq!(mutex.bits(), 4);
        mutex.read_unlock();
        assert!(monotonic_nanos() - begun >= wait.as_nanos() as u64, "early for {wait:?}");
        let begun = monotonic_nanos();
        mutex.write_lock();
        assert_eq!(mutex.write_lock_timed(Some(wait), LockFlags::DETACH), LockStatus::Failure);
        assert_eq!(mutex.read_lock_timed(Some(wait), LockFlags::DETACH), LockStatus::Failure);
        assert_eq!(mutex.bits(), 1);
        mutex.write_unlock();
        assert!(monotonic_nanos() - begun >= 2 * wait.as_nanos() as u64, "early for {wait:?}");
    }
}

/// New readers queue behind a writer that waits, and so the writer comes in between.
#[test]
fn a_waiting_writer_goes_before_new_readers() {
    static MUTEX: RwMutex = RwMutex::new();
    let (tell, told) = mpsc::channel();
    MUTEX.read_lock();
    let writer = thread::spawn({
        let tell = tell.clone();
        move || {
            let _alone = MUTEX.write_guard();
            tell.send("writer").expect("the test listens");
        }
    });
    until_asleep(&MUTEX, 1);
    assert_eq!(MUTEX.bits(), 6);
    assert!(!MUTEX.try_read_lock(), "there is a reader, but a writer waits");
    assert_eq!(MUTEX.read_lock_timed(BRIEFLY, LockFlags::DETACH), LockStatus::Failure);
    let reader = thread::spawn(move || {
        let _shared = MUTEX.read_guard();
        tell.send("reader").expect("the test listens");
    });
    until_asleep(&MUTEX, 2);
    MUTEX.read_unlock();
    joined(writer);
    joined(reader);
    assert_eq!([told.recv(), told.recv()], [Ok("writer"), Ok("reader")]);
    assert_eq!(MUTEX.bits(), 0);
}

/// The readers that only wait because of a writer do not wait for one that is no longer there.
#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_go() {
    static MUTEX: RwMutex = RwMutex::new();
    let flags = LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED;
    MUTEX.read_lock();
    let (tell, told) = mpsc::channel();
    let writer = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        MUTEX.write_lock_timed(None, flags)
    });
    let handle = told.recv().expect("the thread tells");
    until_asleep(&MUTEX, 1);
    let readers = [(); 2].map(|()| thread::spawn(|| MUTEX.read_lock()));
    until_asleep(&MUTEX, 3);
    assert!(handle.interrupt());
    assert_eq!(joined(writer), LockStatus::Intr);
    // They come in although the first reader is still there.
    readers.into_iter().for_each(joined);
    assert_eq!(MUTEX.bits(), 12);
    (0..3).for_each(|_| MUTEX.read_unlock());
}

/// But they go on waiting if there is another writer.
#[test]
fn a_writer_that_gives_up_leaves_the_readers_to_the_next_writer() {
    static MUTEX: RwMutex = RwMutex::new();
    MUTEX.read_lock();
    let writer = thread::spawn(|| drop(MUTEX.write_guard()));
    until_asleep(&MUTEX, 1);
    let reader = thread::spawn(|| drop(MUTEX.read_guard()));
    until_asleep(&MUTEX, 2);
    assert_eq!(MUTEX.write_lock_timed(BRIEFLY, LockFlags::DETACH), LockStatus::Failure);
    until_asleep(&MUTEX, 2);
    assert_eq!(MUTEX.bits(), 6);
    MUTEX.read_unlock();
    joined(writer);
    joined(reader);
    assert_eq!(MUTEX.bits(), 0);
}

#[test]
fn a_reader_that_gives_up_leaves_no_bit() {
    static MUTEX: RwMutex = RwMutex::new();
    MUTEX.write_lock();
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        MUTEX.read_lock_timed(Some(Duration::MAX), LockFlags::FAIL_IF_INTERRUPTED)
    });
    let handle = told.recv().expect("the thread tells");
    until_asleep(&MUTEX, 1);
    assert_eq!(MUTEX.bits(), 3);
    assert!(handle.interrupt());
    assert_eq!(joined(reader), LockStatus::Intr);
    assert_eq!(MUTEX.bits(), 1);
    MUTEX.write_unlock();
}

#[test]
fn readers_who_wait_for_a_writer_come_in_together() {
    static MUTEX: RwMutex = RwMutex::new();
    for overdue in [false, true] {
        MUTEX.write_lock();
        let readers = [(); 3].map(|()| thread::spawn(|| MUTEX.read_lock()));
        if overdue {
            until_overdue(&MUTEX, 3)
        } else {
            until_asleep(&MUTEX, 3)
        }
        assert_eq!(MUTEX.bits(), 3);
        MUTEX.write_unlock();
        readers.into_iter().for_each(joined);
        assert_eq!(MUTEX.bits(), 12);
        (0..3).for_each(|_| MUTEX.read_unlock());
        assert_eq!(MUTEX.bits(), 0);
    }
}

/// Past the millisecond the order of arrival decides, between readers and writers too.
#[test]
fn overdue_waiters_get_it_in_the_order_in_which_they_came() {
    static MUTEX: RwMutex = RwMutex::new();
    let (tell, told) = mpsc::channel();
    MUTEX.write_lock();
    let waiters: Vec<_> = ["read", "write", "read", "read", "write"]
        .into_iter()
        .enumerate()
        .map(|(number, wish)| {
            let tell = tell.clone();
            let waiter = thread::spawn(move || {
                if wish == "read" {
                    let _shared = MUTEX.read_guard();
                    tell.send(number).expect("the test listens");
                } else {
                    let _alone = MUTEX.write_guard();
                    tell.send(number).expect("the test listens");
                }
            });
            until_asleep(&MUTEX, number + 1);
            waiter
        })
        .collect();
    until_overdue(&MUTEX, 5);
    MUTEX.write_unlock();
    waiters.into_iter().for_each(joined);
    let mut order: Vec<_> = (0..5).map(|_| told.recv().expect("each tells")).collect();
    // Two readers are handed the mutex together, and may tell in either order.
    order[2..4].sort_unstable();
    assert_eq!(order, [0, 1, 2, 3, 4]);
    assert_eq!(MUTEX.bits(), 0);
}

#[test]
fn guards_unlock_on_unwind_and_nothing_is_poisoned() {
    static MUTEX: RwMutex = RwMutex::new();
    let reader = catch_unwind(|| {
        let _shared = MUTEX.read_guard();
        resume_unwind(Box::new(()));
    });
    let writer = catch_unwind(|| {
        let _alone = MUTEX.write_guard();
        resume_unwind(Box::new(()));
    });
    assert!(reader.is_err() && writer.is_err());
    assert_eq!(MUTEX.bits(), 0);
}

#[test]
fn debug_never_blocks() {
    let mutex = RwMutex::new();
    let shared = mutex.read_guard();
    let text = "RwMutex { write_locked: false, readers: 1, has_parked: false }";
    assert_eq!(format!("{mutex:?}"), text);
    assert!(format!("{shared:?}").contains("readers: 1"));
    drop(shared);
    let alone = mutex.write_guard();
    assert!(format!("{mutex:?}").contains("write_locked: true"));
    assert!(format!("{alone:?}").contains("write_locked: true"));
}

/// Two numbers that writers keep equal; plain, so that a race is seen by who looks for races.
struct Pair {
    mutex: RwMutex,
    values: UnsafeCell<[usize; 2]>,
}

// SAFETY: the values are written under the write lock and read under either.
unsafe impl Sync for Pair {}

#[test]
fn writers_exclude_everybody() {
    let turns = if cfg!(miri) { 3 } else { 1_000 };
    let pair = Arc::new(Pair { mutex: RwMutex::new(), values: UnsafeCell::new([0; 2]) });
    let threads: Vec<_> = (0..6)
        .map(|number| {
            let pair = Arc::clone(&pair);
            thread::spawn(move || {
                for _ in 0..turns {
                    if number < 2 {
                        let _alone = pair.mutex.write_guard();
                        // SAFETY: write-locked.
                        unsafe { (*pair.values.get()).iter_mut().for_each(|value| *value += 1) };
                    } else {
                        let _shared = pair.mutex.read_guard();
                        // SAFETY: read-locked.
                        let [left, right] = unsafe { *pair.values.get() };
                        assert_eq!(left, right);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(joined);
    // SAFETY: all threads are gone.
    assert_eq!(unsafe { *pair.values.get() }, [2 * turns; 2]);
    assert_eq!(pair.mutex.bits(), 0);
}

#[test]
fn can_be_freed_by_the_last_holder() {
    let rounds = if cfg!(miri) { 3 } else { 200 };
    for round in 0..rounds {
        let mutex = Arc::new(RwMutex::new());
        mutex.read_lock();
        let other = Arc::clone(&mutex);
        let last = thread::spawn(move || drop(other.write_guard()));
        if round % 2 == 0 {
            until("the writer to wait", || mutex.bits() == 6);
        }
        mutex.read_unlock();
        drop(mutex);
        joined(last);
    }
}

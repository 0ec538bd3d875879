//! One test for every known defect of CPython's locks, or of other lots, that must not come along.
//!
//! Each is the story of the issue with real threads. The orderings of some are shown by the models; those that
//! need a thread to be late in a hook are in `hooks.rs`.

use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU64;
use pyparking::spin;
use pysync::{Event, LockFlags, LockStatus, Mutex, OnceFlag, RwMutex, SeqLock};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex as StdMutex, MutexGuard as StdGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until_asleep};

const BRIEFLY: Option<Duration> = Some(Duration::from_millis(2));

/// Sets the turns of the process, while no other test runs; the old number comes back with the next test.
fn alone_with_turns(turns: u32) -> StdGuard<'static, ()> {
    static ALONE: StdMutex<()> = StdMutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    spin::set_turns(turns);
    alone
}

/// CPython issue 135871: a lock call with no time to wait spun, and went on to park.
#[test]
fn gh_135871_a_zero_timeout_neither_spins_nor_parks() {
    let _alone = alone_with_turns(spin::FREE_THREADED);
    let (mutex, rw, event) = (Mutex::new(), RwMutex::new(), Event::new());
    mutex.lock();
    rw.write_lock();
    let now = Some(Duration::ZERO);
    let parks = pyparking::totals().parks;
    for flags in [LockFlags::EMPTY, LockFlags::DETACH | LockFlags::HANDLE_SIGNALS] {
        assert_eq!(mutex.lock_timed(now, flags), LockStatus::Failure);
        assert_eq!(rw.read_lock_timed(now, flags), LockStatus::Failure);
        assert_eq!(rw.write_lock_timed(now, flags), LockStatus::Failure);
        assert!(!event.wait_with(now, flags));
    }
    assert_eq!((mutex.bits(), rw.bits(), event.bits()), (1, 1, 0));
    assert_eq!(pyparking::totals().parks, parks);
}

/// CPython issue 121368: a reader of a sequence lock looked at the sequence again without a fence, so its data
/// could be younger than that look. Only a machine with weak memory, or a model, can show the reordering.
#[test]
fn gh_121368_a_reader_never_accepts_half_a_write() {
    static LOCK: SeqLock = SeqLock::new();
    static HALVES: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    let _alone = alone_with_turns(spin::FREE_THREADED);
    let writer = thread::spawn(|| {
        for number in 1..=20_000 {
            LOCK.lock_write();
            for half in &HALVES {
                // ORD: Relaxed, the sequence lock orders it.
                half.store(number, Ordering::Relaxed);
            }
            LOCK.unlock_write();
        }
    });
    while !writer.is_finished() {
        // ORD: Relaxed, the sequence lock orders it.
        let [left, right] = LOCK.read(|| [0, 1].map(|half| HALVES[half].load(Ordering::Relaxed)));
        assert_eq!(left, right, "a torn read was taken for a whole one");
    }
    joined(writer);
}

/// CPython issue 135641: a waiter of another lock in the same bucket kept `HAS_PARKED` set for ever.
#[test]
fn gh_135641_a_neighbour_in_the_bucket_leaves_no_bit() {
    // Mutexes 257 bytes apart share a bucket.
    static MUTEXES: [Mutex; 258] = [const { Mutex::new() }; 258];
    let _alone = alone_with_turns(0);
    let (mutex, neighbour) = (&MUTEXES[0], &MUTEXES[257]);
    mutex.lock();
    neighbour.lock();
    let waiter = thread::spawn(|| {
        mutex.lock();
        let bits = mutex.bits();
        mutex.unlock();
        bits
    });
    let sleeper = thread::spawn(|| drop(neighbour.guard()));
    until_asleep(mutex, 1);
    until_asleep(neighbour, 1);
    mutex.unlock();
    assert_eq!(joined(waiter), 1, "held, and nobody else waits for this one");
    assert_eq!(mutex.bits(), 0);
    neighbour.unlock();
    joined(sleeper);
}

/// The last waiter that gave up left its bit behind, and every later unlock took the slow way. (CPython's mutex
/// does; in `parking_lot` the bit of a read-write lock even kept readers out.)
#[test]
fn the_last_waiter_that_gives_up_takes_the_bit_along() {
    let _alone = alone_with_turns(0);
    let (mutex, rw, event) = (Mutex::new(), RwMutex::new(), Event::new());
    mutex.lock();
    assert_eq!(mutex.lock_timed(BRIEFLY, LockFlags::EMPTY), LockStatus::Failure);
    assert_eq!(mutex.bits(), 1);
    rw.read_lock();
    assert_eq!(rw.write_lock_timed(BRIEFLY, LockFlags::EMPTY), LockStatus::Failure);
    assert_eq!(rw.bits(), 4);
    assert!(rw.try_read_lock(), "no writer waits");
    assert!(!event.wait_timed(BRIEFLY));
    assert_eq!(event.bits(), 0);
}

/// A panic in the function of a once flag left it running, and everybody waiting for ever.
#[test]
fn a_panic_in_a_once_flag_lets_the_next_one_try() {
    static FLAG: OnceFlag = OnceFlag::new();
    let _alone = alone_with_turns(0);
    let (go, going) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let panics = thread::spawn(move || {
        catch_unwind(AssertUnwindSafe(|| {
            FLAG.call_once(|| -> Result<(), ()> {
                tell.send(()).expect("the test listens");
                going.recv().expect("the test says when");
                resume_unwind(Box::new(()))
            })
        }))
    });
    told.recv().expect("the first one tells");
    let waiter = thread::spawn(|| FLAG.call_once(|| Ok::<(), ()>(())));
    until_asleep(&FLAG, 1);
    go.send(()).expect("the first one listens");
    assert!(joined(panics).is_err());
    assert_eq!(joined(waiter), Ok(()));
    assert!(FLAG.is_done());
}

/// A writer that gave up left the readers asleep that had queued behind it. (CPython has no timed form.)
#[test]
fn readers_behind_a_writer_that_gives_up_go_on() {
    static MUTEX: RwMutex = RwMutex::new();
    let _alone = alone_with_turns(0);
    MUTEX.read_lock();
    let (tell, told) = mpsc::channel();
    let writer = thread::spawn(move || {
        tell.send(pyparking::ThreadHandle::current()).expect("the test listens");
        MUTEX.write_lock_timed(None, LockFlags::FAIL_IF_INTERRUPTED)
    });
    let handle = told.recv().expect("the writer tells");
    until_asleep(&MUTEX, 1);
    let reader = thread::spawn(|| MUTEX.read_lock());
    until_asleep(&MUTEX, 2);
    assert!(handle.interrupt());
    assert_eq!(joined(writer), LockStatus::Intr);
    joined(reader);
    assert_eq!(MUTEX.bits(), 8);
}

/// An event that is set while threads wait wakes every one of them.
#[test]
fn an_event_does_not_lose_its_waiters() {
    static EVENT: Event = Event::new();
    let _alone = alone_with_turns(0);
    let waiters = [(); 3].map(|()| thread::spawn(|| EVENT.wait()));
    until_asleep(&EVENT, 3);
    EVENT.notify();
    waiters.into_iter().for_each(joined);
}

//! The scenarios of CPython's own lock tests, retold under their names, and a few of its parking lot's.
//!
//! Where upstream sleeps until something has probably happened, these look until it has.

use pyparking::primitive::UnsafeCell;
use pyparking::{ident, spin};
use pysync::{Event, Mutex, OnceFlag, RecursiveMutex, RwMutex, SeqCell};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until, waits_on};

/// Lock and unlock without contention, with the bits that this makes.
///
/// Scenario of: `test_lock_basic` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_basic() {
    let mutex = Mutex::new();
    mutex.lock();
    assert_eq!(mutex.bits(), 1);
    mutex.unlock();
    assert_eq!(mutex.bits(), 0);
}

/// A second thread comes to a held mutex: the bits go from 1 to 3, and to 0 when both are through.
///
/// Scenario of: `test_lock_two_threads` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_two_threads() {
    static MUTEX: Mutex = Mutex::new();
    static DONE: Event = Event::new();
    MUTEX.lock();
    assert_eq!(MUTEX.bits(), 1);
    let second = thread::spawn(|| {
        MUTEX.lock();
        assert_eq!(MUTEX.bits(), 1, "the only waiter took the bit along");
        MUTEX.unlock();
        assert_eq!(MUTEX.bits(), 0);
        DONE.notify();
    });
    until("the second thread to park", || {
        let bits = MUTEX.bits();
        assert!(bits == 1 || bits == 3, "{bits}");
        bits == 3
    });
    MUTEX.unlock();
    DONE.wait();
    assert_eq!(MUTEX.bits(), 0);
    joined(second);
}

/// A number that a mutex protects; plain, as it is upstream.
struct Counter {
    mutex: Mutex,
    value: UnsafeCell<usize>,
    done: [Event; THREADS],
}

// SAFETY: the value is used under the mutex only.
unsafe impl Sync for Counter {}

const THREADS: usize = 5;

/// `THREADS` threads run `section` in a lock of their own `turns` times each; what they counted.
fn count(turns: usize, section: fn(usize)) -> usize {
    let done = [const { Event::new() }; THREADS];
    let counter = Arc::new(Counter { mutex: Mutex::new(), value: UnsafeCell::new(0), done });
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                for turn in 0..turns {
                    counter.mutex.lock();
                    section(turn);
                    // SAFETY: the mutex is held.
                    unsafe { *counter.value.get() += 1 };
                    counter.mutex.unlock();
                }
                counter.done[number].notify();
            })
        })
        .collect();
    counter.done.iter().for_each(Event::wait);
    assert_eq!(counter.mutex.bits(), 0);
    threads.into_iter().for_each(joined);
    // SAFETY: all threads are gone.
    unsafe { *counter.value.get() }
}

/// Five threads add ten thousand times each, as fast as they can.
///
/// Scenario of: `test_lock_counter` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_counter() {
    assert_eq!(count(10_000, |_| {}), THREADS * 10_000);
}

/// Five threads add a hundred times each, and hold the mutex for two milliseconds now and then, so that it
/// is handed over.
///
/// Scenario of: `test_lock_counter_slow` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_counter_slow() {
    // Who waits parks at once, so that it is asleep when the section has been long.
    spin::set_turns(0);
    let before = pyparking::totals().hand_offs;
    let counted = count(100, |turn| {
        if turn % 7 == 0 {
            // This sleep is the work of the section: nothing waits for it to have lasted long enough.
            thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(counted, THREADS * 100);
    assert!(pyparking::totals().hand_offs > before, "two milliseconds make every waiter overdue");
}

/// The benchmark runs and counts: one thread, one short section, until it is told to stop.
///
/// Scenario of: `test_lock_benchmark` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_benchmark() {
    static STOP: Event = Event::new();
    let (tell, told) = mpsc::channel();
    let worker = thread::spawn(move || {
        let (mutex, mut value, mut turns) = (Mutex::new(), 1.0_f64, 0_u64);
        while !STOP.is_set() {
            mutex.lock();
            value += value;
            mutex.unlock();
            turns += 1;
            if turns == 1_000 {
                tell.send(()).expect("the test listens");
            }
        }
        turns
    });
    told.recv().expect("the worker tells");
    STOP.notify();
    assert!(joined(worker) >= 1_000);
}

/// What is to be done once fails four times, succeeds the fifth, and is not called again.
///
/// Scenario of: `test_lock_once` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_once() {
    let once = OnceFlag::new();
    let mut counter = 0;
    for turn in 0..10 {
        let result = once.call_once(|| {
            counter += 1;
            if counter < 5 { Err(()) } else { Ok(()) }
        });
        assert_eq!(result.is_ok(), turn >= 4);
        assert_eq!(counter, (turn + 1).min(5));
    }
}

/// Two readers, a writer that waits for them, the readers again behind the writer: 8, 10, 3, 8, 0.
///
/// Scenario of: `test_lock_rwlock` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_rwlock() {
    static MUTEX: RwMutex = RwMutex::new();
    static STEPS: [Event; 3] = [const { Event::new() }; 3];
    MUTEX.write_lock();
    assert_eq!(MUTEX.bits(), 1);
    MUTEX.write_unlock();
    assert_eq!(MUTEX.bits(), 0);

    let readers = [(); 2].map(|()| {
        thread::spawn(|| {
            MUTEX.read_lock();
            STEPS[0].wait();
            MUTEX.read_unlock();

            MUTEX.read_lock();
            STEPS[2].wait();
            MUTEX.read_unlock();
        })
    });
    until("two readers", || MUTEX.bits() == 8);
    let writer = thread::spawn(|| {
        MUTEX.write_lock();
        STEPS[1].wait();
        MUTEX.write_unlock();
    });
    until("two readers and a writer that waits", || MUTEX.bits() == 10);
    until("the writer to be asleep", || waits_on(&MUTEX).len() == 1);
    STEPS[0].notify();
    until("the writer, and readers that wait", || MUTEX.bits() == 3);
    STEPS[1].notify();
    until("two readers again", || MUTEX.bits() == 8);
    STEPS[2].notify();
    until("nobody", || MUTEX.bits() == 0);
    readers.into_iter().for_each(joined);
    joined(writer);
}

/// The owner is noted, levels are counted from 0, and everything is as before after the last unlock.
///
/// Scenario of: `test_lock_recursive` (`Modules/_testinternalcapi/test_lock.c`)
#[test]
fn test_lock_recursive() {
    let mutex = RecursiveMutex::new();
    assert!(!mutex.is_locked_by_current_thread());

    mutex.lock();
    assert!(format!("{mutex:?}").contains(&format!("owner: {}", ident::current())));
    assert!(mutex.is_locked());
    assert_eq!(mutex.level(), 0);

    mutex.lock();
    assert_eq!(mutex.level(), 1);
    mutex.unlock();

    mutex.unlock();
    assert!(format!("{mutex:?}").contains("owner: 0"));
    assert!(!mutex.is_locked());
    assert_eq!(mutex.level(), 0);
}

/// Readers of a few words never see half of a write. Upstream relies on this in its type cache, and has no
/// test of its own for it.
#[test]
fn test_lock_seqlock() {
    static CACHE: SeqCell<[usize; 6]> = SeqCell::new([0; 6]);
    static READING: [Event; 2] = [const { Event::new() }; 2];
    static STOP: Event = Event::new();
    let readers = [0, 1].map(|number| {
        thread::spawn(move || {
            while !STOP.is_set() {
                let entry = CACHE.load();
                assert!(entry.iter().all(|word| *word == entry[0]), "torn: {entry:?}");
                READING[number].notify();
            }
        })
    });
    READING.iter().for_each(Event::wait);
    for number in 1..=5_000 {
        CACHE.store([number; 6]);
    }
    STOP.notify();
    readers.into_iter().for_each(joined);
    assert_eq!(CACHE.load(), [5_000; 6]);
}

/// An event that is notified before, during and after the wait of many threads, as upstream's tests use it to
/// wait for their threads.
#[test]
fn test_event_fan_in() {
    let events: Arc<[Event; THREADS]> = Arc::new([const { Event::new() }; THREADS]);
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let events = Arc::clone(&events);
            thread::spawn(move || {
                // Each waits for the one before, so they end in order.
                if number > 0 {
                    events[number - 1].wait();
                }
                events[number].notify();
            })
        })
        .collect();
    events[THREADS - 1].wait();
    assert!(events.iter().all(Event::is_set));
    threads.into_iter().for_each(joined);
}

/// Many mutexes, of which several share a bucket of the parking lot: each keeps its own waiters.
#[test]
fn test_parking_lot_collisions() {
    // A mutex is one byte and there are 257 buckets, so the first and the last collide.
    static MUTEXES: [Mutex; 258] = [const { Mutex::new() }; 258];
    let (first, last) = (&MUTEXES[0], &MUTEXES[257]);
    first.lock();
    last.lock();
    let waiters = [first, last].map(|mutex| thread::spawn(|| drop(mutex.guard())));
    until("both to be waited for", || first.bits() == 3 && last.bits() == 3);
    first.unlock();
    until("the first to be free", || first.bits() == 0);
    assert_eq!(last.bits(), 3, "the other has its holder and its waiter");
    last.unlock();
    waiters.into_iter().for_each(joined);
    assert_eq!((first.bits(), last.bits()), (0, 0));
}

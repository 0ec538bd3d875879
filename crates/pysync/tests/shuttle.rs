//! Random schedules of more threads than loom can take. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run: nobody may be stranded.
#![cfg(shuttle)]

use pyparking::clock;
use pyparking::primitive::{AtomicU32, AtomicUsize, Ordering};
use pysync::{
    Condvar, Event, LockFlags, LockStatus, Mutex, OnceFlag, RecursiveMutex, RwMutex, SeqLock,
    UpgradableRwMutex,
};
use shuttle::sync::Arc;
use shuttle::thread;
use std::time::Duration;
use trial::crew::{Room, crew, explore};

/// MUTEX-1, MUTEX-4: sixteen threads, two turns each.
#[test]
fn mutex_of_sixteen() {
    explore(|| {
        let shared = Arc::new((Mutex::new(), Room::default()));
        let inner = shared.clone();
        crew(16, move |_| {
            for _ in 0..2 {
                inner.0.lock();
                inner.1.enter();
                inner.0.unlock();
            }
        });
        assert_eq!((shared.1.total(), shared.0.bits()), (32, 0));
    });
}

/// MUTEX-3, MUTEX-5: half of the threads give up when the clock moves; nothing stays behind.
#[test]
fn mutex_with_timeouts() {
    explore(|| {
        let shared = Arc::new((Mutex::new(), Room::default(), AtomicUsize::new(0)));
        let inner = shared.clone();
        crew(10, move |member| {
            let (mutex, room, entered) = &*inner;
            let wait = (member % 2 == 0).then_some(Duration::from_millis(1));
            if mutex.lock_timed(wait, LockFlags::DETACH) == LockStatus::Acquired {
                room.enter();
                entered.fetch_add(1, Ordering::Relaxed);
                mutex.unlock();
            }
            if member == 9 {
                clock::advance(2_000_000);
            }
        });
        assert_eq!(shared.1.total(), shared.2.load(Ordering::Relaxed));
        assert!(shared.1.total() >= 5, "who has no deadline gets in");
        assert_eq!(shared.0.bits(), 0);
    });
}

/// RW-1, RW-4, RW-5: readers and writers, some with deadlines.
#[test]
fn rw_mutex_of_twelve() {
    explore(|| {
        let shared = Arc::new((RwMutex::new(), Room::default(), AtomicUsize::new(0)));
        let inner = shared.clone();
        crew(12, move |member| {
            let (mutex, room, readers) = &*inner;
            let wait = (member % 4 == 3).then_some(Duration::from_millis(1));
            if member % 3 == 0 {
                if mutex.write_lock_timed(wait, LockFlags::DETACH) == LockStatus::Acquired {
                    assert_eq!(readers.load(Ordering::Relaxed), 0, "a reader beside a writer");
                    room.enter();
                    mutex.write_unlock();
                }
            } else if mutex.read_lock_timed(wait, LockFlags::DETACH) == LockStatus::Acquired {
                readers.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
                readers.fetch_add(usize::MAX, Ordering::Relaxed);
                mutex.read_unlock();
            }
            if member == 11 {
                clock::advance(2_000_000);
            }
        });
        assert_eq!(shared.0.bits(), 0);
    });
}

/// EVENT-2: twelve waiters, some with deadlines, one notifier.
#[test]
fn event_of_thirteen() {
    explore(|| {
        let event = Arc::new(Event::new());
        let inner = event.clone();
        crew(13, move |member| match member {
            0 => inner.notify(),
            1..=3 => {
                let _ = inner.wait_timed(Some(Duration::from_millis(1)));
            }
            4 => clock::advance(2_000_000),
            _ => inner.wait(),
        });
        assert!(event.is_set());
    });
}

/// ONCE-1, ONCE-2, ONCE-3: the first two runs fail.
#[test]
fn once_of_twelve() {
    explore(|| {
        let shared = Arc::new((OnceFlag::new(), AtomicUsize::new(0)));
        let inner = shared.clone();
        crew(12, move |_| {
            let _ = inner.0.call_once(|| match inner.1.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Err(()),
                _ => Ok(()),
            });
        });
        assert!(shared.0.is_done());
        assert_eq!(shared.1.load(Ordering::Relaxed), 3, "two failures and one success");
    });
}

/// RECURSIVE-1, RECURSIVE-2: three levels deep, given up whole in between.
#[test]
fn recursive_of_ten() {
    explore(|| {
        let shared = Arc::new((RecursiveMutex::new(), Room::default()));
        let inner = shared.clone();
        crew(10, move |_| {
            let (mutex, room) = &*inner;
            (0..3).for_each(|_| mutex.lock());
            room.enter();
            let saved = mutex.release_save();
            mutex.acquire_restore(saved);
            room.enter();
            (0..3).for_each(|_| mutex.unlock());
        });
        assert_eq!((shared.1.total(), shared.0.bits()), (20, 0));
    });
}

/// SEQ-1, SEQ-2: two words that belong together, three writers, five readers.
#[test]
fn seq_lock_of_eight() {
    explore(|| {
        let shared = Arc::new((SeqLock::new(), AtomicU32::new(0), AtomicU32::new(0)));
        let inner = shared.clone();
        crew(8, move |member| {
            let (lock, left, right) = &*inner;
            if member < 3 {
                lock.lock_write();
                let next = left.load(Ordering::Relaxed) + 1;
                left.store(next, Ordering::Relaxed);
                right.store(next, Ordering::Relaxed);
                lock.unlock_write();
            } else {
                let (left, right) =
                    lock.read(|| (left.load(Ordering::Relaxed), right.load(Ordering::Relaxed)));
                assert_eq!(left, right, "a torn read");
            }
        });
        assert_eq!((shared.1.load(Ordering::Relaxed), shared.0.sequence()), (3, 6));
    });
}

/// UPRW-1 to UPRW-5, UPRW-8, UPRW-9: readers, recursive readers, writers that go down, upgrades, some with deadlines.
#[test]
fn upgradable_of_eight() {
    explore(|| {
        let shared = Arc::new((UpgradableRwMutex::new(), Room::default(), AtomicUsize::new(0)));
        let inner = shared.clone();
        crew(8, move |member| {
            let (mutex, room, readers) = &*inner;
            let wait = (member % 4 == 3).then_some(Duration::from_millis(1));
            let write = || {
                assert_eq!(readers.load(Ordering::Relaxed), 0, "a reader beside a writer");
                room.enter();
            };
            let read = || {
                readers.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
                readers.fetch_add(usize::MAX, Ordering::Relaxed);
            };
            match member % 4 {
                0 => {
                    mutex.write_lock();
                    write();
                    mutex.downgrade_to_upgradable();
                    read();
                    mutex.upgradable_unlock();
                }
                1 => {
                    mutex.upgradable_lock();
                    read();
                    mutex.upgrade();
                    write();
                    mutex.write_unlock_fair();
                }
                2 => {
                    mutex.read_lock();
                    mutex.read_lock_recursive();
                    read();
                    mutex.read_unlock();
                    mutex.read_unlock();
                }
                _ => {
                    if member == 7 {
                        clock::advance(2_000_000);
                    }
                    mutex.upgradable_lock();
                    if mutex.upgrade_timed(wait, LockFlags::DETACH) == LockStatus::Acquired {
                        write();
                        mutex.downgrade();
                        read();
                        mutex.read_unlock();
                    } else {
                        read();
                        mutex.upgradable_unlock();
                    }
                }
            }
        });
        assert_eq!(shared.0.bits(), 0);
        assert!(shared.1.total() >= 4, "who has no deadline writes");
    });
}

/// COND-1, COND-2: four give a permit each, four take one; nobody waits in vain.
#[test]
fn condvar_of_eight() {
    explore(|| {
        let shared = Arc::new((Mutex::new(), Condvar::new(), AtomicUsize::new(0)));
        let inner = shared.clone();
        crew(8, move |member| {
            let (mutex, condvar, permits) = &*inner;
            mutex.lock();
            if member % 2 == 0 {
                permits.fetch_add(1, Ordering::Relaxed);
                if member == 0 {
                    condvar.notify_all();
                } else {
                    condvar.notify_one();
                }
            } else {
                while permits.load(Ordering::Relaxed) == 0 {
                    condvar.wait(mutex);
                }
                permits.fetch_add(usize::MAX, Ordering::Relaxed);
            }
            mutex.unlock();
        });
        assert_eq!(shared.2.load(Ordering::Relaxed), 0);
        assert_eq!((shared.0.bits(), shared.1.bits()), (0, 0));
    });
}

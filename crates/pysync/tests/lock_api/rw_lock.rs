//! Read-write locks: the scenarios of `parking_lot`'s `rwlock.rs`, upgrades, downgrades, timed locks, fairness.

use crate::sync::{
    MappedRwLockReadGuard, RawRwLock, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
    RwLockWriteGuard,
};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use trial::until::{joined, until, until_asleep, until_overdue, waits_on};

/// The raw lock of `lock`, as an address to look at.
fn raw<T>(lock: &RwLock<T>) -> &RawRwLock {
    // SAFETY: nothing is unlocked through it here.
    unsafe { lock.raw() }
}

/// Starts a thread that works on `lock`.
fn start<T: Send + Sync + 'static, R: Send + 'static>(
    lock: &Arc<RwLock<T>>,
    work: impl FnOnce(&RwLock<T>) -> R + Send + 'static,
) -> JoinHandle<R> {
    let lock = Arc::clone(lock);
    thread::spawn(move || work(&lock))
}

#[test]
fn smoke() {
    let lock = RwLock::new(());
    drop(lock.read());
    drop(lock.write());
    drop(lock.upgradable_read());
    drop((lock.read(), lock.read(), lock.upgradable_read()));
    drop(lock.write());
    assert!(!lock.is_locked());
}

#[test]
fn frob() {
    const THREADS: u32 = 10;
    const TURNS: u32 = 300;
    let lock = Arc::new(RwLock::new(0_u32));
    let (tell, told) = channel::<()>();
    for number in 0..THREADS {
        let (lock, tell) = (Arc::clone(&lock), tell.clone());
        thread::spawn(move || {
            for turn in 0..TURNS {
                if (turn * 7 + number) % THREADS == 0 {
                    *lock.write() += 1;
                } else {
                    let seen = *lock.read();
                    assert!(seen <= THREADS * TURNS);
                }
            }
            drop(tell);
        });
    }
    drop(tell);
    assert!(told.recv().is_err(), "all threads have ended");
    assert_eq!(*lock.read(), TURNS);
}

/// A thread that panics while it holds a lock leaves it usable.
fn after_a_panic(hold: impl FnOnce(&RwLock<i32>) + Send + 'static) -> i32 {
    let lock = Arc::new(RwLock::new(1));
    assert!(start(&lock, hold).join().is_err());
    *lock.write() += 1;
    *lock.read()
}

fn panic_quietly() {
    std::panic::resume_unwind(Box::new("on purpose"));
}

#[test]
fn rw_arc_no_poison() {
    let written = after_a_panic(|lock| {
        let _held = lock.write();
        panic_quietly();
    });
    let read = after_a_panic(|lock| {
        let _held = lock.read();
        panic_quietly();
    });
    let upgradable = after_a_panic(|lock| {
        let _held = lock.upgradable_read();
        panic_quietly();
    });
    assert_eq!((written, read, upgradable), (2, 2, 2));
}

#[test]
fn rw_arc() {
    let lock = Arc::new(RwLock::new(0));
    let (tell, told) = channel();
    let writer = start(&lock, move |lock| {
        let mut value = lock.write();
        for _ in 0..10 {
            let before = *value;
            *value = -1;
            thread::yield_now();
            *value = before + 1;
        }
        tell.send(()).unwrap();
    });
    let readers: Vec<_> = (0..5).map(|_| start(&lock, |lock| assert!(*lock.read() >= 0))).collect();
    readers.into_iter().for_each(joined);
    told.recv().unwrap();
    joined(writer);
    assert_eq!(*lock.read(), 10);
}

#[test]
fn ruw_arc() {
    let lock = Arc::new(RwLock::new(0));
    let upgraders: Vec<_> = (0..2)
        .map(|_| {
            start(&lock, |lock| {
                for _ in 0..10 {
                    let read = lock.upgradable_read();
                    let before = *read;
                    let mut write = RwLockUpgradableReadGuard::upgrade(read);
                    assert_eq!(*write, before, "nobody writes between the two");
                    *write = -1;
                    thread::yield_now();
                    *write = before + 1;
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..5).map(|_| start(&lock, |lock| assert!(*lock.read() >= 0))).collect();
    readers.into_iter().for_each(joined);
    upgraders.into_iter().for_each(joined);
    assert_eq!(*lock.read(), 20);
}

#[test]
fn rw_access_in_unwind() {
    struct Unwinder(Arc<RwLock<i32>>);
    impl Drop for Unwinder {
        fn drop(&mut self) {
            *self.0.write() += 1;
        }
    }
    let lock = Arc::new(RwLock::new(1));
    let other = Arc::clone(&lock);
    let thread = thread::spawn(move || {
        let _unwinder = Unwinder(other);
        panic_quietly();
    });
    assert!(thread.join().is_err());
    assert_eq!(*lock.read(), 2);
}

#[test]
fn rwlock_unsized() {
    let lock: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
    lock.write()[0] = 4;
    assert_eq!(*lock.read(), [4, 2, 3]);
}

/// Which of the attempts to read, to read upgradably and to write succeed.
fn attempts(lock: &RwLock<i32>) -> [bool; 3] {
    let read = lock.try_read().is_some();
    let upgradable = lock.try_upgradable_read().is_some();
    let write = lock.try_write().is_some();
    [read, upgradable, write]
}

#[test]
fn rwlock_try_read_and_write() {
    let lock = RwLock::new(0);
    assert_eq!(attempts(&lock), [true, true, true]);
    let read = lock.read();
    assert_eq!(attempts(&lock), [true, true, false]);
    drop(read);
    let upgradable = lock.upgradable_read();
    assert_eq!(attempts(&lock), [true, false, false]);
    drop(upgradable);
    let write = lock.write();
    assert_eq!(attempts(&lock), [false, false, false]);
    assert!(lock.is_locked_exclusive());
    drop(write);
    assert_eq!(attempts(&lock), [true, true, true]);
}

#[test]
fn rwlock_try_upgrade() {
    let lock = RwLock::new(0);
    let (read, upgradable) = (lock.read(), lock.upgradable_read());
    let Err(upgradable) = RwLockUpgradableReadGuard::try_upgrade(upgradable) else {
        panic!("a reader is inside");
    };
    let wait = Duration::from_millis(2);
    let Err(upgradable) = RwLockUpgradableReadGuard::try_upgrade_for(upgradable, wait) else {
        panic!("a reader is inside");
    };
    let soon = Instant::now() + wait;
    let Err(upgradable) = RwLockUpgradableReadGuard::try_upgrade_until(upgradable, soon) else {
        panic!("a reader is inside");
    };
    assert!(Instant::now() >= soon);
    assert_eq!(attempts(&lock), [true, false, false], "still the upgradable reader");
    drop(read);
    *RwLockUpgradableReadGuard::try_upgrade(upgradable).ok().unwrap() += 1;
    assert_eq!(*lock.read(), 1);
}

#[test]
fn rwlock_into_inner_and_get_mut() {
    let mut lock = RwLock::new(String::from("a"));
    lock.get_mut().push('b');
    assert_eq!(lock.into_inner(), "ab");
}

#[test]
fn rwlock_downgrade() {
    let lock = Arc::new(RwLock::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            start(&lock, |lock| {
                for _ in 0..50 {
                    let mut write = lock.write();
                    let before = *write;
                    *write += 1;
                    let read = RwLockWriteGuard::downgrade(write);
                    assert_eq!(*read, before + 1, "nobody writes between the two");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(joined);
    assert_eq!(*lock.read(), 400);
}

#[test]
fn every_way_down() {
    let lock = RwLock::new(0);
    let upgradable = RwLockWriteGuard::downgrade_to_upgradable(lock.write());
    assert_eq!(attempts(&lock), [true, false, false]);
    let read = RwLockUpgradableReadGuard::downgrade(upgradable);
    assert_eq!(attempts(&lock), [true, true, false]);
    drop(read);
    assert!(!lock.is_locked());
}

#[test]
fn a_downgrade_lets_readers_in() {
    let lock = Arc::new(RwLock::new(7));
    let write = lock.write();
    let readers: Vec<_> = (0..3).map(|_| start(&lock, |lock| *lock.read())).collect();
    until_asleep(raw(&lock), 3);
    let upgradable = RwLockWriteGuard::downgrade_to_upgradable(write);
    readers.into_iter().for_each(|reader| assert_eq!(joined(reader), 7));
    drop(upgradable);
}

#[test]
fn an_upgrade_waits_for_readers_and_goes_first() {
    let lock = Arc::new(RwLock::new(0));
    let read = lock.read();
    let (tell, told) = channel();
    let upgrade = start(&lock, move |lock| {
        let upgradable = lock.upgradable_read();
        tell.send(()).unwrap();
        let mut write = RwLockUpgradableReadGuard::upgrade(upgradable);
        assert_eq!(*write, 0, "the writer came later");
        *write = 1;
    });
    told.recv().unwrap();
    let writer = start(&lock, |lock| *lock.write() *= 2);
    until_asleep(raw(&lock), 2);
    assert!(lock.try_read().is_none(), "new readers wait for the upgrade");
    drop(read);
    joined(upgrade);
    joined(writer);
    assert_eq!(*lock.read(), 2);
}

#[test]
fn a_writer_that_gives_up_lets_readers_go() {
    let lock = Arc::new(RwLock::new(0));
    let read = lock.read();
    let wait = Duration::from_millis(300);
    let writer = start(&lock, move |lock| lock.try_write_for(wait).is_some());
    // On a busy machine it may have given up before anybody sees it asleep, which is as good.
    let waits = || waits_on(raw(&lock)).len() == 1 || writer.is_finished();
    until("the writer to wait", waits);
    let reader = start(&lock, |lock| *lock.read());
    joined(reader);
    assert!(!joined(writer));
    drop(read);
    assert!(!lock.is_locked());
}

#[test]
fn timed_locks() {
    let lock = RwLock::new(0);
    let wait = Duration::from_millis(3);
    let soon = || Instant::now() + wait;
    let write = lock.write();
    let began = Instant::now();
    assert!(lock.try_read_for(wait).is_none() && lock.try_read_until(soon()).is_none());
    assert!(lock.try_write_for(wait).is_none() && lock.try_write_until(soon()).is_none());
    assert!(lock.try_upgradable_read_for(wait).is_none());
    assert!(lock.try_upgradable_read_until(soon()).is_none());
    assert!(began.elapsed() >= 6 * wait);
    drop(write);
    drop((lock.try_read_until(began), lock.try_upgradable_read_until(began)));
    assert!(lock.try_write_until(began).is_some(), "the lock is free, whatever the time");
}

#[test]
fn fair_unlocks_and_bumps() {
    let lock = Arc::new(RwLock::new(0));
    let mut write = lock.write();
    RwLockWriteGuard::bump(&mut write);
    let waiter = start(&lock, |lock| *lock.write() += 1);
    until_asleep(raw(&lock), 1);
    RwLockWriteGuard::bump(&mut write);
    assert_eq!(*write, 1, "the waiter had its turn");
    RwLockWriteGuard::unlock_fair(write);
    joined(waiter);
    let mut read = lock.read();
    let waiter = start(&lock, |lock| *lock.write() += 1);
    until_asleep(raw(&lock), 1);
    RwLockReadGuard::bump(&mut read);
    assert_eq!(*read, 2);
    RwLockReadGuard::unlock_fair(read);
    joined(waiter);
    let mut upgradable = lock.upgradable_read();
    let waiter = start(&lock, |lock| *lock.upgradable_read());
    until_asleep(raw(&lock), 1);
    RwLockUpgradableReadGuard::bump(&mut upgradable);
    RwLockUpgradableReadGuard::unlock_fair(upgradable);
    assert_eq!(joined(waiter), 2);
}

#[test]
fn eventual_fairness_serves_a_reader_among_writers() {
    let lock = Arc::new(RwLock::new(0));
    let write = lock.write();
    let reader = start(&lock, |lock| *lock.read());
    until_asleep(raw(&lock), 1);
    let writer = start(&lock, |lock| *lock.write() += 1);
    until_asleep(raw(&lock), 2);
    until_overdue(raw(&lock), 2);
    drop(write);
    assert_eq!(joined(reader), 0, "who came first and is overdue goes first");
    joined(writer);
}

#[test]
fn mapped_guards() {
    let lock = RwLock::new((1, 2));
    *RwLockWriteGuard::map(lock.write(), |pair| &mut pair.1) = 7;
    let second: MappedRwLockReadGuard<'_, i32> = RwLockReadGuard::map(lock.read(), |pair| &pair.1);
    assert_eq!(*second, 7);
}

#[test]
fn with_upgraded_comes_back() {
    let lock = RwLock::new(0);
    let mut upgradable = lock.upgradable_read();
    upgradable.with_upgraded(|value| *value += 1);
    assert_eq!((*upgradable, attempts(&lock)), (1, [true, false, false]));
}

#[test]
fn issue_203_a_lock_in_a_thread_local_that_is_dropped() {
    struct Bar(RwLock<()>);
    impl Drop for Bar {
        fn drop(&mut self) {
            let _unused = self.0.write();
        }
    }
    thread_local! {
        static LATE: Bar = const { Bar(RwLock::new(())) };
    }
    joined(thread::spawn(|| LATE.with(|late| drop(late.0.read()))));
}

#[test]
fn rw_write_is_locked() {
    let lock = RwLock::new(0_isize);
    let read = lock.read();
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    drop(read);
    let write = lock.write();
    assert!(lock.is_locked() && lock.is_locked_exclusive());
    drop(write);
}

#[test]
fn issue_430_readers_and_writers_with_deadlines() {
    let lock = Arc::new(RwLock::new(0));
    let turns = 200;
    let timed = |lock: &RwLock<i32>| {
        for _ in 0..200 {
            if let Some(mut write) = lock.try_write_for(Duration::from_micros(20)) {
                *write += 0;
            }
            let read = lock.upgradable_read();
            let wait = Duration::from_micros(10);
            drop(RwLockUpgradableReadGuard::try_upgrade_for(read, wait));
        }
    };
    let threads: Vec<_> = (0..3).map(|_| start(&lock, timed)).collect();
    let reader = start(&lock, move |lock| {
        for _ in 0..turns {
            assert_eq!(*lock.read(), 0);
            assert!(lock.try_read_for(Duration::MAX).is_some());
        }
    });
    threads.into_iter().for_each(joined);
    joined(reader);
    assert!(!lock.is_locked());
}

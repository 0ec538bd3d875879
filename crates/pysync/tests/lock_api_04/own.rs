//! What only version 0.4 has: recursive reads in its traits, and constructors of `parking_lot` 0.12.

use crate::sync::{
    Condvar, Mutex, ReentrantMutex, RwLock, const_mutex, const_reentrant_mutex, const_rwlock,
};
use crate::wrappers::{RawRwLockRecursive, RawRwLockRecursiveTimed};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use trial::until::{joined, until_asleep};

#[test]
fn rwlock_recursive() {
    let lock = Arc::new(RwLock::new(0));
    let outer = lock.read();
    let other = Arc::clone(&lock);
    let writer = thread::spawn(move || *other.write() += 1);
    // SAFETY: nothing is unlocked through the raw lock.
    until_asleep(unsafe { lock.raw() }, 1);
    assert!(lock.try_read().is_none(), "a writer waits");
    assert!(lock.try_read_recursive().is_some());
    assert!(lock.try_read_recursive_for(Duration::from_millis(1)).is_some());
    assert!(lock.try_read_recursive_until(Instant::now()).is_some());
    let inner = lock.read_recursive();
    assert_eq!((*outer, *inner), (0, 0));
    drop((outer, inner));
    joined(writer);
    assert_eq!(*lock.read_recursive(), 1);
}

#[test]
fn a_recursive_read_waits_for_a_writer_that_is_inside() {
    let lock = Arc::new(RwLock::new(0));
    let mut write = lock.write();
    assert!(lock.try_read_recursive_for(Duration::from_millis(1)).is_none());
    let other = Arc::clone(&lock);
    let reader = thread::spawn(move || *other.read_recursive());
    // SAFETY: nothing is unlocked through the raw lock.
    until_asleep(unsafe { lock.raw() }, 1);
    *write = 7;
    drop(write);
    assert_eq!(joined(reader), 7);
}

#[test]
fn the_traits_are_all_there() {
    fn recursive<R: RawRwLockRecursive + RawRwLockRecursiveTimed>() {}
    fn upgradable<R: lock_api_04::RawRwLockUpgradeFair + lock_api_04::RawRwLockUpgradeTimed>() {}
    fn down<R: lock_api_04::RawRwLockUpgradeDowngrade + lock_api_04::RawRwLockTimed>() {}
    fn mutex<R: lock_api_04::RawMutexFair + lock_api_04::RawMutexTimed>() {}
    recursive::<crate::sync::RawRwLock>();
    upgradable::<crate::sync::RawRwLock>();
    down::<crate::sync::RawRwLock>();
    mutex::<crate::sync::RawMutex>();
}

#[test]
fn constants() {
    static MUTEX: Mutex<u8> = const_mutex(1);
    static LOCK: RwLock<u8> = const_rwlock(2);
    static REENTRANT: ReentrantMutex<u8> = const_reentrant_mutex(3);
    static CONDVAR: Condvar = Condvar::new();
    assert_eq!((*MUTEX.lock(), *LOCK.read(), *REENTRANT.lock()), (1, 2, 3));
    assert!(format!("{:?}", CONDVAR).starts_with("Condvar"));
}

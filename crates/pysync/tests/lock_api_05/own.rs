//! What only version 0.5 has: per-guard state, raw condition variables, and our recursive reads beside its traits.

use crate::sync::{Condvar, Mutex, RawCondvar, RawMutex, RawRwLock, ReadRecursive, RwLock};
use crate::wrappers;
use std::sync::Arc;
use std::thread;
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
    let inner = lock.read_recursive();
    assert_eq!((*outer, *inner), (0, 0));
    drop((outer, inner));
    joined(writer);
    assert_eq!(*lock.read_recursive(), 1);
}

#[test]
fn the_traits_are_all_there() {
    fn upgradable<R: wrappers::RawRwLockUpgradeFair + wrappers::RawRwLockUpgradeTimed>() {}
    fn down<R: wrappers::RawRwLockUpgradeDowngrade + wrappers::RawRwLockTimed>() {}
    fn mutex<R: wrappers::RawMutexFair + wrappers::RawMutexTimed>() {}
    fn condvar<R: wrappers::RawCondvar<RawMutex = RawMutex>>() {}
    upgradable::<RawRwLock>();
    down::<RawRwLock>();
    mutex::<RawMutex>();
    condvar::<RawCondvar>();
}

#[test]
fn a_raw_lock_comes_back_with_its_data() {
    let (raw, data) = Mutex::new(7).into_inner_with_raw();
    assert_eq!(*Mutex::from_raw(raw, data).lock(), 7);
}

#[test]
fn guards_carry_no_state() {
    use crate::sync::{MutexGuard, RwLockReadGuard};
    assert_eq!(size_of::<MutexGuard<'_, u8>>(), size_of::<usize>());
    assert_eq!(size_of::<RwLockReadGuard<'_, u8>>(), size_of::<usize>());
    assert_eq!(size_of::<Condvar>(), 1);
}

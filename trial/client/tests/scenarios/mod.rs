//! What an interpreter does with its locks.

use crate::lock::{
    PyMutex, PyMutexGuard, PyRwLock, PyRwLockReadGuard, PyRwLockUpgradableReadGuard,
    PyRwLockWriteGuard, PyThreadMutex, RawMutex, RawRMutex, TryLockThreadError, is_locked,
    reinit_mutex_after_fork, reinit_reentrant_after_fork, reinit_rwlock_after_fork,
};
use lock_api::{RawMutex as _, RawMutexTimed, RawRwLockRecursive, RawRwLockUpgradeDowngrade};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use trial::until::joined;

#[test]
fn a_cache_is_filled_by_one_and_read_by_all() {
    let cache = Arc::new(PyRwLock::new(HashMap::new()));
    let users: Vec<_> = (0..6)
        .map(|user| {
            let cache = Arc::clone(&cache);
            thread::spawn(move || {
                for key in 0..100_u32 {
                    let found = cache.upgradable_read();
                    if !found.contains_key(&key) {
                        let mut filled = PyRwLockUpgradableReadGuard::upgrade(found);
                        assert!(filled.insert(key, user).is_none(), "one fills it");
                        let read = PyRwLockWriteGuard::downgrade(filled);
                        assert_eq!(read[&key], user);
                    }
                    let first = PyRwLockReadGuard::map(cache.read(), |all| &all[&key]);
                    assert!(*first < 6);
                }
            })
        })
        .collect();
    users.into_iter().for_each(joined);
    assert_eq!(cache.read().len(), 100);
}

#[test]
fn a_reader_may_read_again() {
    fn sum(list: &PyRwLock<Vec<u32>>, depth: u32) -> u32 {
        let read = list.read_recursive();
        if depth == 0 { read.iter().sum() } else { sum(list, depth - 1) }
    }
    let list = Arc::new(PyRwLock::new(vec![1, 2, 3]));
    let other = Arc::clone(&list);
    let writer = thread::spawn(move || (0..200).for_each(|_| other.write().rotate_left(1)));
    for _ in 0..200 {
        let _outer = list.read();
        assert_eq!(sum(&list, 5), 6);
    }
    joined(writer);
}

#[test]
fn a_part_of_a_value_is_guarded_like_the_whole() {
    let object = PyMutex::new((1, String::from("name")));
    PyMutexGuard::map(object.lock(), |object| &mut object.1).push('s');
    assert_eq!(object.lock().1, "names");
}

#[test]
fn a_thread_mutex_knows_its_thread() {
    let mutex = Arc::new(PyThreadMutex::new(0));
    let mut held = mutex.lock().expect("free");
    *held += 1;
    assert!(mutex.lock().is_none());
    assert_eq!(mutex.try_lock().err(), Some(TryLockThreadError::Current));
    let other = Arc::clone(&mutex);
    let error = joined(thread::spawn(move || other.try_lock().err()));
    assert_eq!(error, Some(TryLockThreadError::Other));
    mutex.leave(held);
    let again = mutex.try_lock().expect("given back");
    assert_eq!(*again, 1);
    mutex.leave(again);
}

#[test]
fn threading_locks_have_timeouts() {
    static LOCK: RawMutex = RawMutex::INIT;
    assert!(LOCK.try_lock() && is_locked(&LOCK));
    joined(thread::spawn(|| assert!(!LOCK.try_lock_for(Duration::from_millis(2)))));
    // As `threading.Lock` allows: another thread gives it back.
    // SAFETY: locked above.
    joined(thread::spawn(|| unsafe { LOCK.unlock() }));
    assert!(LOCK.try_lock_for(Duration::ZERO));
}

#[test]
fn reentrant_locks_have_timeouts_too() {
    static LOCK: RawRMutex = RawRMutex::INIT;
    LOCK.lock();
    assert!(LOCK.try_lock() && LOCK.is_owned_by_current_thread());
    joined(thread::spawn(|| assert!(!LOCK.try_lock_for(Duration::from_millis(2)))));
    // SAFETY: locked twice above.
    unsafe {
        LOCK.unlock();
        LOCK.unlock();
    }
    assert!(!LOCK.is_locked());
}

/// What the child of a fork does with the locks that other threads held.
#[test]
fn locks_are_made_anew_after_a_fork() {
    let locks = Arc::new((PyMutex::new(1), PyRwLock::new(2), RawRMutex::INIT));
    let other = Arc::clone(&locks);
    let (tell, told) = channel();
    let holder = thread::spawn(move || {
        other.2.lock();
        std::mem::forget((other.0.lock(), other.1.write()));
        tell.send(()).expect("the test listens");
    });
    told.recv().expect("the thread tells");
    joined(holder);
    // SAFETY: the thread that held them is gone, as it is in a child.
    unsafe {
        reinit_mutex_after_fork(&locks.0);
        reinit_rwlock_after_fork(&locks.1);
        reinit_reentrant_after_fork(&locks.2);
    }
    assert_eq!((*locks.0.lock(), *locks.1.write()), (1, 2));
    assert!(locks.2.try_lock());
}

#[test]
fn the_read_write_lock_has_the_traits_that_are_asked_for() {
    fn asks<R: RawRwLockRecursive + RawRwLockUpgradeDowngrade>() {}
    asks::<crate::lock::RawRwLock>();
}

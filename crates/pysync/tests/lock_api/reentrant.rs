//! Reentrant mutexes: the scenarios of `parking_lot`'s `remutex.rs`, and owners that are gone.

use crate::sync::{RawThreadId, ReentrantMutex, ReentrantMutexGuard};
use crate::wrappers::GetThreadId;
use pyparking::primitive::Cell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use trial::until::joined;

#[test]
fn smoke() {
    let mutex = ReentrantMutex::new(2);
    let (one, two, three) = (mutex.lock(), mutex.lock(), mutex.try_lock());
    assert_eq!((*one, *two, three.as_deref()), (2, 2, Some(&2)));
    drop((one, two));
    assert!(mutex.is_owned_by_current_thread());
    drop(three);
    assert!(!mutex.is_locked());
}

#[test]
fn is_mutex() {
    let mutex = Arc::new(ReentrantMutex::new(Cell::new(0)));
    let other = Arc::clone(&mutex);
    let held = mutex.lock();
    let child = thread::spawn(move || other.lock().get());
    for turn in 1..100 {
        let again = mutex.lock();
        again.set(turn);
    }
    held.set(4_950);
    drop(held);
    assert_eq!(joined(child), 4_950);
}

#[test]
fn trylock_works() {
    let mutex = Arc::new(ReentrantMutex::new(()));
    let other = Arc::clone(&mutex);
    let _one = mutex.try_lock().unwrap();
    let _two = mutex.try_lock().unwrap();
    joined(thread::spawn(move || {
        assert!(other.try_lock().is_none());
        assert!(other.try_lock_for(Duration::from_millis(1)).is_none());
        assert!(!other.is_owned_by_current_thread() && other.is_locked());
    }));
    assert!(mutex.try_lock().is_some());
}

#[test]
fn timed_and_fair() {
    let mutex = ReentrantMutex::new(7);
    let outer = mutex.try_lock_for(Duration::MAX).unwrap();
    let mut inner = mutex.try_lock_for(Duration::ZERO).unwrap();
    ReentrantMutexGuard::bump(&mut inner);
    ReentrantMutexGuard::unlock_fair(inner);
    assert!(mutex.is_locked());
    ReentrantMutexGuard::unlock_fair(outer);
    assert!(!mutex.is_locked());
}

#[test]
fn thread_numbers_are_not_reused() {
    let number = || RawThreadId::INIT.nonzero_thread_id();
    let numbers: Vec<_> = (0..50).map(|_| joined(thread::spawn(number))).collect();
    let mut distinct = numbers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), numbers.len());
    assert!(!numbers.contains(&number()));
}

#[test]
fn a_dead_owner_has_no_heirs() {
    let mutex = Arc::new(ReentrantMutex::new(()));
    let other = Arc::clone(&mutex);
    joined(thread::spawn(move || std::mem::forget(other.lock())));
    for _ in 0..50 {
        let other = Arc::clone(&mutex);
        assert!(joined(thread::spawn(move || other.try_lock().is_none())));
    }
}

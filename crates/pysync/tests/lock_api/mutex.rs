//! Mutexes: the scenarios of `parking_lot`'s `mutex.rs`, timed locks, fairness.

use crate::sync::{Condvar, MappedMutexGuard, Mutex, MutexGuard, RawMutex};
use crate::wrappers;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use trial::until::{joined, until_asleep};

/// The raw mutex of `mutex`, as an address to look at.
fn raw<T>(mutex: &Mutex<T>) -> &RawMutex {
    // SAFETY: nothing is unlocked through it here.
    unsafe { mutex.raw() }
}

#[test]
fn smoke() {
    let mutex = Mutex::new(());
    drop(mutex.lock());
    drop(mutex.lock());
    assert!(!mutex.is_locked());
}

#[test]
fn lots_and_lots() {
    const TURNS: u32 = 1_000;
    const THREADS: u32 = 3;
    static COUNT: Mutex<u32> = Mutex::new(0);
    let work = || (0..TURNS).for_each(|_| *COUNT.lock() += 1);
    let threads: Vec<_> = (0..2 * THREADS).map(|_| thread::spawn(work)).collect();
    threads.into_iter().for_each(joined);
    assert_eq!(*COUNT.lock(), 2 * THREADS * TURNS);
}

#[test]
fn try_lock() {
    let mutex = Mutex::new(7);
    let first = mutex.try_lock();
    assert!(first.is_some() && mutex.try_lock().is_none());
    drop(first);
    assert_eq!(mutex.try_lock().as_deref(), Some(&7));
}

#[test]
fn into_inner_and_get_mut() {
    let mut mutex = Mutex::new(String::from("a"));
    mutex.get_mut().push('b');
    assert_eq!(mutex.into_inner(), "ab");
}

#[test]
fn into_inner_drop() {
    let counted = Arc::new(());
    let mutex = Mutex::new(Arc::clone(&counted));
    let inner = mutex.into_inner();
    assert_eq!(Arc::strong_count(&counted), 2);
    drop(inner);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn mutex_arc_condvar() {
    let packet = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&packet);
    let (tell, told) = channel();
    let sender = thread::spawn(move || {
        told.recv().unwrap();
        *other.0.lock() = true;
        other.1.notify_one();
    });
    let mut ready = packet.0.lock();
    tell.send(()).unwrap();
    while !*ready {
        packet.1.wait(&mut ready);
    }
    drop(ready);
    joined(sender);
}

#[test]
fn mutex_arc_nested() {
    let inner = Arc::new(Mutex::new(1));
    let outer = Arc::new(Mutex::new(Arc::clone(&inner)));
    let reader = thread::spawn(move || *outer.lock().lock());
    assert_eq!(joined(reader), 1);
}

#[test]
fn mutex_arc_access_in_unwind() {
    struct Unwinder(Arc<Mutex<i32>>);
    impl Drop for Unwinder {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let mutex = Arc::new(Mutex::new(1));
    let other = Arc::clone(&mutex);
    let thread = thread::spawn(move || {
        let _unwinder = Unwinder(other);
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(thread.join().is_err());
    assert_eq!(*mutex.lock(), 2);
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    let mutex = Arc::new(Mutex::new(0));
    let other = Arc::clone(&mutex);
    let thread = thread::spawn(move || {
        *other.lock() += 1;
        let _held = other.lock();
        std::panic::resume_unwind(Box::new("with the mutex held"));
    });
    assert!(thread.join().is_err());
    assert_eq!(*mutex.lock(), 1);
}

#[test]
fn mutex_unsized() {
    let mutex: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    mutex.lock()[0] = 4;
    assert_eq!(*mutex.lock(), [4, 2, 3]);
}

#[test]
fn mutex_debug_does_not_block() {
    let mutex = Mutex::new(vec![0_u8, 10]);
    assert!(format!("{mutex:?}").contains("[0, 10]"));
    let held = mutex.lock();
    assert!(format!("{mutex:?}").contains("<locked>"));
    drop(held);
}

#[test]
fn mapped_guards() {
    let mutex = Mutex::new((1, 2));
    *MutexGuard::map(mutex.lock(), |pair| &mut pair.1) = 7;
    let mapped = MutexGuard::try_map(mutex.lock(), |pair| (pair.1 == 7).then_some(&mut pair.0));
    let mapped: MappedMutexGuard<'_, i32> = mapped.ok().unwrap();
    assert_eq!(*mapped, 1);
    drop(mapped);
    assert!(!mutex.is_locked());
}

#[test]
fn arc_guards_and_forced_unlocks() {
    let mutex = Arc::new(Mutex::new(0));
    let held = mutex.lock_arc();
    assert!(mutex.try_lock_arc().is_none());
    drop(held);
    assert!(mutex.try_lock_arc().is_some());
}

#[test]
fn timed_locks() {
    let mutex = Mutex::new(0);
    let held = mutex.lock();
    let (wait, began) = (Duration::from_millis(5), Instant::now());
    assert!(mutex.try_lock_for(wait).is_none());
    assert!(began.elapsed() >= wait);
    assert!(mutex.try_lock_until(began + 3 * wait).is_none());
    assert!(began.elapsed() >= 3 * wait);
    assert!(mutex.try_lock_until(began).is_none(), "a time that has passed");
    assert!(mutex.try_lock_for(Duration::ZERO).is_none());
    drop(held);
    assert!(mutex.try_lock_until(began).is_some(), "a time that has passed, but the mutex is free");
    assert!(mutex.try_lock_for(Duration::MAX).is_some());
}

#[test]
fn a_timed_lock_gets_what_is_unlocked_in_time() {
    let mutex = Arc::new(Mutex::new(0));
    let held = mutex.lock();
    let other = Arc::clone(&mutex);
    let waiter = thread::spawn(move || *other.try_lock_for(Duration::MAX).unwrap() += 1);
    until_asleep(raw(&mutex), 1);
    drop(held);
    joined(waiter);
    assert_eq!(*mutex.lock(), 1);
}

#[test]
fn a_fair_unlock_hands_over() {
    let mutex = Arc::new(Mutex::new(0));
    let held = mutex.lock();
    let other = Arc::clone(&mutex);
    let waiter = thread::spawn(move || *other.lock() += 1);
    until_asleep(raw(&mutex), 1);
    MutexGuard::unlock_fair(held);
    // Whoever comes now comes second.
    assert_eq!(*mutex.lock(), 1);
    joined(waiter);
}

#[test]
fn bump_lets_the_waiter_have_its_turn() {
    let mutex = Arc::new(Mutex::new(0));
    let mut held = mutex.lock();
    MutexGuard::bump(&mut held);
    assert_eq!(*held, 0, "nobody waits");
    let other = Arc::clone(&mutex);
    let waiter = thread::spawn(move || *other.lock() += 1);
    until_asleep(raw(&mutex), 1);
    MutexGuard::bump(&mut held);
    assert_eq!(*held, 1);
    drop(held);
    joined(waiter);
}

#[test]
fn eventual_fairness_needs_no_fair_unlock() {
    let mutex = Arc::new(Mutex::new(0));
    let mut held = Some(mutex.lock());
    let other = Arc::clone(&mutex);
    let waiter = thread::spawn(move || *other.lock() += 1);
    trial::until::until_overdue(raw(&mutex), 1);
    drop(held.take());
    // The waiter was handed the mutex: this lock comes after it.
    assert_eq!(*mutex.lock(), 1);
    joined(waiter);
}

#[test]
fn unlocked_runs_without_the_mutex() {
    let mutex = Mutex::new(0);
    let mut held = mutex.lock();
    MutexGuard::unlocked(&mut held, || *mutex.lock() += 1);
    MutexGuard::unlocked_fair(&mut held, || *mutex.lock() += 1);
    assert_eq!(*held, 2);
}

#[test]
fn static_mutexes() {
    static COUNT: wrappers::Mutex<RawMutex, u8> = wrappers::Mutex::new(0);
    *COUNT.lock() += 1;
    assert_eq!(*COUNT.lock(), 1);
}

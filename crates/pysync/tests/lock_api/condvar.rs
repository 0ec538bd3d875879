//! Condition variables: the scenarios of `parking_lot`'s `condvar.rs`.

use crate::sync::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use trial::until::{joined, until_asleep};

type Pair = Arc<(Mutex<u32>, Condvar)>;

fn pair(value: u32) -> Pair {
    Arc::new((Mutex::new(value), Condvar::new()))
}

/// Starts `count` threads that wait until the number is not 0, and waits until they do.
fn waiters(pair: &Pair, count: usize) -> Vec<JoinHandle<()>> {
    let start = |_| {
        let pair = Arc::clone(pair);
        thread::spawn(move || {
            let mut number = pair.0.lock();
            while *number == 0 {
                pair.1.wait(&mut number);
            }
        })
    };
    let waiters = (0..count).map(start).collect();
    until_asleep(&pair.1, count);
    waiters
}

#[test]
fn smoke() {
    let condvar = Condvar::new();
    assert!(!condvar.notify_one());
    assert_eq!(condvar.notify_all(), 0);
}

#[test]
fn notify_one() {
    let pair = pair(0);
    let other = Arc::clone(&pair);
    let mut held = pair.0.lock();
    let notifier = thread::spawn(move || {
        let _held = other.0.lock();
        other.1.notify_one()
    });
    pair.1.wait(&mut held);
    drop(held);
    assert!(joined(notifier), "it found the waiter");
}

#[test]
fn notify_all() {
    const WAITERS: usize = 10;
    let pair = pair(0);
    let waiters = waiters(&pair, WAITERS);
    *pair.0.lock() = 1;
    assert_eq!(pair.1.notify_all(), WAITERS);
    assert_eq!(pair.1.notify_all(), 0);
    waiters.into_iter().for_each(joined);
}

#[test]
fn notify_one_wakes_one() {
    let pair = pair(0);
    let waiters = waiters(&pair, 2);
    *pair.0.lock() = 1;
    assert!(pair.1.notify_one());
    until_asleep(&pair.1, 1);
    assert!(pair.1.notify_one());
    waiters.into_iter().for_each(joined);
    assert!(!pair.1.notify_one());
}

#[test]
fn notify_one_return_true_and_false() {
    let pair = pair(1);
    assert!(!pair.1.notify_one());
    let other = Arc::clone(&pair);
    let waiter = thread::spawn(move || other.1.wait(&mut other.0.lock()));
    until_asleep(&pair.1, 1);
    assert!(pair.1.notify_one());
    assert!(!pair.1.notify_one());
    joined(waiter);
}

#[test]
fn wait_for() {
    let pair = pair(0);
    let mut held = pair.0.lock();
    let (wait, began) = (Duration::from_millis(2), Instant::now());
    assert!(pair.1.wait_for(&mut held, wait).timed_out());
    assert!(began.elapsed() >= wait);
    assert!(pair.1.wait_for(&mut held, Duration::ZERO).timed_out());
    let other = Arc::clone(&pair);
    let notifier = thread::spawn(move || {
        let _held = other.0.lock();
        other.1.notify_one()
    });
    assert!(!pair.1.wait_for(&mut held, Duration::MAX).timed_out());
    drop(held);
    joined(notifier);
}

#[test]
fn wait_until() {
    let pair = pair(0);
    let mut held = pair.0.lock();
    let soon = Instant::now() + Duration::from_millis(2);
    assert!(pair.1.wait_until(&mut held, soon).timed_out());
    assert!(Instant::now() >= soon);
    assert!(pair.1.wait_until(&mut held, soon).timed_out(), "a time that has passed");
    let other = Arc::clone(&pair);
    let notifier = thread::spawn(move || {
        let _held = other.0.lock();
        other.1.notify_all()
    });
    let late = Instant::now() + Duration::from_secs(3_600);
    assert!(!pair.1.wait_until(&mut held, late).timed_out());
    drop(held);
    assert_eq!(joined(notifier), 1);
}

#[test]
fn wait_while() {
    let pair = pair(0);
    let other = Arc::clone(&pair);
    let waiter = thread::spawn(move || {
        let mut number = other.0.lock();
        other.1.wait_while(&mut number, |number| *number < 3);
        *number
    });
    for _ in 0..3 {
        until_asleep(&pair.1, 1);
        *pair.0.lock() += 1;
        assert!(pair.1.notify_one());
    }
    assert_eq!(joined(waiter), 3);
}

#[test]
fn wait_while_does_not_wait_if_initially_false() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut asked = 0;
    condvar.wait_while(&mut mutex.lock(), |_| {
        asked += 1;
        false
    });
    assert_eq!(asked, 1);
}

#[test]
fn wait_while_until_times_out_before_false() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let soon = Instant::now() + Duration::from_millis(2);
    let mut held = mutex.lock();
    assert!(condvar.wait_while_until(&mut held, |_| true, soon).timed_out());
    assert!(condvar.wait_while_for(&mut held, |_| true, Duration::from_millis(1)).timed_out());
}

#[test]
fn wait_while_until_rechecks_condition_after_timeout() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let mut asked = 0;
    let once = |_: &mut ()| {
        asked += 1;
        asked == 1
    };
    let ended = condvar.wait_while_until(&mut mutex.lock(), once, Instant::now());
    assert!(!ended.timed_out());
    assert_eq!(asked, 2);
}

#[test]
fn wait_while_for_ever() {
    let pair = pair(0);
    let other = Arc::clone(&pair);
    let waiter = thread::spawn(move || {
        let wait = Duration::MAX;
        let mut held = other.0.lock();
        other.1.wait_while_for(&mut held, |number| *number == 0, wait).timed_out()
    });
    until_asleep(&pair.1, 1);
    *pair.0.lock() = 1;
    pair.1.notify_all();
    assert!(!joined(waiter));
}

#[test]
fn two_mutexes_at_a_time() {
    static FIRST: Mutex<()> = Mutex::new(());
    static SECOND: Mutex<()> = Mutex::new(());
    static CONDVAR: Condvar = Condvar::new();
    let waiters = [&FIRST, &SECOND].map(|mutex| thread::spawn(|| CONDVAR.wait(&mut mutex.lock())));
    until_asleep(&CONDVAR, 2);
    assert_eq!(CONDVAR.notify_all(), 2);
    waiters.into_iter().for_each(joined);
}

#[test]
fn two_mutexes_disjoint() {
    let (first, second, condvar) = (Mutex::new(()), Mutex::new(()), Condvar::new());
    let wait = Duration::from_millis(1);
    assert!(condvar.wait_for(&mut first.lock(), wait).timed_out());
    assert!(condvar.wait_for(&mut second.lock(), wait).timed_out());
}

#[test]
fn the_mutex_is_held_after_a_wait() {
    let pair = pair(0);
    let waiters = waiters(&pair, 4);
    let mut number = pair.0.lock();
    assert_eq!(pair.1.notify_all(), 4);
    // Those that were woken want the mutex, which is held here.
    *number = 1;
    assert!(pair.0.try_lock().is_none());
    drop(number);
    waiters.into_iter().for_each(joined);
    assert!(!pair.0.is_locked());
}

#[test]
fn issue_129_a_semaphore_of_two() {
    let turnstile = pair(2);
    let (tell, told) = channel();
    for number in 0..8 {
        let (turnstile, tell) = (Arc::clone(&turnstile), tell.clone());
        thread::spawn(move || {
            for _ in 0..50 {
                let mut free = turnstile.0.lock();
                turnstile.1.wait_while(&mut free, |free| *free == 0);
                *free -= 1;
                drop(free);
                *turnstile.0.lock() += 1;
                turnstile.1.notify_one();
            }
            tell.send(number).unwrap();
        });
    }
    drop(tell);
    assert_eq!(told.iter().count(), 8);
    assert_eq!(*turnstile.0.lock(), 2);
}

//! Models of the bucket lock itself.

use pyparking::RawMutex;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::{Doomed, Guarded};

struct Shared {
    mutex: RawMutex,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { mutex: RawMutex::new(), data: Guarded::new(0) })
}

impl Shared {
    fn add_one(&self) {
        let _held = self.mutex.guard();
        self.data.bump();
    }

    /// As `add_one` if the mutex is free; how many were added.
    fn try_add_one(&self) -> u32 {
        let held = self.mutex.try_guard();
        if held.is_some() {
            self.data.bump();
        }
        u32::from(held.is_some())
    }
}

/// RAW-1, RAW-4, SLEEPER-1, SLEEPER-4. Two threads, one section each, no bound.
#[test]
fn raw_two_threads_exclude_each_other() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.add_one();
        adder.join().unwrap();
        assert_eq!(shared.data.get(), 2);
        assert!(!shared.mutex.is_locked());
    });
}

/// RAW-1, RAW-4. Two threads, two sections against one, no bound: a lock barges past a woken waiter.
#[test]
fn raw_two_threads_and_barging() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.add_one();
        shared.add_one();
        adder.join().unwrap();
        assert_eq!(shared.data.get(), 3);
    });
}

/// RAW-1, RAW-4. Two threads, two sections each, bounded: a thread waits twice.
#[test]
fn raw_two_threads_lock_twice() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let adder = start(&shared, |shared| {
            shared.add_one();
            shared.add_one();
        });
        shared.add_one();
        shared.add_one();
        adder.join().unwrap();
        assert_eq!(shared.data.get(), 4);
    });
}

/// RAW-1, RAW-2, RAW-4. Three threads, one section each, bounded: two waiters can be in the stack.
#[test]
fn raw_three_threads_exclude_each_other() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let adders = [(); 2].map(|()| start(&shared, Shared::add_one));
        shared.add_one();
        adders.into_iter().for_each(|adder| adder.join().unwrap());
        assert_eq!(shared.data.get(), 3);
        assert!(!shared.mutex.is_locked());
    });
}

/// RAW-2, RAW-4. Three threads, bounded: both others meet a held lock, and each release wakes one of them.
#[test]
fn raw_every_waiter_is_woken() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let held = shared.mutex.guard();
        let adders = [(); 2].map(|()| start(&shared, Shared::add_one));
        shared.data.bump();
        drop(held);
        adders.into_iter().for_each(|adder| adder.join().unwrap());
        assert_eq!(shared.data.get(), 3);
    });
}

/// RAW-1. Two threads, no bound: an attempt that succeeds is a lock like any other.
#[test]
fn raw_try_lock_excludes() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let tries = start(&shared, Shared::try_add_one);
        shared.add_one();
        let taken = tries.join().unwrap();
        assert_eq!(shared.data.get(), 1 + taken);
    });
}

/// RAW-1, RAW-4. Three threads, bounded: an attempt that comes between a release and the waiter it woke.
#[test]
fn raw_try_lock_barges_past_a_waiter() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let held = shared.mutex.guard();
        let waiter = start(&shared, Shared::add_one);
        let barger = start(&shared, Shared::try_add_one);
        drop(held);
        waiter.join().unwrap();
        let taken = barger.join().unwrap();
        assert_eq!(shared.data.get(), 1 + taken);
    });
}

/// RAW-3, SLEEPER-1. Three threads, no bound: a third one wakes the waiter for no reason, and the waiter
/// neither leaves its node in the stack nor believes that it holds the lock.
///
/// CPython issue 148820.
#[test]
fn raw_stray_wake_is_slept_over_148820() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let held = shared.mutex.guard();
        let waiter = start(&shared, Shared::add_one);
        let victim = waiter.thread().clone();
        let stray = start(&shared, move |shared| {
            // The look at the lock gives the checker every moment to choose from.
            let _locked = shared.mutex.is_locked();
            victim.unpark();
        });
        shared.data.bump();
        drop(held);
        stray.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(shared.data.get(), 2);
    });
}

/// RAW-3, SLEEPER-3. Two threads, no bound: the last user frees the lock as soon as it has unlocked, while
/// the other may still be inside its own unlock.
#[test]
fn raw_may_be_freed_after_the_last_unlock() {
    unbounded(Bucket::Real, || {
        let doomed =
            Arc::new(Doomed::new(Shared { mutex: RawMutex::new(), data: Guarded::new(0) }));
        let leave = |doomed: &Doomed<Shared>| {
            let shared = doomed.get();
            let held = shared.mutex.guard();
            let last = shared.data.bump() == 1;
            drop(held);
            if last {
                doomed.free();
            }
        };
        let first = start(&doomed, leave);
        leave(&doomed);
        first.join().unwrap();
    });
}

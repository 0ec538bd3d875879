//! Models of the one-byte mutex without time: exclusion, bits, barging, freeing.

use crate::queue::{queued, with_queued};
use pysync::{Mutex, NotLocked};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::{Doomed, Guarded};

struct Shared {
    mutex: Mutex,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { mutex: Mutex::new(), data: Guarded::new(0) })
}

impl Shared {
    fn add_one(&self) {
        let _held = self.mutex.guard();
        assert!(self.mutex.is_locked());
        self.data.bump();
    }

    /// As `add_one` if the mutex is free; how many were added.
    fn try_add_one(&self) -> u32 {
        let taken = self.mutex.try_lock();
        if taken {
            self.data.bump();
            self.mutex.unlock();
        }
        u32::from(taken)
    }

    fn ends_with(&self, sum: u32) {
        assert_eq!((self.data.get(), self.mutex.bits()), (sum, 0));
    }
}

/// MUTEX-1, MUTEX-2, MUTEX-4. Two threads, no bound.
#[test]
fn mutex_two_threads_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.add_one();
        adder.join().unwrap();
        shared.ends_with(2);
    });
}

/// MUTEX-1, MUTEX-2, MUTEX-4, RAW-1. Two threads, no bound, real bucket.
#[test]
fn mutex_two_threads_over_the_real_bucket() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.add_one();
        adder.join().unwrap();
        shared.ends_with(2);
    });
}

/// MUTEX-1, MUTEX-2, MUTEX-4. Two threads, two sections against one, bounded: barging past a woken
/// waiter, which parks again.
#[test]
fn mutex_two_threads_and_barging() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let adder = start(&shared, Shared::add_one);
        shared.add_one();
        shared.add_one();
        adder.join().unwrap();
        shared.ends_with(3);
    });
}

/// MUTEX-1 to MUTEX-4. Three threads, bounded.
#[test]
fn mutex_three_threads_exclude_each_other() {
    bounded(Bucket::Abstract, || three_threads());
}

/// MUTEX-1 to MUTEX-4, LOT-1, RAW-1. Three threads, bounded, real bucket.
#[test]
fn mutex_three_threads_over_the_real_bucket() {
    bounded(Bucket::Real, || three_threads());
}

fn three_threads() {
    let shared = shared();
    let adders = [(); 2].map(|()| start(&shared, Shared::add_one));
    shared.add_one();
    adders.into_iter().for_each(|adder| adder.join().unwrap());
    shared.ends_with(3);
}

/// MUTEX-1, MUTEX-2. Two threads, no bound: an attempt never blocks, and when it succeeds it is a lock.
#[test]
fn mutex_try_lock_excludes() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let tries = start(&shared, Shared::try_add_one);
        shared.add_one();
        let taken = tries.join().unwrap();
        shared.ends_with(1 + taken);
    });
}

/// MUTEX-1, MUTEX-4. Three threads, bounded: an attempt that comes between a release and the waiter it woke.
#[test]
fn mutex_try_lock_barges_past_a_waiter() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, Shared::add_one);
        let barger = start(&shared, Shared::try_add_one);
        shared.mutex.unlock();
        waiter.join().unwrap();
        let taken = barger.join().unwrap();
        shared.ends_with(1 + taken);
    });
}

/// The state table of mutex.rs, MUTEX-3. Two threads, no bound: while one thread holds and one waits, the
/// bits are those of the table, and after the release the last waiter leaves none behind.
#[test]
fn mutex_bits_of_one_waiter() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, Shared::add_one);
        with_queued(&shared.mutex, |queued| match queued {
            0 => assert!(matches!(shared.mutex.bits(), 1 | 3)),
            _ => assert_eq!(shared.mutex.bits(), 3),
        });
        shared.mutex.unlock();
        assert!(matches!(shared.mutex.bits(), 0 | 1), "nobody else waits");
        waiter.join().unwrap();
        shared.ends_with(1);
    });
}

/// MUTEX-3, MUTEX-4, QUEUE-4. Three threads, bounded: whenever somebody is queued, `HAS_PARKED` is set, also
/// after a release that left the second waiter in the queue (bits 2, or 3 when taken again).
#[test]
fn mutex_bits_of_two_waiters() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let check = |shared: &Shared| {
            with_queued(&shared.mutex, |queued| {
                let bits = shared.mutex.bits();
                assert!(queued == 0 || bits & 2 != 0, "{queued} queued, bits {bits}");
            });
        };
        shared.mutex.lock();
        let waiters = [(); 2].map(|()| start(&shared, Shared::add_one));
        check(&shared);
        shared.mutex.unlock();
        check(&shared);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        shared.ends_with(2);
    });
}

/// MUTEX-3, QUEUE-4. Three threads, bounded: two mutexes in one bucket, a waiter each; a release leaves no
/// `HAS_PARKED` on account of the other mutex.
///
/// CPython issue 135641.
#[test]
fn mutex_bits_ignore_neighbours_135641() {
    bounded(Bucket::Abstract, || {
        let pair = Arc::new([Mutex::new(), Mutex::new()]);
        pair.iter().for_each(Mutex::lock);
        let waiters = [0, 1].map(|which: usize| {
            start(&pair, move |pair| {
                pair[which].lock();
                pair[which].unlock();
            })
        });
        pair[0].unlock();
        assert!(matches!(pair[0].bits(), 0 | 1), "its only waiter has been dequeued");
        pair[1].unlock();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!([pair[0].bits(), pair[1].bits()], [0, 0]);
    });
}

/// MUTEX-6. Two threads, no bound: the last user frees the mutex as soon as it has unlocked, while the
/// other may still be inside its own unlock.
#[test]
fn mutex_may_be_freed_after_the_last_unlock() {
    unbounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(Shared { mutex: Mutex::new(), data: Guarded::new(0) }));
        let leave = |doomed: &Doomed<Shared>| {
            let shared = doomed.get();
            shared.mutex.lock();
            let last = shared.data.bump() == 1;
            shared.mutex.unlock();
            if last {
                doomed.free();
            }
        };
        let first = start(&doomed, leave);
        leave(&doomed);
        first.join().unwrap();
    });
}

/// MUTEX-2, MUTEX-4. Two threads, no bound: `try_unlock` of the holder releases like `unlock`, and changes
/// nothing when the mutex is free.
#[test]
fn mutex_try_unlock_releases() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let waiter = start(&shared, Shared::add_one);
        shared.data.bump();
        assert_eq!(shared.mutex.try_unlock(), Ok(()));
        waiter.join().unwrap();
        shared.ends_with(2);
        assert_eq!(shared.mutex.try_unlock(), Err(NotLocked));
        assert_eq!(queued(&shared.mutex), 0);
    });
}

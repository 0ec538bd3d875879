//! Models of the condition variable: no wake is lost, none is invented.

use crate::queue::queued;
use pyparking::clock;
use pysync::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, start};
use trial::guarded::{Doomed, Guarded};

const TWO_MICROSECONDS: u64 = 2_000;

struct Shared {
    mutex: Mutex,
    condvar: Condvar,
    /// How many permits there are.
    data: Guarded,
}

fn fresh() -> Shared {
    Shared { mutex: Mutex::new(), condvar: Condvar::new(), data: Guarded::new(0) }
}

fn shared() -> Arc<Shared> {
    Arc::new(fresh())
}

impl Shared {
    /// Waits for a permit and takes it.
    fn take(&self) {
        self.mutex.lock();
        while self.data.get() == 0 {
            self.condvar.wait(&self.mutex);
        }
        self.data.set(self.data.get() - 1);
        self.mutex.unlock();
    }

    /// Adds a permit and notifies with the mutex held.
    fn give(&self) {
        self.mutex.lock();
        self.data.bump();
        self.condvar.notify_one();
        self.mutex.unlock();
    }

    fn ends_with(&self, permits: u32) {
        assert_eq!((self.mutex.bits(), self.condvar.bits(), queued(&self.condvar)), (0, 0, 0));
        assert_eq!(self.data.get(), permits);
    }
}

/// COND-1, COND-3. Two threads, bounded: the notification comes at any moment around the wait.
#[test]
fn condvar_no_wake_is_lost() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let taker = start(&shared, Shared::take);
        shared.give();
        taker.join().unwrap();
        shared.ends_with(0);
    });
}

/// COND-1, LOT-1. Two threads, bounded, real bucket.
#[test]
fn condvar_over_the_real_bucket() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let taker = start(&shared, Shared::take);
        shared.give();
        taker.join().unwrap();
        shared.ends_with(0);
    });
}

/// COND-1, COND-3. Two threads, bounded: the notifier has unlocked before it notifies.
#[test]
fn condvar_notified_without_the_mutex() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let taker = start(&shared, Shared::take);
        shared.mutex.lock();
        shared.data.bump();
        shared.mutex.unlock();
        shared.condvar.notify_one();
        taker.join().unwrap();
        shared.ends_with(0);
    });
}

/// COND-1. Three threads, bounded: one notification for each of two waiters.
#[test]
fn condvar_two_notifications_for_two() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let takers = [(); 2].map(|()| start(&shared, Shared::take));
        shared.give();
        shared.give();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        shared.ends_with(0);
    });
}

/// COND-1. Three threads, bounded: one notification for all.
#[test]
fn condvar_all_are_notified() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let takers = [(); 2].map(|()| start(&shared, Shared::take));
        shared.mutex.lock();
        shared.data.set(2);
        let waited = queued(&shared.condvar);
        assert_eq!(shared.condvar.notify_all(), waited, "who holds the mutex sees all (COND-3)");
        shared.mutex.unlock();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        shared.ends_with(0);
    });
}

/// COND-2. Two threads, bounded: a wait ends as notified exactly if a notification says that it found somebody.
#[test]
fn condvar_timeouts_and_notifications_agree() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let notifier = start(&shared, |shared| {
            // Behind the wait's unlock, so the wait has its deadline.
            shared.mutex.lock();
            shared.mutex.unlock();
            clock::advance(TWO_MICROSECONDS);
            shared.condvar.notify_one()
        });
        let notified = shared.condvar.wait_timed(&shared.mutex, Some(Duration::from_micros(1)));
        assert!(shared.mutex.is_locked());
        shared.data.bump();
        shared.mutex.unlock();
        assert_eq!(notifier.join().unwrap(), notified);
        shared.ends_with(1);
    });
}

/// COND-5, MUTEX-6. Two threads, bounded: the one who was waited for frees it all, while the notifier may still be inside
/// its unlock.
#[test]
fn condvar_may_be_freed_by_the_notified() {
    bounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(fresh()));
        let taker = start(&doomed, |doomed| {
            doomed.get().take();
            doomed.free();
        });
        doomed.get().give();
        taker.join().unwrap();
    });
}

/// COND-2, COND-6, REQUEUE-2. Two threads, bounded: the notifier holds the mutex, so that the waiter is moved to its queue,
/// at its deadline or before.
#[test]
fn condvar_moved_at_its_deadline() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.lock();
        let notifier = start(&shared, |shared| {
            shared.mutex.lock();
            clock::advance(TWO_MICROSECONDS);
            let found = shared.condvar.notify_one();
            shared.data.bump();
            shared.mutex.unlock();
            found
        });
        let notified = shared.condvar.wait_timed(&shared.mutex, Some(Duration::from_micros(1)));
        shared.data.bump();
        shared.mutex.unlock();
        assert_eq!(notifier.join().unwrap(), notified);
        shared.ends_with(2);
    });
}

/// COND-6. Three threads, bounded: another one wants the mutex that the waiter is moved to.
#[test]
fn condvar_moved_among_others() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let taker = start(&shared, Shared::take);
        let other = start(&shared, |shared| {
            shared.mutex.lock();
            shared.data.set(shared.data.get());
            shared.mutex.unlock();
        });
        shared.give();
        other.join().unwrap();
        taker.join().unwrap();
        shared.ends_with(0);
    });
}

/// COND-7. Two threads, bounded: the mutex is handed to the waiter that was moved to its queue.
#[test]
fn condvar_handed_the_mutex() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let taker = start(&shared, Shared::take);
        shared.mutex.lock();
        shared.data.bump();
        shared.condvar.notify_one();
        shared.mutex.unlock_fair();
        shared.mutex.lock();
        shared.data.set(shared.data.get());
        shared.mutex.unlock();
        taker.join().unwrap();
        shared.ends_with(0);
    });
}

/// COND-6. Three threads, bounded: all are notified by a thread that does not hold the mutex: one is woken, and the other
/// may be moved to the mutex that the first one is on its way to.
#[test]
fn condvar_all_are_notified_without_the_mutex() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let takers = [(); 2].map(|()| start(&shared, Shared::take));
        shared.mutex.lock();
        shared.data.set(2);
        shared.mutex.unlock();
        shared.condvar.notify_all();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        shared.ends_with(0);
    });
}

/// COND-6. Three threads, bounded: two waiters with a mutex each; only the first one's is looked at.
#[test]
fn condvar_of_two_mutexes() {
    bounded(Bucket::Abstract, || {
        let condvar = Arc::new((Condvar::new(), [Mutex::new(), Mutex::new()]));
        let waiters = [0, 1].map(|which| {
            condvar.1[which].lock();
            start(&condvar, move |(condvar, mutexes)| {
                // Locked by the main thread, which leaves the unlocking to the wait.
                condvar.wait(&mutexes[which]);
                mutexes[which].unlock();
            })
        });
        let mut left = 2;
        while left > 0 {
            left -= condvar.0.notify_all();
            loom::thread::yield_now();
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(condvar.1.each_ref().map(Mutex::bits), [0, 0]);
    });
}

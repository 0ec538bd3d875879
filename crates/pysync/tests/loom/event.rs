//! Models of the one-shot event.

use crate::queue::with_queued;
use pyparking::{ThreadHandle, clock};
use pysync::{Event, LockFlags};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::{Doomed, Guarded};

const MICROSECOND: Duration = Duration::from_micros(1);
const TWO_MICROSECONDS: u64 = 2_000;

struct Shared {
    event: Event,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { event: Event::new(), data: Guarded::new(0) })
}

impl Shared {
    fn tell(&self) {
        self.data.set(7);
        self.event.notify();
    }

    fn wait(&self) {
        self.event.wait();
        assert_eq!(self.data.get(), 7, "what came before the notify is seen");
    }
}

/// EVENT-1, EVENT-2. Two threads, no bound: no wait misses the notify, and it sees what came before.
#[test]
fn event_wait_sees_what_came_before_notify() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let waiter = start(&shared, Shared::wait);
        shared.tell();
        waiter.join().unwrap();
        assert_eq!(shared.event.bits(), 1);
    });
}

/// EVENT-1, EVENT-2, LOT-1. Two threads, no bound, real bucket.
#[test]
fn event_over_the_real_bucket() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let waiter = start(&shared, Shared::wait);
        shared.tell();
        waiter.join().unwrap();
    });
}

/// EVENT-1, EVENT-2, EVENT-4. Three threads, bounded: one notify wakes both waiters.
#[test]
fn event_wakes_every_waiter() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let waiters = [(); 2].map(|()| start(&shared, Shared::wait));
        shared.tell();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(shared.event.bits(), 1);
    });
}

/// EVENT-2. Three threads, bounded: two notifies are one.
#[test]
fn event_two_notifies_are_one() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let notifiers = [(); 2].map(|()| start(&shared, |shared| shared.event.notify()));
        shared.event.wait();
        notifiers.into_iter().for_each(|notifier| notifier.join().unwrap());
        assert_eq!(shared.event.bits(), 1);
        assert!(pyparking::totals().wakes <= 1);
    });
}

/// EVENT-1. Two threads, no bound: `is_set` and a wait of no time at all, which never parks.
#[test]
fn event_is_set_sees_what_came_before_notify() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let looks = start(&shared, |shared| {
            if shared.event.is_set() || shared.event.wait_timed(Some(Duration::ZERO)) {
                assert_eq!(shared.data.get(), 7);
            }
        });
        shared.tell();
        looks.join().unwrap();
        assert_eq!(pyparking::totals().parks, 0);
    });
}

/// EVENT-1, EVENT-2, PARK-1. Two threads, no bound: a deadline against the notify. True means set and seen;
/// a wait that gave up says no more than that it was not set then.
#[test]
fn event_timed_wait_against_notify() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let waiter = start(&shared, |shared| {
            let set = shared.event.wait_timed(Some(MICROSECOND));
            if set {
                assert_eq!(shared.data.get(), 7);
            }
        });
        clock::advance(TWO_MICROSECONDS);
        shared.tell();
        waiter.join().unwrap();
        assert_eq!(shared.event.bits(), 1, "a waiter that gives up does not unset it");
    });
}

/// The state table of event.rs, PARK-2. Three threads, bounded: of two waiters the one that gives up leaves the
/// bit to the other, and the last one takes it along.
#[test]
fn event_last_waiter_takes_the_bit_along() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let waits = |shared: &Shared| {
            let set = shared.event.wait_timed(Some(MICROSECOND));
            with_queued(&shared.event, |queued| {
                let bits = shared.event.bits();
                assert!(queued == 0 || bits == 2 || bits == 1, "{queued} queued, bits {bits}");
            });
            set
        };
        let deadlines = [(); 2].map(|()| start(&shared, waits));
        clock::advance(TWO_MICROSECONDS);
        let left = with_queued(&shared.event, |queued| (queued, shared.event.bits()));
        assert!(left.0 == 0 || left.1 == 2, "{left:?}");
        shared.event.notify();
        for waiter in deadlines {
            waiter.join().unwrap();
        }
        assert_eq!(shared.event.bits(), 1);
    });
}

/// The state table of event.rs. Two threads, no bound: nobody notifies; the waiter, once gone, has left
/// nothing behind.
#[test]
fn event_timed_wait_leaves_nothing_behind() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let waiter = ThreadHandle::current();
        let ends = spawn(move || waiter.interrupt());
        assert!(!shared.event.wait_timed(None), "interrupted");
        assert_eq!(shared.event.bits(), 0);
        ends.join().unwrap();
    });
}

/// EVENT-3, EVENT-4. Two threads, no bound: the waiter frees the event as soon as its wait is over, while
/// the notifier may still be inside `notify`.
#[test]
fn event_may_be_freed_after_the_wait() {
    unbounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(Shared { event: Event::new(), data: Guarded::new(0) }));
        let notifier = start(&doomed, |doomed| doomed.get().tell());
        doomed.get().wait();
        doomed.free();
        notifier.join().unwrap();
    });
}

/// EVENT-2, REG-2. Three threads, bounded, real bucket: an interrupt against the notify.
#[test]
fn event_interrupt_against_notify() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let waiter = start(&shared, |shared| {
            let me = ThreadHandle::current();
            let interrupter = spawn(move || me.interrupt());
            let set = shared.event.wait_with(None, LockFlags::FAIL_IF_INTERRUPTED);
            if set {
                assert_eq!(shared.data.get(), 7);
            }
            interrupter
        });
        shared.tell();
        waiter.join().unwrap().join().unwrap();
        assert_eq!(shared.event.bits(), 1);
    });
}

//! Models of park against unpark: no wake-up is lost, and what the waker did is seen.

use crate::parking::{HERE, park, plainly, unpark, unpark_all, with_queue};
use pyparking::ParkStatus;
use pyparking::primitive::{AtomicU32, Ordering};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::Guarded;

struct Shared {
    /// What the parker waits for, outside any lock.
    flag: AtomicU32,
    /// As `flag`, but written and read under the bucket lock only.
    decided: Guarded,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { flag: AtomicU32::new(0), decided: Guarded::new(0), data: Guarded::new(0) })
}

impl Shared {
    fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed) != 0
    }

    /// Sets the flag, then wakes, as a lock does that changes its word first.
    fn set_then_wake(&self) {
        self.flag.store(1, Ordering::Relaxed);
        unpark(HERE, |_, _| {});
    }

    fn wait_until_set(&self) {
        while !self.is_set() {
            let status = park(HERE, plainly(), || !self.is_set(), |_| unreachable!());
            assert!(matches!(status, ParkStatus::Ok | ParkStatus::Again));
        }
    }

    /// Writes the data, then decides under the bucket lock; tells whether somebody was woken.
    fn decide_and_wake(&self) -> bool {
        self.data.set(7);
        unpark(HERE, |_, _| self.decided.set(1)).0.is_some()
    }

    /// Parks unless the decision is there.
    fn park_undecided(&self) -> ParkStatus {
        park(HERE, plainly(), || self.decided.get() == 0, |_| unreachable!())
    }
}

/// LOT-1, SLEEPER-1, SLEEPER-4. Two threads, no bound: the flag changes outside the bucket lock, and the
/// parker either sees it under that lock or is found queued.
#[test]
fn lot_loses_no_wake_up() {
    unbounded(Bucket::Real, || {
        let shared = shared();
        let waiter = start(&shared, Shared::wait_until_set);
        shared.set_then_wake();
        waiter.join().unwrap();
    });
}

/// LOT-1. Three threads, bounded: two that set the flag and wake one each; the second finds nobody or the
/// waiter, never a half-woken one.
#[test]
fn lot_two_wakers_one_waiter() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let wakers = [(); 2].map(|()| start(&shared, Shared::set_then_wake));
        shared.wait_until_set();
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

/// PARK-1, SLEEPER-2, LOT-1. Two threads, no bound, bucket lock by the checker: what the waker did is
/// seen after `Ok`, which the parker returns without taking the bucket lock again.
#[test]
fn lot_ok_sees_what_the_waker_did() {
    unbounded(Bucket::Abstract, || ok_sees_what_the_waker_did());
}

/// RAW-1, PARK-1, SLEEPER-2, LOT-1. As above over the real bucket lock: also that its sections are ordered.
#[test]
fn lot_ok_sees_what_the_waker_did_real() {
    unbounded(Bucket::Real, || ok_sees_what_the_waker_did());
}

fn ok_sees_what_the_waker_did() {
    let shared = shared();
    let waiter = start(&shared, move |other| {
        let status = other.park_undecided();
        assert_eq!((other.decided.get(), other.data.get()), (1, 7));
        status
    });
    let woken = shared.decide_and_wake();
    let status = waiter.join().unwrap();
    assert_eq!(status, if woken { ParkStatus::Ok } else { ParkStatus::Again });
}

/// WAITER-1, WAITER-2, SLEEPER-1. Two threads, no bound, bucket lock by the checker: a thread that parks
/// twice is woken once for each, and the first wake does not count for the second park.
#[test]
fn lot_two_parks_need_two_wakes() {
    unbounded(Bucket::Abstract, || two_parks_need_two_wakes(false));
}

/// SLEEPER-1, REG-1. As above with a thread that has a handle, and so sleeps on the same word both times.
#[test]
fn lot_two_parks_on_one_record() {
    unbounded(Bucket::Abstract, || two_parks_need_two_wakes(true));
}

fn two_parks_need_two_wakes(registered: bool) {
    let shared = shared();
    let waiter = start(&shared, move |other| {
        if registered {
            let _mine = pyparking::ThreadHandle::current();
        }
        for round in 0..2 {
            let status = park(HERE, plainly(), || other.decided.get() == round, |_| unreachable!());
            assert!(matches!(status, ParkStatus::Ok | ParkStatus::Again));
            assert!(with_queue(HERE, |_| other.decided.get()) > round);
        }
    });
    for round in 0..2 {
        unpark(HERE, |_, _| assert_eq!(shared.decided.bump(), round));
    }
    waiter.join().unwrap();
}

/// LOT-2, PARK-1. Three threads, bounded: unpark-all wakes exactly those who were queued, and who comes later
/// sees why it need not queue.
#[test]
fn lot_unpark_all_wakes_all() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let waiters = [(); 2].map(|()| {
            start(&shared, move |other| {
                let status = park(HERE, plainly(), || !other.is_set(), |_| unreachable!());
                assert!(other.is_set());
                usize::from(status == ParkStatus::Ok)
            })
        });
        shared.flag.store(1, Ordering::Relaxed);
        let woken = unpark_all(HERE);
        let ok: usize = waiters.into_iter().map(|waiter| waiter.join().unwrap()).sum();
        assert_eq!(woken, ok);
        assert_eq!(pyparking::totals().wakes, woken as u64);
    });
}

/// LOT-1, SLEEPER-1. Three threads, bounded: a thread is woken for no reason while it is parked or about to be,
/// and sleeps on until the unpark.
///
/// CPython issue 148820, in the lot.
#[test]
fn lot_stray_wake_is_slept_over_148820() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let waiter = start(&shared, move |other| {
            let status = other.park_undecided();
            assert_eq!((other.decided.get(), other.data.get()), (1, 7));
            status
        });
        let victim = waiter.thread().clone();
        let stray = spawn(move || victim.unpark());
        let woken = shared.decide_and_wake();
        stray.join().unwrap();
        let status = waiter.join().unwrap();
        assert_eq!(status, if woken { ParkStatus::Ok } else { ParkStatus::Again });
    });
}

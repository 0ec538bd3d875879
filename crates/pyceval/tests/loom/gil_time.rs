//! Models of the GIL with time: requests, forced switches, and waiters that give up. A deadline passes where the
//! model moves the clock; whether a sleeper sees it before or after a release is for the checker to try.

use crate::gil::{Shared, is_asked, shared};
use loom::thread::yield_now;
use pyceval::{Seat, SwitchPolicy, Taken};
use pyparking::primitive::{AtomicU32, Ordering};
use pyparking::{Deadline, clock};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, start};

/// Past the interval of 5 ms, and past the wait of any position in the rows.
const LONG: u64 = 20_000_000;

impl Shared {
    /// A turn with the GIL if it can be had within a microsecond.
    fn add_one_within_a_microsecond(&self) -> Taken {
        let seat = Seat::new();
        let deadline = Deadline::after(Duration::from_micros(1));
        // SAFETY: released below, before the seat goes.
        let taken = unsafe { self.gil.take_until(&seat, deadline) };
        if taken == Taken::Held {
            self.data.bump();
            self.gil.release(&seat);
        }
        taken
    }
}

/// GIL-5. Two threads, bounded: a holder that was asked does not come back before the other has had its turn.
#[test]
fn gil_forced_switch_really_switches() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let seat = Seat::new();
        let other = shared.gil.with(&seat, || {
            let other = start(&shared, Shared::add_one);
            clock::advance(LONG);
            let asked = is_asked(&seat);
            shared.gil.release(&seat);
            // SAFETY: released by `with`, before the seat goes.
            assert!(unsafe { shared.gil.take(&seat) });
            assert!(!asked || shared.data.get() == 1, "back before the other");
            assert!(!is_asked(&seat) || shared.gil.waiting() == 1, "a request of the last tenure");
            other
        });
        other.join().unwrap();
        shared.ends_with(1);
    });
}

/// GIL-6. Two threads, bounded: a waiter asks, once its interval has passed, and goes on asking until it is heard.
#[test]
fn gil_request_is_not_lost() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let seat = Seat::new();
        let other = shared.gil.with(&seat, || {
            let other = start(&shared, Shared::add_one);
            while shared.gil.waiting() == 0 {
                yield_now();
            }
            clock::advance(LONG);
            while !is_asked(&seat) {
                yield_now();
            }
            other
        });
        other.join().unwrap();
        shared.ends_with(1);
    });
}

/// GIL-3, GIL-6. Two threads, bounded: a waiter that gives up against a holder that goes on. No request is left.
///
/// CPython issue 96387.
#[test]
fn gil_waiter_that_gives_up_takes_its_request_back_96387() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        shared.gil.set_interval(Duration::from_micros(1)).unwrap();
        let seat = Seat::new();
        let gone = Arc::new(AtomicU32::new(0));
        let other = shared.gil.with(&seat, || {
            let gone = Arc::clone(&gone);
            let other = start(&shared, move |shared| {
                let seat = Seat::new();
                let deadline = Deadline::after(Duration::from_micros(3));
                // SAFETY: never taken: the holder stays until this thread has ended.
                let taken = unsafe { shared.gil.take_until(&seat, deadline) };
                // ORD: Release, the model's own end of the thread.
                gone.store(1, Ordering::Release);
                taken
            });
            clock::advance(1_500);
            clock::advance(LONG);
            other
        });
        let taken = other.join().unwrap();
        if taken == Taken::TimedOut {
            assert!(!is_asked(&seat), "a request without a waiter");
        }
    });
}

/// GIL-1, GIL-3, GIL-8. Two threads, bounded: a waiter gives up against a release. Either it has the GIL, or nothing of
/// it is left.
#[test]
fn gil_give_up_against_release() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let other = shared.gil.with(&Seat::new(), || {
            let other = start(&shared, Shared::add_one_within_a_microsecond);
            clock::advance(LONG);
            other
        });
        let held = u32::from(other.join().unwrap() == Taken::Held);
        shared.ends_with(held);
    });
}

/// GIL-3, GIL-7, GIL-8. Three threads, bounded: one gives up beside one that does not.
#[test]
fn gil_give_up_beside_a_waiter() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Responsive);
        let (timed, patient) = shared.gil.with(&Seat::new(), || {
            let timed = start(&shared, Shared::add_one_within_a_microsecond);
            let patient = start(&shared, Shared::add_one);
            clock::advance(LONG);
            (timed, patient)
        });
        let held = u32::from(timed.join().unwrap() == Taken::Held);
        patient.join().unwrap();
        shared.ends_with(1 + held);
    });
}

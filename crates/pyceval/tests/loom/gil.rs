//! Models of the GIL without time: who holds it, what is seen, and that nobody is left asleep.
//!
//! The queue lock is the true `RawMutex`; the bucket lock under the sleeps is the checker's mutex.

use pyceval::{Events, Gil, Seat, SwitchPolicy};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::Guarded;

/// A GIL and what it protects.
pub(crate) struct Shared {
    pub(crate) gil: Gil,
    pub(crate) data: Guarded,
}

pub(crate) fn shared(policy: SwitchPolicy) -> Arc<Shared> {
    Arc::new(Shared { gil: Gil::new(policy), data: Guarded::new(0) })
}

impl Shared {
    /// A turn with the GIL, on a seat of its own.
    pub(crate) fn add_one(&self) {
        self.add_one_at(&Seat::new());
    }

    pub(crate) fn add_one_at(&self, seat: &Seat) {
        self.gil.with(seat, || {
            assert!(self.gil.is_held_by(seat));
            self.data.bump();
        });
    }

    /// Nobody holds the GIL and nobody waits.
    pub(crate) fn ends_with(&self, sum: u32) {
        assert_eq!((self.data.get(), self.gil.waiting()), (sum, 0));
        let seat = Seat::new();
        self.gil.with(&seat, || assert!(!is_asked(&seat)));
    }
}

pub(crate) fn is_asked(seat: &Seat) -> bool {
    seat.breaker().events().contains(Events::GIL_DROP_REQUEST)
}

/// GIL-1, GIL-2, GIL-3, GIL-7. Two threads, no bound: a turn each.
#[test]
fn gil_two_turns() {
    unbounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let other = start(&shared, Shared::add_one);
        shared.add_one();
        other.join().unwrap();
        shared.ends_with(2);
    });
}

/// GIL-1, GIL-2, GIL-3, GIL-7. Two threads, bounded: one takes again right behind its release, past the other or not.
#[test]
fn gil_release_and_take_again() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let other = start(&shared, Shared::add_one);
        let seat = Seat::new();
        shared.add_one_at(&seat);
        shared.add_one_at(&seat);
        other.join().unwrap();
        shared.ends_with(3);
    });
}

/// GIL-1, GIL-2, GIL-3, GIL-7. Three threads, bounded: a turn each.
#[test]
fn gil_three_turns() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Responsive);
        let others = [(); 2].map(|()| start(&shared, Shared::add_one));
        shared.add_one();
        others.into_iter().for_each(|other| other.join().unwrap());
        shared.ends_with(3);
    });
}

/// GIL-2, GIL-7. Three threads, bounded: two that have released by their own wish, and so may barge, against a release
/// that goes through the rows.
#[test]
fn gil_barging_past_a_waiter() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let seats = [(); 3].map(|()| Arc::new(Seat::new()));
        seats.iter().for_each(|seat| shared.gil.with(seat, || ()));
        let [here, one, two] = seats;
        let others = shared.gil.with(&here, || {
            let others =
                [one, two].map(|seat| start(&shared, move |shared| shared.add_one_at(&seat)));
            shared.data.bump();
            others
        });
        others.into_iter().for_each(|other| other.join().unwrap());
        shared.ends_with(3);
    });
}

/// GIL-1, GIL-7, GIL-8. Two threads, bounded: a turn each over the real bucket lock.
#[test]
fn gil_two_turns_over_the_real_bucket() {
    bounded(Bucket::Real, || {
        let shared = shared(SwitchPolicy::Classic);
        let other = start(&shared, Shared::add_one);
        shared.add_one();
        other.join().unwrap();
        shared.ends_with(2);
    });
}

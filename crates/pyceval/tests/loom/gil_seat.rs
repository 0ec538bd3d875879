//! Models of what may be freed behind the GIL: the seat of a thread that has released it, and the GIL itself.

use crate::gil::is_asked;
use pyceval::{Events, Gil, Seat, SwitchPolicy};
use pyparking::clock;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};
use trial::guarded::{Doomed, Guarded};

struct Shared {
    gil: Gil,
    seat: Doomed<Seat>,
    /// How many have held the GIL since.
    heirs: Guarded,
}

impl Shared {
    /// Frees the seat. Writes to its breaker first: the checker tries both orders of two steps only if they touch one
    /// object that it knows.
    fn bury(&self) {
        self.seat.get().breaker().set(Events::GC_SCHEDULED);
        self.seat.free();
    }
}

/// GIL-10. Three threads, bounded: of two that come next, the first frees the seat of the holder before, as the end of
/// a thread state does. One waits, so that the release goes through the rows; the other may barge in.
#[test]
fn gil_release_does_not_touch_the_seat_afterwards() {
    bounded(Bucket::Abstract, || {
        let gil = Gil::new(SwitchPolicy::Classic);
        let seat = Doomed::new(Seat::new());
        // Who has released by its own wish may barge.
        let others = [(); 2].map(|()| Arc::new(Seat::new()));
        others.iter().for_each(|other| gil.with(other, || ()));
        let shared = Arc::new(Shared { gil, seat, heirs: Guarded::new(0) });
        // SAFETY: released below; freed by the next holder only.
        assert!(unsafe { shared.gil.take(shared.seat.get()) });
        let next = others.map(|other| {
            start(&shared, move |shared| {
                shared.gil.with(&other, || {
                    if shared.heirs.bump() == 0 {
                        shared.bury();
                    }
                });
            })
        });
        shared.gil.release(shared.seat.get());
        next.into_iter().for_each(|next| next.join().unwrap());
    });
}

/// GIL-4. Two threads, bounded: the holder releases for the last time, and frees its seat, while a waiter asks for the
/// GIL.
#[test]
fn gil_request_is_made_to_a_living_seat() {
    bounded(Bucket::Abstract, || {
        let gil = Gil::new(SwitchPolicy::Classic);
        let shared =
            Arc::new(Shared { gil, seat: Doomed::new(Seat::new()), heirs: Guarded::new(0) });
        // SAFETY: released before it is freed.
        assert!(unsafe { shared.gil.take(shared.seat.get()) });
        let next = start(&shared, |shared| shared.gil.with(&Seat::new(), || ()));
        clock::advance(20_000_000);
        let _asked = is_asked(shared.seat.get());
        shared.gil.release(shared.seat.get());
        shared.bury();
        next.join().unwrap();
    });
}

/// GIL-10. Two threads, bounded: the last holder frees the GIL, while the one before is still on its way out of its
/// release.
#[test]
fn gil_freed_by_the_next_holder() {
    bounded(Bucket::Abstract, || {
        let shared = Arc::new(Doomed::new(Gil::new(SwitchPolicy::Classic)));
        let seat = Seat::new();
        // SAFETY: released below, before the seat goes.
        assert!(unsafe { shared.get().take(&seat) });
        let last = start(&shared, |gil| {
            gil.get().with(&Seat::new(), || ());
            gil.free();
        });
        shared.get().release(&seat);
        last.join().unwrap();
    });
}

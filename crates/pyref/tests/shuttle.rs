//! Random schedules of more threads than loom can take. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told).
#![cfg(shuttle)]

use pyref::{Member, Ref, Slot};
use shuttle::thread;
use std::sync::Arc;
use trial::counted::{Books, Counted};
use trial::crew::{crew, explore};

const SLOTS: usize = 2;

fn slots() -> Arc<[Slot<Counted>; SLOTS]> {
    Arc::new([(); SLOTS].map(|()| Slot::empty()))
}

/// SLOT-1, SLOT-3, REF-2, QSBR-3: eight threads store, load, borrow, and hand values to each other.
#[test]
fn slots_of_eight() {
    explore(|| {
        let books = Arc::new(Books::default());
        let (shared, counted) = (slots(), books.clone());
        let inner = shared.clone();
        crew(8, move |member| {
            let mut place = Member::new();
            let online = place.online();
            let slot = &inner[member % SLOTS];
            if member % 3 == 0 {
                let guard = online.guard();
                if let Some(seen) = slot.borrow(&guard) {
                    seen.number();
                    thread::yield_now();
                    seen.number();
                }
            }
            slot.store(Some(Ref::new(counted.value())));
            let seen = slot.load();
            online.serve();
            inner[(member + 1) % SLOTS].store(seen);
            online.serve();
        });
        drop(shared);
        let (born, gone) = books.totals();
        assert_eq!(born, gone, "values that were not dropped, or dropped twice");
    });
}

/// REF-2, MERGE-1, MERGE-3, MEMBER-2: eight owners whose objects are dropped by others, some of which have left.
#[test]
fn counts_of_eight() {
    explore(|| {
        let books = Arc::new(Books::default());
        let (shared, counted) = (slots(), books.clone());
        let inner = shared.clone();
        crew(8, move |member| {
            let mut place = Member::new();
            let kept = {
                let online = place.online();
                let object = Ref::new(counted.value());
                inner[member % SLOTS].store(Some(object.clone()));
                let theirs = inner[(member + 1) % SLOTS].take();
                drop(object.clone());
                online.quiescent();
                (object, theirs)
            };
            if member % 2 == 0 {
                // The owner leaves before its object goes.
                drop(place);
                drop(kept);
            } else {
                // Offline, and counting in the shared part.
                drop(kept);
                drop(place);
            }
        });
        drop(shared);
        let (born, gone) = books.totals();
        assert_eq!(born, gone, "values that were not dropped, or dropped twice");
    });
}

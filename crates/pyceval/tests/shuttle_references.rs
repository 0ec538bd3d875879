//! Random schedules of slots under a runtime with eight threads. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told).
#![cfg(shuttle)]

use pyceval::{Events, Runtime};
use pyref::{Ref, Slot};
use shuttle::thread;
use std::sync::Arc;
use trial::counted::{Books, Counted};
use trial::crew::{crew, explore};

const SLOTS: usize = 2;

/// QSBR-4, QSBR-5, STATE-1, WORLD-1, REF-2: eight threads attach, store, load, borrow across detached stretches, poll,
/// and stop the world, which frees.
#[test]
fn references_of_eight() {
    explore(|| {
        for gil in [false, true] {
            let (runtime, main) = Runtime::builder().gil(gil).start().unwrap();
            let books = Arc::new(Books::default());
            let slots: Arc<[Slot<Counted>; SLOTS]> = Arc::new([(); SLOTS].map(|()| Slot::empty()));
            let shared = (runtime.clone(), Arc::clone(&slots), Arc::clone(&books));
            crew(8, move |member| {
                let (runtime, slots, books) = &shared;
                let mut state = runtime.main_interpreter().new_thread();
                let attached = state.attach().unwrap();
                let (slot, other) = (&slots[member % SLOTS], &slots[(member + 1) % SLOTS]);
                slot.store(Some(Ref::new(books.value())));
                let guard = attached.guard();
                let seen = other.borrow(&guard);
                match member % 4 {
                    0 => drop(runtime.stop_the_world(&attached)),
                    1 => attached.detached(thread::yield_now),
                    2 => attached.breaker().set(Events::EXPLICIT_MERGE),
                    _ => other.store(slot.load()),
                }
                attached.poll().unwrap();
                seen.iter().for_each(|seen| {
                    seen.number();
                });
                drop(guard);
                attached.poll().unwrap();
            });
            slots.iter().for_each(|slot| slot.store(None));
            drop(main);
            drop(pyref::Guard::visit());
            let (born, gone) = books.totals();
            assert_eq!(born, gone, "values that were not dropped, or dropped twice");
        }
    });
}

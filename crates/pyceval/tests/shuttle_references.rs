//! Random schedules of slots under a runtime with eight threads. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told).
#![cfg(shuttle)]

use pyceval::{Events, Runtime};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use pyref::{Ref, Slot};
use shuttle::thread;
use std::sync::Arc;
use trial::crew::{crew, explore};

const SLOTS: usize = 2;

/// A value that is counted, and says when it is used after its drop.
struct Counted {
    alive: u32,
    left: Arc<AtomicU32>,
}

impl Counted {
    fn new(left: &Arc<AtomicU32>) -> Ref<Self> {
        left.fetch_add(1, Ordering::SeqCst);
        Ref::new(Self { alive: 1, left: Arc::clone(left) })
    }

    fn look(&self) {
        assert_eq!(self.alive, 1, "used after its drop");
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.look();
        self.alive = 0;
        self.left.fetch_add(u32::MAX, Ordering::SeqCst);
    }
}

/// QSBR-4, QSBR-5, STATE-1, WORLD-1, REF-2: eight threads attach, store, load, borrow across detached stretches, poll,
/// and stop the world, which frees.
#[test]
fn references_of_eight() {
    explore(|| {
        for gil in [false, true] {
            let (runtime, main) = Runtime::builder().gil(gil).start().unwrap();
            let left = Arc::new(AtomicU32::new(0));
            let slots: Arc<[Slot<Counted>; SLOTS]> = Arc::new([(); SLOTS].map(|()| Slot::empty()));
            let shared = (runtime.clone(), Arc::clone(&slots), Arc::clone(&left));
            crew(8, move |member| {
                let (runtime, slots, left) = &shared;
                let mut state = runtime.main_interpreter().new_thread();
                let attached = state.attach().unwrap();
                let (slot, other) = (&slots[member % SLOTS], &slots[(member + 1) % SLOTS]);
                slot.store(Some(Counted::new(left)));
                let guard = attached.guard();
                let seen = other.borrow(&guard);
                match member % 4 {
                    0 => drop(runtime.stop_the_world(&attached)),
                    1 => attached.detached(thread::yield_now),
                    2 => attached.breaker().set(Events::EXPLICIT_MERGE),
                    _ => other.store(slot.load()),
                }
                attached.poll().unwrap();
                seen.iter().for_each(|seen| seen.look());
                drop(guard);
                attached.poll().unwrap();
            });
            slots.iter().for_each(|slot| slot.store(None));
            drop(main);
            drop(pyref::Guard::visit());
            assert_eq!(left.load(Ordering::SeqCst), 0, "values that were not dropped");
        }
    });
}

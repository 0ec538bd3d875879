//! Models of pyref under a runtime: the state word is the member's, attached is online, a pause frees.
//!
//! A value that is freed under a reader, twice or never fails the model: its number is a cell that the checker watches.

use crate::world::World;
use pyceval::Events;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;
use pyref::{Ref, Slot};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn};
use trial::guarded::Guarded;

/// What a dropped value reads as.
const GONE: u32 = u32::MAX;

/// A number that may be read until it is dropped, which is counted.
struct Value {
    number: Guarded,
    drops: Arc<AtomicUsize>,
}

// SAFETY: read by anyone, written by the drop alone; whether the two are ordered is what the checker watches.
unsafe impl Sync for Value {}
// SAFETY: as above.
unsafe impl Send for Value {}

impl Value {
    #[track_caller]
    fn read(&self) {
        assert_ne!(self.number.get(), GONE, "read after the drop");
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.read();
        self.number.set(GONE);
        // ORD: Relaxed, the checker runs one thread at a time.
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// A value that nobody owns, and the count of drops.
fn value() -> (Ref<Value>, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    (Ref::new(Value { number: Guarded::new(1), drops: Arc::clone(&drops) }), drops)
}

fn count(drops: &AtomicUsize) -> usize {
    // ORD: Relaxed, the checker runs one thread at a time.
    drops.load(Ordering::Relaxed)
}

/// QSBR-4, STATE-1, STATE-2, WORLD-1. Two threads: a reader attaches, borrows and detaches against one that takes the
/// value out of reach and stops the world, so the reader's word goes through every value there is.
#[test]
fn references_a_reader_that_attaches_against_a_pause_that_frees() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let (value, drops) = value();
        let slot = Arc::new(Slot::new(value));
        let shared = Arc::clone(&slot);
        let reading = world.visit(move |_, state| {
            let attached = state.attach().unwrap();
            let guard = attached.guard();
            if let Some(seen) = shared.borrow(&guard) {
                seen.read();
            }
        });
        let attached = main.attach().unwrap();
        slot.store(None);
        drop(world.runtime.stop_the_world(&attached));
        drop(attached);
        let state = reading.join().unwrap();
        drop((state, main));
        assert_eq!(count(&drops), 1);
    });
}

/// QSBR-5, GUARD-1. Two threads: the pause finds the reader detached with an open guard, or stops it at its poll.
#[test]
fn references_a_guard_across_a_detach_against_a_pause_that_frees() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let (value, drops) = value();
        let slot = Arc::new(Slot::new(value));
        let shared = Arc::clone(&slot);
        let reading = world.visit(move |_, state| {
            let attached = state.attach().unwrap();
            let guard = attached.guard();
            let seen = shared.borrow(&guard);
            attached.detached(|| ());
            if let Some(seen) = seen {
                seen.read();
            }
        });
        let attached = main.attach().unwrap();
        slot.store(None);
        drop(world.runtime.stop_the_world(&attached));
        drop(attached);
        let state = reading.join().unwrap();
        drop((state, main));
        assert_eq!(count(&drops), 1);
    });
}

/// QSBR-2, QSBR-4. Two threads: no pause, but a poll that frees, against a reader that attaches and polls.
#[test]
fn references_a_reader_that_polls_against_a_poll_that_frees() {
    bounded(Bucket::Abstract, || {
        let (world, mut main) = World::new(false);
        let (value, drops) = value();
        let slot = Arc::new(Slot::new(value));
        let shared = Arc::clone(&slot);
        let reading = world.visit(move |_, state| {
            let attached = state.attach().unwrap();
            for _ in 0..2 {
                let guard = attached.guard();
                if let Some(seen) = shared.borrow(&guard) {
                    seen.read();
                }
                drop(guard);
                attached.poll().unwrap();
            }
        });
        let attached = main.attach().unwrap();
        slot.store(None);
        attached.breaker().set(Events::EXPLICIT_MERGE);
        attached.poll().unwrap();
        drop(attached);
        let state = reading.join().unwrap();
        drop((state, main));
        assert_eq!(count(&drops), 1);
    });
}

/// REF-1, MERGE-1. Two threads: the owner, attached, polls and detaches while another thread drops what it owns.
#[test]
fn references_a_queue_against_the_owners_poll() {
    bounded(Bucket::Abstract, || {
        let (_world, mut main) = World::new(false);
        let attached = main.attach().unwrap();
        let (value, drops) = value();
        let clone = value.clone();
        let dropping = spawn(move || drop(clone));
        drop(value);
        attached.poll().unwrap();
        drop(attached);
        dropping.join().unwrap();
        drop(main);
        assert_eq!(count(&drops), 1);
    });
}

//! Models of pyref under a runtime: the state word is the member's, attached is online, a pause frees.
//!
//! A value that is freed under a reader, twice or never fails the model: its number is a cell that the checker watches.

use crate::world::World;
use pyceval::{Attached, Events};
use pyref::{Ref, Slot};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn};
use trial::guarded::{Drops, Value};

/// A value that nobody owns, and the count of drops.
fn value() -> (Ref<Value>, Drops) {
    let drops = Drops::default();
    (Ref::new(drops.value(1)), drops)
}

/// Explores `reading` by a second thread that is attached, while the main one takes the value out of reach and frees.
fn freed_while(reading: fn(&Attached<'_>, &Slot<Value>), free: fn(&World, &Attached<'_>)) {
    bounded(Bucket::Abstract, move || {
        let (world, mut main) = World::new(false);
        let (value, drops) = value();
        let slot = Arc::new(Slot::new(value));
        let shared = Arc::clone(&slot);
        let reader = world.visit(move |_, state| reading(&state.attach().unwrap(), &shared));
        let attached = main.attach().unwrap();
        slot.store(None);
        free(&world, &attached);
        drop(attached);
        let state = reader.join().unwrap();
        drop((state, main));
        assert_eq!(drops.count(), 1);
    });
}

fn pause(world: &World, attached: &Attached<'_>) {
    drop(world.runtime.stop_the_world(attached));
}

fn poll(_world: &World, attached: &Attached<'_>) {
    attached.breaker().set(Events::EXPLICIT_MERGE);
    attached.poll().unwrap();
}

fn read(attached: &Attached<'_>, slot: &Slot<Value>) {
    if let Some(seen) = slot.borrow(&attached.guard()) {
        seen.read();
    }
}

/// QSBR-4, STATE-1, STATE-2, WORLD-1. Two threads: a reader attaches, borrows and detaches against one that takes the
/// value out of reach and stops the world, so the reader's word goes through every value there is.
#[test]
fn references_a_reader_that_attaches_against_a_pause_that_frees() {
    freed_while(read, pause);
}

/// QSBR-5, GUARD-1. Two threads: the pause finds the reader detached with an open guard, or stops it at its poll.
#[test]
fn references_a_guard_across_a_detach_against_a_pause_that_frees() {
    let across = |attached: &Attached<'_>, slot: &Slot<Value>| {
        let guard = attached.guard();
        let seen = slot.borrow(&guard);
        attached.detached(|| ());
        if let Some(seen) = seen {
            seen.read();
        }
    };
    freed_while(across, pause);
}

/// QSBR-2, QSBR-4. Two threads: no pause, but a poll that frees, against a reader that attaches and polls.
#[test]
fn references_a_reader_that_polls_against_a_poll_that_frees() {
    let twice = |attached: &Attached<'_>, slot: &Slot<Value>| {
        for _ in 0..2 {
            read(attached, slot);
            attached.poll().unwrap();
        }
    };
    freed_while(twice, poll);
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
        assert_eq!(drops.count(), 1);
    });
}

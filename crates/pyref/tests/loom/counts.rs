//! Models of counts in two parts.

use crate::value::{Drops, Value, online};
use pyref::{Member, Ref, Slot};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, unbounded};

/// REF-2, REF-4, MERGE-1, MERGE-4. Two threads, no bound: an owner and another count the same object down to zero.
#[test]
fn counts_of_owner_and_another_reach_zero_once() {
    unbounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let [mut owner, other] = [(); 2].map(|()| Member::new());
        let other = {
            let _online = owner.online();
            let object = Ref::new(drops.value(1));
            // Counted by the owner, dropped elsewhere.
            let theirs = object.clone();
            let other = online(other, move |_| assert_eq!(theirs.read(), 1));
            assert_eq!(object.read(), 1);
            drop(object);
            other
        };
        let other = other.join().unwrap();
        drop((owner, other));
        assert_eq!(drops.count(), 1);
    });
}

/// REF-2, MERGE-1. Two threads, bounded: the other takes references of its own besides, and drops more than it took.
#[test]
fn counts_go_below_zero_on_one_side() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let [mut owner, other] = [(); 2].map(|()| Member::new());
        let other = {
            let online_owner = owner.online();
            let object = Ref::new(drops.value(1));
            let theirs = (object.clone(), object.clone());
            let other = online(other, move |_| {
                let third = theirs.0.clone();
                drop(theirs);
                assert_eq!(third.read(), 1);
            });
            drop(object);
            online_owner.serve();
            other
        };
        let other = other.join().unwrap();
        drop((owner, other));
        assert_eq!(drops.count(), 1);
    });
}

/// REF-1, MERGE-3. Two threads, bounded: the owner leaves while the other drops what the owner counted.
#[test]
fn counts_of_an_owner_that_leaves() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let [mut owner, mut other] = [(); 2].map(|()| Member::new());
        let theirs = {
            let _online = owner.online();
            Ref::new(drops.value(1))
        };
        let leaving = spawn(move || drop(owner));
        {
            let _online = other.online();
            drop(theirs);
        }
        leaving.join().unwrap();
        drop(other);
        assert_eq!(drops.count(), 1);
    });
}

/// RECORD-1, MERGE-3. Two threads, bounded: the owner leaves, another member takes its record over and counts as the
/// owner, while a third drops what the first one counted.
#[test]
fn counts_are_inherited_with_the_record() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let [mut owner, mut other] = [(); 2].map(|()| Member::new());
        let (ours, theirs) = {
            let _online = owner.online();
            let object = Ref::new(drops.value(1));
            (object.clone(), object)
        };
        let heir = spawn(move || {
            drop(owner);
            let mut heir = Member::new();
            {
                let _online = heir.online();
                drop(ours);
            }
            heir
        });
        {
            let _online = other.online();
            drop(theirs);
        }
        let heir = heir.join().unwrap();
        drop((other, heir));
        assert_eq!(drops.count(), 1);
    });
}

/// REF-3, MERGE-4. Two threads, no bound: a try against the owner's last drop, which merges.
#[test]
fn counts_of_a_try_against_a_merge() {
    unbounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot: Arc<Slot<Value>> = Arc::new(Slot::empty());
        let [mut owner, reader] = [(); 2].map(|()| Member::new());
        let reading = {
            let _online = owner.online();
            slot.store(Some(Ref::new(drops.value(1))));
            let shared = Arc::clone(&slot);
            let reading = online(reader, move |_| {
                if let Some(seen) = shared.load() {
                    assert_eq!(seen.read(), 1);
                }
            });
            drop(slot.take());
            reading
        };
        let reader = reading.join().unwrap();
        drop((owner, reader, slot));
        assert_eq!(drops.count(), 1);
    });
}

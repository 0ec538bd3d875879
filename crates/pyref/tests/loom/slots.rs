//! Models of slots.

use crate::value::{Drops, Value, online};
use pyref::{LockedSlot, Member, Ref, Slot};
use std::sync::Arc;
use trial::explore::{Bucket, bounded};

/// A slot with a value that nobody owns, and the count of drops.
fn slot() -> (Arc<Slot<Value>>, Drops) {
    let drops = Drops::default();
    (Arc::new(Slot::new(Ref::new(drops.value(0)))), drops)
}

/// What a writer does.
fn store(slot: &Arc<Slot<Value>>, drops: &Drops, number: u32) -> impl FnOnce() + 'static {
    let (slot, drops) = (Arc::clone(slot), drops.clone());
    move || slot.store(Some(Ref::new(drops.value(number))))
}

/// SLOT-1, SLOT-3, REF-2. Three threads, bounded: two writers and a reader. Each value is dropped once, the reader's
/// stays while it has it, longer than anything else.
#[test]
fn slots_of_two_writers_and_a_reader() {
    bounded(Bucket::Abstract, || {
        let (slot, drops) = slot();
        let [first, second, mut reader] = [(); 3].map(|()| Member::new());
        let (one, two) = (store(&slot, &drops, 1), store(&slot, &drops, 2));
        let writers = [online(first, |_| one()), online(second, |_| two())];
        let seen = {
            let _online = reader.online();
            slot.load().expect("never empty")
        };
        let writers = writers.map(|writer| writer.join().unwrap());
        drop((slot, reader, writers));
        assert!(seen.read() <= 2);
        drop(seen);
        assert_eq!(drops.count(), 3);
    });
}

/// SLOT-1, SLOT-2, SLOT-4. Two threads, bounded: what its owner alone has is found by another thread, or is gone.
#[test]
fn slots_show_what_their_owner_has() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot = Arc::new(Slot::empty());
        let [mut owner, reader] = [(); 2].map(|()| Member::new());
        let shared = Arc::clone(&slot);
        let other = online(reader, move |_| shared.load().map(|seen: Ref<Value>| seen.read()));
        {
            let _online = owner.online();
            slot.store(Some(Ref::new(drops.value(1))));
            drop(slot.take());
        }
        let (reader, seen) = other.join().unwrap();
        assert!(seen.is_none() || seen == Some(1));
        drop((slot, owner, reader));
        assert_eq!(drops.count(), 1);
    });
}

/// SLOT-4. Two threads, bounded: what a compare-exchange has put in is found whole.
#[test]
fn slots_show_what_a_compare_exchange_put_in() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot = Arc::new(Slot::empty());
        let [mut writer, reader] = [(); 2].map(|()| Member::new());
        let shared = Arc::clone(&slot);
        let other = online(reader, move |online| {
            let guard = online.guard();
            shared.borrow(&guard).map(|seen| Value::read(&seen))
        });
        {
            let _online = writer.online();
            assert!(slot.compare_exchange(None, Some(Ref::new(drops.value(1)))).is_ok());
        }
        let (reader, seen) = other.join().unwrap();
        assert!(seen.is_none() || seen == Some(1));
        drop((slot, writer, reader));
        assert_eq!(drops.count(), 1);
    });
}

/// SLOT-1. Three threads, bounded: takes and a compare-exchange find each value once.
#[test]
fn slots_are_taken_once() {
    bounded(Bucket::Abstract, || {
        let (slot, drops) = slot();
        let members = [(); 2].map(|()| Member::new());
        let others = members.map(|member| {
            let slot = Arc::clone(&slot);
            online(member, move |_| slot.take().is_some())
        });
        let seen = slot.swap(None);
        let got = usize::from(seen.is_some());
        let refused = slot.compare_exchange(seen.as_ref(), None).is_err();
        assert_eq!(refused, seen.is_some());
        let others = others.map(|other| other.join().unwrap());
        let taken = others.iter().filter(|(_, taken)| *taken).count();
        assert_eq!(taken + got, 1);
        drop((seen, slot, others));
        assert_eq!(drops.count(), 1);
    });
}

/// LOCKED-1, REF-2. Three threads, bounded: the protocol with the lock, against itself.
#[test]
fn slots_with_a_lock() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot = Arc::new(LockedSlot::empty());
        let [mut owner, writer, reader] = [(); 3].map(|()| Member::new());
        slot.store(Some(Ref::new(drops.value(0))));
        let shared = Arc::clone(&slot);
        let counted = drops.clone();
        let writing = online(writer, move |_| shared.store(Some(Ref::new(counted.value(1)))));
        let shared = Arc::clone(&slot);
        let reading = online(reader, move |_| shared.load().map(|seen: Ref<Value>| seen.read()));
        {
            let _online = owner.online();
            slot.store(Some(Ref::new(drops.value(2))));
        }
        let left = (writing.join().unwrap(), reading.join().unwrap());
        assert!(left.1.1.is_some());
        drop((slot, owner, left));
        assert_eq!(drops.count(), 3);
    });
}

//! Models of counts in two parts.

use crate::value::{Drops, Value, online};
use pyref::raw::Header;
use pyref::{Member, Ref, Slot};
use std::ptr::NonNull;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, unbounded};
use trial::guarded::Guarded;

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

/// SHARED-3, REF-3. Two threads, no bound: a try against the last drop of what nobody owns.
#[test]
fn counts_of_a_try_against_the_last_drop() {
    unbounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot: Arc<Slot<Value>> = Arc::new(Slot::new(Ref::new(drops.value(1))));
        let [mut taker, reader] = [(); 2].map(|()| Member::new());
        let shared = Arc::clone(&slot);
        let reading = online(reader, move |_| {
            if let Some(seen) = shared.load() {
                assert_eq!(seen.read(), 1);
            }
        });
        {
            let _online = taker.online();
            drop(slot.take());
        }
        let reader = reading.join().unwrap();
        drop((taker, reader, slot));
        assert_eq!(drops.count(), 1);
    });
}

/// SHARED-2. Two threads, bounded: a thread that is not online drops what it has taken out, a reader brings the object
/// back, drops it and frees it.
#[test]
fn counts_of_a_thread_that_is_not_online() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot: Arc<Slot<Value>> = Arc::new(Slot::new(Ref::new(drops.value(1))));
        let reader = Member::new();
        let shared = Arc::clone(&slot);
        let reading = online(reader, move |online| {
            if let Some(seen) = shared.load() {
                assert_eq!(seen.read(), 1);
            }
            online.serve();
        });
        drop(slot.take());
        let reader = reading.join().unwrap();
        drop((reader, slot));
        assert_eq!(drops.count(), 1);
    });
}

/// SHARED-1, MERGE-1. Three threads, bounded: what one drops, another has taken once more before the first can ask the
/// owner; the owner drops everything that is left, and frees it.
#[test]
fn counts_of_a_drop_that_others_make_up_for() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let [mut owner, one, two] = [(); 3].map(|()| Member::new());
        let others = {
            let online_owner = owner.online();
            let object = Ref::new(drops.value(1));
            let (first, second) = (object.clone(), object);
            let dropping = online(one, move |_| drop(first));
            let cloning = online(two, move |_| (second.clone(), second));
            let (two, back) = cloning.join().unwrap();
            drop(back);
            online_owner.serve();
            (dropping.join().unwrap(), two)
        };
        drop((owner, others));
        assert_eq!(drops.count(), 1);
    });
}

/// SHARED-1, MERGE-1. Three threads, bounded: two drop what the owner has counted, the owner drops its own.
#[test]
fn counts_go_below_zero_on_two_sides() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let [mut owner, one, two] = [(); 3].map(|()| Member::new());
        let others = {
            let online_owner = owner.online();
            let object = Ref::new(drops.value(1));
            let others = [one, two].map(|member| {
                let theirs = object.clone();
                online(member, move |_| drop(theirs))
            });
            drop(object);
            online_owner.serve();
            others.map(|other| other.join().unwrap())
        };
        drop((owner, others));
        assert_eq!(drops.count(), 1);
    });
}

/// SHARED-1, REF-3. Three threads, bounded: a try finds the count below zero, between a drop of what the owner has counted
/// and the moment when the owner is asked.
#[test]
fn counts_of_a_try_below_zero() {
    bounded(Bucket::Abstract, || {
        let drops = Drops::default();
        let slot: Arc<Slot<Value>> = Arc::new(Slot::empty());
        let [mut owner, taker, reader] = [(); 3].map(|()| Member::new());
        {
            let _online = owner.online();
            slot.store(Some(Ref::new(drops.value(1))));
        }
        let shared = Arc::clone(&slot);
        let taking = online(taker, move |_| drop(shared.take()));
        let shared = Arc::clone(&slot);
        let reading = online(reader, move |_| {
            if let Some(seen) = shared.load() {
                assert_eq!(seen.read(), 1);
            }
        });
        owner.online().serve();
        let others = (taking.join().unwrap(), reading.join().unwrap());
        drop((owner, others, slot));
        assert_eq!(drops.count(), 1);
    });
}

/// An object of a runtime whose destructors run at once.
#[repr(C)]
struct Prompt {
    header: Header,
    number: Guarded,
}

/// # Safety
///
/// `object` begins a [`Prompt`], which is never freed.
unsafe fn end_at_once(object: NonNull<Header>) {
    // SAFETY: the caller's word.
    unsafe { object.cast::<Prompt>().as_ref() }.number.set(0);
}

/// Of the calling thread's member, if it is online.
fn prompt() -> NonNull<Header> {
    let object = Prompt { header: Header::new(), number: Guarded::new(1) };
    NonNull::from(Box::leak(Box::new(object))).cast()
}

fn again(object: NonNull<Header>) {
    // SAFETY: a reference of the calling thread's, to what is never freed.
    unsafe { object.as_ref().incref() };
}

fn look_and_drop(object: NonNull<Header>) {
    // SAFETY: as above; every reference is dropped with this.
    unsafe {
        assert_eq!(object.cast::<Prompt>().as_ref().number.get(), 1);
        Header::decref(object, end_at_once);
    }
}

fn assert_ended(object: NonNull<Header>) {
    // SAFETY: never freed.
    assert_eq!(unsafe { object.cast::<Prompt>().as_ref() }.number.get(), 0);
}

/// REF-4. Two threads, no bound: whoever frees at once sees what the other did with the object, though both are online.
#[test]
fn counts_show_what_was_done_to_who_frees() {
    unbounded(Bucket::Abstract, || {
        let object = prompt();
        again(object);
        let [mut one, two] = [(); 2].map(|()| Member::new());
        let other = online(two, move |_| look_and_drop(object));
        {
            let _online = one.online();
            look_and_drop(object);
        }
        drop((one, other.join().unwrap()));
        assert_ended(object);
    });
}

/// REF-4. Two threads, bounded: the same, and one is not online.
#[test]
fn counts_show_what_was_done_to_who_is_not_online() {
    bounded(Bucket::Abstract, || {
        let object = prompt();
        again(object);
        let other = online(Member::new(), move |_| look_and_drop(object));
        look_and_drop(object);
        drop(other.join().unwrap());
        assert_ended(object);
    });
}

/// REF-4. Two threads, no bound: the same for an owner whose part comes to zero, and one whose reference is counted in the
/// shared part.
#[test]
fn counts_show_what_was_done_to_the_owner() {
    unbounded(Bucket::Abstract, || {
        let [mut owner, other] = [(); 2].map(|()| Member::new());
        let object = {
            let _online = owner.online();
            prompt()
        };
        // Not online, so in the shared part.
        again(object);
        let other = online(other, move |_| look_and_drop(object));
        {
            let _online = owner.online();
            look_and_drop(object);
        }
        drop((owner, other.join().unwrap()));
        assert_ended(object);
    });
}

/// REF-4. Two threads, bounded: the same for an owner that merges, and one that drops more than it was asked for.
#[test]
fn counts_show_what_was_done_to_who_merges() {
    bounded(Bucket::Abstract, || {
        let [mut owner, other] = [(); 2].map(|()| Member::new());
        let other = {
            let online_owner = owner.online();
            let object = prompt();
            again(object);
            again(object);
            let other = online(other, move |_| {
                look_and_drop(object);
                look_and_drop(object);
                object
            });
            look_and_drop(object);
            online_owner.serve();
            other
        };
        let (other, object) = other.join().unwrap();
        drop((owner, other));
        assert_ended(object);
    });
}

//! Models of quiescent states: what was taken out of reach is not freed under a reader.

use crate::value::{Drops, Value, online};
use pyref::{Guard, Member, Ref, Slot};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn};

type Shared = Arc<Slot<Value>>;

/// A slot with a value that nobody owns, and the count of drops.
fn slot() -> (Shared, Drops) {
    let drops = Drops::default();
    (Arc::new(Slot::new(Ref::new(drops.value(1)))), drops)
}

/// Takes the value out, and frees it if nobody is in the way.
fn replace(owner: &mut Member, slot: &Shared) {
    let online = owner.online();
    slot.store(None);
    online.serve();
}

/// What a reader does: it reads what is there, if there is anything.
fn read(slot: &Slot<Value>, guard: &Guard<'_>) {
    if let Some(seen) = slot.borrow(guard) {
        assert_eq!(seen.read(), 1);
    }
}

/// Explores `reading` by a second thread while the value is replaced. What it begins with is made before it; the member
/// that it had comes back, and ends outside of what is modelled.
fn replaced_while<M: 'static>(before: fn() -> M, reading: fn(M, &Shared) -> Option<Member>) {
    bounded(Bucket::Abstract, move || {
        let (slot, drops) = slot();
        let (mut writer, made) = (Member::new(), before());
        let shared = Arc::clone(&slot);
        let reader = spawn(move || reading(made, &shared));
        replace(&mut writer, &slot);
        let reader = reader.join().unwrap();
        drop((writer, reader));
        assert_eq!(drops.count(), 1);
    });
}

/// QSBR-2, QSBR-3, QSBR-4, GUARD-1. Two threads, bounded: an advance against a reader that goes online and borrows.
#[test]
fn quiescence_of_a_reader_that_comes() {
    replaced_while(Member::new, |mut reader, slot| {
        read(slot, &reader.online().guard());
        Some(reader)
    });
}

/// QSBR-2, QSBR-4. Two threads, bounded: the reader has been online before, goes away and comes back.
#[test]
fn quiescence_of_a_reader_that_comes_back() {
    replaced_while(Member::new, |mut reader, slot| {
        drop(reader.online());
        read(slot, &reader.online().guard());
        Some(reader)
    });
}

/// QSBR-2. Two threads, bounded: a reader that stays online and is quiescent between two reads.
#[test]
fn quiescence_of_a_reader_that_stays() {
    replaced_while(Member::new, |mut reader, slot| {
        {
            let online = reader.online();
            for _ in 0..2 {
                read(slot, &online.guard());
                online.quiescent();
            }
        }
        Some(reader)
    });
}

/// QSBR-6, TABLE-1, TABLE-2. Two threads, bounded: the reader's member, and the larger array that it needs, are made
/// while the writer looks.
#[test]
fn quiescence_of_a_reader_that_is_new() {
    replaced_while(
        || (),
        |(), slot| {
            let mut reader = Member::new();
            read(slot, &reader.online().guard());
            Some(reader)
        },
    );
}

/// QSBR-2, QSBR-4. Two threads, bounded: the reader is no member, and borrows as a visitor; its record is there already.
#[test]
fn quiescence_of_a_visitor() {
    replaced_while(
        || drop(Member::new()),
        |(), slot| {
            read(slot, &Guard::visit());
            None
        },
    );
}

/// QSBR-5. Two threads, bounded: the guard stays open while its member is offline, as in a sleep that detaches.
#[test]
fn quiescence_with_a_guard_across_a_detach() {
    replaced_while(Member::new, |reader, slot| {
        let place = reader.place();
        away_and_back(place, || {
            // SAFETY: the member is this thread's, and kept until the guard has ended.
            let guard = unsafe { place.guard() };
            let seen = slot.borrow(&guard);
            detach(place);
            attach(place);
            if let Some(seen) = seen {
                assert_eq!(seen.read(), 1);
            }
        });
        Some(reader)
    });
}

fn away_and_back(place: pyref::raw::Place, body: impl FnOnce()) {
    attach(place);
    body();
    detach(place);
}

fn attach(place: pyref::raw::Place) {
    use pyparking::primitive::Ordering;
    // SAFETY: from even by an RMW with Acquire, by the one thread that uses the member.
    unsafe {
        let odd = pyref::raw::Place::sequence();
        // ORD: Acquire, as the word asks.
        let gone = place.word().compare_exchange(0, odd, Ordering::Acquire, Ordering::Relaxed);
        assert!(gone.is_ok());
        place.enter();
    }
}

fn detach(place: pyref::raw::Place) {
    // SAFETY: by the member's thread, with Release.
    unsafe {
        place.leave();
        // ORD: Release, as the word asks.
        place.word().store(0, pyparking::primitive::Ordering::Release);
    }
}

/// Explores a replacement, and `serves` polls after it, against a reader and a thread that looks: it has taken nothing out
/// of reach, and moves the sequence for the thread that has.
fn replaced_beside_a_look(serves: usize) {
    bounded(Bucket::Abstract, move || {
        let (slot, drops) = slot();
        let [mut writer, reader] = [(); 2].map(|()| Member::new());
        let shared = Arc::clone(&slot);
        let reading = online(reader, move |online| read(&shared, &online.guard()));
        let looking = spawn(|| {
            // SAFETY: of no member, and reads nothing.
            drop(unsafe { pyref::raw::Place::ripe([]) });
        });
        {
            let online = writer.online();
            slot.store(None);
            (0..serves).for_each(|_| online.serve());
        }
        let reader = reading.join().unwrap();
        looking.join().unwrap();
        drop((writer, reader));
        assert_eq!(drops.count(), 1);
    });
}

/// QSBR-3, DELAY-1. Three threads, bounded: the other's advance and look come in between. The reader goes online with what it
/// finds.
#[test]
fn quiescence_of_two_that_advance() {
    replaced_beside_a_look(1);
}

/// QSBR-3. Three threads, bounded: another thread's look finds that the goal is reached, and the writer believes it.
#[test]
fn quiescence_that_another_has_seen() {
    replaced_beside_a_look(2);
}

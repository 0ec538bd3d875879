//! Four writers and two readers on the same slots, 200,000 stores and 100,000 loads each: every value is dropped once,
//! and none is touched after its drop. For the machine, and for its sanitizers.

use pyref::{Guard, LockedSlot, Member, Online, Ref, Slot};
use std::sync::Arc;
use std::thread;
use trial::counted::{Books, Counted};
use trial::until::until;

const WRITERS: usize = 4;
const READERS: usize = 2;
/// Stores of a writer and loads of a reader.
type Rounds = (usize, usize);
const MANY: Rounds = if cfg!(miri) { (200, 100) } else { (200_000, 100_000) };
const SOME: Rounds = (MANY.0 / 10, MANY.1 / 10);

/// The slots of one object.
const SLOTS: usize = 3;

/// Runs the crew on whatever it stores to and loads from.
fn storm(
    (stores, loads): Rounds,
    store: impl Fn(usize, Ref<Counted>, &Online<'_>) + Sync,
    load: impl Fn(usize, &Online<'_>) + Sync,
) -> Arc<Books> {
    let books = Arc::new(Books::default());
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (books, store) = (&books, &store);
            scope.spawn(move || {
                let mut member = Member::new();
                let online = member.online();
                for round in 0..stores {
                    store((writer + round) % SLOTS, Ref::new(books.value()), &online);
                    online.quiescent();
                    if round % 1000 == 0 {
                        online.serve();
                    }
                }
            });
        }
        for reader in 0..READERS {
            let load = &load;
            scope.spawn(move || {
                let mut member = Member::new();
                let online = member.online();
                for round in 0..loads {
                    load((reader + round) % SLOTS, &online);
                    online.quiescent();
                }
            });
        }
    });
    books
}

/// Every value is gone, as soon as nobody in this process is in the way.
fn end(books: &Arc<Books>) {
    until("the end of every value", || {
        drop(Guard::visit());
        let (born, gone) = books.totals();
        assert!(gone <= born, "dropped twice");
        born == gone
    });
}

#[test]
fn slots_of_one_object() {
    let slots: [Slot<Counted>; SLOTS] = [const { Slot::empty() }; SLOTS];
    let books = storm(
        MANY,
        |slot, value, _| slots[slot].store(Some(value)),
        |slot, online| {
            if let Some(seen) = slots[slot].load() {
                seen.number();
            }
            let guard = online.guard();
            if let Some(seen) = slots[slot].borrow(&guard) {
                seen.number();
            }
        },
    );
    drop(slots);
    end(&books);
    assert_eq!(books.totals().0, (WRITERS * MANY.0) as u64);
}

#[test]
fn slots_by_every_operation() {
    let slots: [Slot<Counted>; SLOTS] = [const { Slot::empty() }; SLOTS];
    let books = storm(
        SOME,
        |slot, value, _| {
            let next = &slots[(slot + 1) % SLOTS];
            let slot = &slots[slot];
            match value.number() % 4 {
                0 => slot.store(Some(value)),
                1 => next.store(slot.swap(Some(value))),
                2 => drop(slot.take()),
                _ => {
                    let seen = slot.load();
                    drop(slot.compare_exchange(seen.as_ref(), Some(value)));
                }
            }
        },
        |slot, _| {
            let kept = slots[slot].load();
            drop(kept.clone());
            kept.iter().for_each(|seen| assert!(Ref::count(seen) > 0 && seen.number() < u64::MAX));
        },
    );
    drop(slots);
    end(&books);
}

#[test]
fn slots_with_a_lock() {
    let slots: [LockedSlot<Counted>; SLOTS] = [const { LockedSlot::empty() }; SLOTS];
    let books = storm(
        SOME,
        |slot, value, _| slots[slot].store(Some(value)),
        |slot, _| {
            if let Some(seen) = slots[slot].load() {
                seen.number();
            }
        },
    );
    drop(slots);
    end(&books);
}

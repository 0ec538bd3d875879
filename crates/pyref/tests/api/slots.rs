//! Slots, by one thread at a time.

use crate::until_closed;
use pyref::{Guard, LockedSlot, Member, Ref, Slot};
use std::sync::Arc;
use trial::counted::{Books, Counted};

#[test]
fn each_operation_moves_one_reference() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let slot = Slot::default();
    assert!(slot.is_empty() && slot.load().is_none() && slot.take().is_none());
    slot.store(Some(Ref::new(books.value())));
    let seen: Ref<Counted> = slot.load().unwrap();
    assert_eq!((seen.number(), Ref::count(&seen)), (0, 2));
    let old = slot.swap(Some(Ref::new(books.value()))).unwrap();
    assert!(Ref::ptr_eq(&old, &seen));
    slot.store(Some(seen));
    assert_eq!(Ref::count(&old), 2);
    drop(slot);
    assert_eq!(Ref::count(&old), 1);
    drop(old);
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn a_compare_exchange_returns_what_it_does_not_use() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let slot = Slot::from(Ref::new(books.value()));
    let first = slot.load();
    let refused = slot.compare_exchange(None, Some(Ref::new(books.value()))).unwrap_err();
    assert_eq!(refused.as_ref().map(|value| value.number()), Some(1));
    let old = slot.compare_exchange(first.as_ref(), refused).unwrap().unwrap();
    assert_eq!(Ref::count(&old), 2);
    assert!(slot.compare_exchange(first.as_ref(), None).unwrap_err().is_none());
    let last = slot.load();
    assert!(slot.compare_exchange(last.as_ref(), None).unwrap().is_some());
    assert!(slot.compare_exchange(None, None).unwrap().is_none());
    drop((first, old, last, slot));
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn a_borrow_lasts_as_long_as_its_guard() {
    let books = Arc::new(Books::default());
    let slot = Slot::new(Ref::new(books.value()));
    let mut member = Member::new();
    let online = member.online();
    let guard = online.guard();
    let inner = online.guard();
    let seen = slot.borrow(&guard).unwrap();
    assert!(seen.upgrade().is_some());
    slot.store(None);
    drop(inner);
    online.serve();
    assert_eq!((seen.number(), books.totals()), (0, (1, 0)));
    assert!(seen.upgrade().is_none(), "from zero nobody counts up");
    drop(guard);
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn a_borrow_of_what_this_thread_owned_is_not_brought_back() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let slot = Slot::new(Ref::new(books.value()));
    let guard = online.guard();
    let seen = slot.borrow(&guard).unwrap();
    drop(slot.take());
    assert!(seen.upgrade().is_none());
    assert_eq!(seen.number(), 0);
    drop(guard);
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn a_visitor_keeps_what_it_borrowed() {
    let books = Arc::new(Books::default());
    let slot = Slot::new(Ref::new(books.value()));
    let guard = Guard::visit();
    let seen = slot.borrow(&guard).unwrap();
    let mut member = Member::new();
    let online = member.online();
    slot.store(None);
    online.serve();
    assert_eq!((seen.number(), books.totals()), (0, (1, 0)));
    drop(guard);
    trial::until::until("the value's end", || {
        online.serve();
        books.totals() == (1, 1)
    });
}

#[test]
fn a_locked_slot_does_the_same() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let slot = LockedSlot::default();
    slot.store(Some(Ref::new(books.value())));
    let seen: Ref<Counted> = slot.load().unwrap();
    let theirs = std::thread::scope(|scope| {
        // Not published by the store: the other thread needs the lock.
        scope.spawn(|| slot.load().unwrap()).join().unwrap()
    });
    assert!(Ref::ptr_eq(&seen, &theirs));
    drop((seen, theirs, slot));
    online.serve();
    until_closed(&books, &online);
}

//! Handles and counts.

use crate::until_closed;
use pyref::raw::{Header, RawSlot};
use pyref::{Member, Ref};
use std::mem::{align_of, size_of};
use std::sync::Arc;
use std::thread;
use trial::counted::Books;

#[test]
fn layouts_are_as_small_as_promised() {
    assert!(size_of::<Header>() <= 3 * size_of::<u64>());
    assert_eq!(size_of::<RawSlot>(), size_of::<usize>());
    assert_eq!(size_of::<pyref::Slot<String>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Ref<String>>>(), size_of::<usize>());
    assert!(align_of::<Header>() <= align_of::<u64>());
}

#[test]
fn a_value_goes_with_its_last_reference() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let first = Ref::new(books.value());
    let second = first.clone();
    assert_eq!(Ref::count(&first), 2);
    drop(first);
    assert_eq!((second.number(), books.totals()), (0, (1, 0)));
    drop(second);
    until_closed(&books, &online);
}

#[test]
fn a_thread_without_a_member_frees_at_once_if_nobody_reads() {
    let books = Arc::new(Books::default());
    let object = Ref::new(books.value());
    let clones: Vec<_> = (0..10).map(|_| object.clone()).collect();
    assert_eq!(Ref::count(&object), 11);
    let dropping = thread::spawn(move || drop(clones));
    dropping.join().unwrap();
    drop(object);
    // Other tests may have readers; theirs end.
    trial::until::until("the value's end", || {
        drop(pyref::Guard::visit());
        books.totals() == (1, 1)
    });
}

static KEPT: pyref::Slot<trial::counted::Counted> = pyref::Slot::empty();

#[test]
fn what_is_immortal_stays() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let object = Ref::immortal(books.value());
    for _ in 0..3 {
        drop(object.clone());
    }
    // Where a leak checker finds it.
    KEPT.store(Some(object.clone()));
    drop(object);
    online.serve();
    assert_eq!(books.totals(), (1, 0));
}

#[test]
fn the_owner_counts_without_the_shared_word() {
    let mut member = Member::new();
    let _online = member.online();
    let object = Ref::new(());
    let before = format!("{:?}", Ref::as_header(&object));
    drop([(); 5].map(|()| object.clone()));
    assert_eq!(format!("{:?}", Ref::as_header(&object)), before);
    assert_eq!(Ref::count(&object), 1);
}

#[test]
fn what_others_drop_is_merged_when_the_owner_serves() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let object = Ref::new(books.value());
    let clones = [(); 3].map(|()| object.clone());
    thread::spawn(move || drop(clones)).join().unwrap();
    // One waits in the queue, two have made the other side negative.
    assert_eq!(Ref::count(&object), 2);
    online.serve();
    assert_eq!(Ref::count(&object), 1);
    drop(object);
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn what_an_owner_leaves_behind_is_merged_by_who_drops_it() {
    let books = Arc::new(Books::default());
    let object = thread::spawn({
        let books = Arc::clone(&books);
        move || {
            let mut member = Member::new();
            let _online = member.online();
            let object = Ref::new(books.value());
            (object.clone(), object)
        }
    });
    let (first, second) = object.join().unwrap();
    assert_eq!(Ref::count(&first), 2);
    let mut member = Member::new();
    let online = member.online();
    drop(first);
    assert_eq!(second.number(), 0);
    drop(second);
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn raw_pointers_keep_their_reference() {
    let books = Arc::new(Books::default());
    let mut member = Member::new();
    let online = member.online();
    let raw = Ref::into_raw(Ref::new(books.value()));
    // SAFETY: from `into_raw`, once.
    let object = unsafe { Ref::<trial::counted::Counted>::from_raw(raw) };
    assert_eq!(object.number(), 0);
    drop(object);
    online.serve();
    until_closed(&books, &online);
}

#[test]
fn an_object_has_a_lock_and_flags() {
    let object = Ref::new(1);
    let header = Ref::as_header(&object);
    header.mutex().lock();
    assert!(header.mutex().is_locked());
    header.mutex().unlock();
    // ORD: Relaxed, one thread.
    header.flags().store(3, pyparking::primitive::Ordering::Relaxed);
    assert_eq!(header.flags().load(pyparking::primitive::Ordering::Relaxed), 3);
}

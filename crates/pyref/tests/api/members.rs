//! Members: online and offline, and what they leave.

use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use pyref::{Member, Notice, Online, Ref, Slot};
use std::sync::Arc;
use std::thread;
use trial::counted::Books;
use trial::facts::{CloneOrNot, SendOrNot, SyncOrNot};
use trial::until::until;

trial::never![SendOrNot: Online<'static>, pyref::Guard<'static>];
trial::never![SyncOrNot: Online<'static>, pyref::Guard<'static>];
trial::never![CloneOrNot: Member, Online<'static>, pyref::Guard<'static>];

const fn both<T: Send + Sync>() {}

#[test]
fn handles_and_slots_go_anywhere() {
    both::<Ref<String>>();
    both::<Slot<String>>();
    both::<Member>();
}

/// Counts how often it is told.
struct Told(AtomicU32);

impl Default for Told {
    fn default() -> Self {
        Self(AtomicU32::new(0))
    }
}

impl Notice for Told {
    fn merge_wanted(&self) {
        // ORD: Relaxed, a counter.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Told {
    fn count(&self) -> u32 {
        // ORD: Relaxed, as above.
        self.0.load(Ordering::Relaxed)
    }
}

/// GUARD-3: who looks tells a member once for each word; what it is told under a guard, it is told again after.
#[test]
fn who_waits_for_a_guard_is_not_forgotten() {
    let told = Arc::new(Told::default());
    let mut member = Member::with_notice(told.clone());
    let online = member.online();
    let books = Arc::new(Books::default());
    let look = || {
        let mut other = Member::new();
        let other = other.online();
        drop(Ref::new(books.value()));
        other.serve();
    };
    let guards = (online.guard(), online.guard());
    thread::scope(|scope| scope.spawn(look).join()).unwrap();
    let before = told.count();
    assert!(before > 0, "it is what the other waits for");
    online.serve();
    drop(guards.0);
    assert_eq!(told.count(), before, "a guard is open");
    drop(guards.1);
    assert_eq!(told.count(), before + 1);
    online.serve();
    until("the value's end", || {
        online.serve();
        books.totals() == (1, 1)
    });
    let quiet = told.count();
    drop(online.guard());
    online.serve();
    assert_eq!(told.count(), quiet, "nobody waits any more");
}

#[test]
fn a_member_goes_online_again_and_again_on_different_threads() {
    let mut member = Member::new();
    let object = {
        let _online = member.online();
        Ref::new(1)
    };
    let member = thread::spawn(move || {
        let online = member.online();
        // Owned by the member, whoever is online with it.
        drop([object.clone(), object]);
        online.serve();
        drop(online);
        member
    });
    assert!(!member.join().unwrap().place().is_online());
}

#[test]
fn an_owner_is_told_of_its_queue() {
    let told = Arc::new(Told::default());
    let mut member = Member::with_notice(told.clone());
    let object = {
        let _online = member.online();
        Ref::new(1)
    };
    thread::spawn(move || drop(object)).join().unwrap();
    assert_eq!(told.count(), 1);
    member.online().serve();
    assert_eq!(told.count(), 1);
}

#[test]
fn a_reader_in_the_way_is_told_once() {
    let told = Arc::new(Told::default());
    let books = Arc::new(Books::default());
    let (go, gone) = (pysync::Event::new(), pysync::Event::new());
    let mut reader = Member::with_notice(told.clone());
    thread::scope(|scope| {
        let (go, gone) = (&go, &gone);
        let reading = scope.spawn(move || {
            let online = reader.online();
            go.notify();
            gone.wait();
            online.serve();
        });
        go.wait();
        let mut writer = Member::new();
        let online = writer.online();
        drop(Ref::new(books.value()));
        online.serve();
        online.serve();
        assert_eq!((told.count(), books.totals()), (1, (1, 0)));
        gone.notify();
        reading.join().unwrap();
        trial::until::until("the value's end", || {
            online.serve();
            books.totals() == (1, 1)
        });
    });
}

#[test]
fn a_member_that_is_dropped_hands_on_what_is_waited_for() {
    let books = Arc::new(Books::default());
    let mut reader = Member::new();
    let online = reader.online();
    let leaving = thread::spawn({
        let books = Arc::clone(&books);
        move || {
            let mut member = Member::new();
            let _online = member.online();
            for _ in 0..25 {
                drop(Ref::new(books.value()));
            }
        }
    });
    leaving.join().unwrap();
    assert_eq!(books.totals(), (25, 0), "this thread may be reading them");
    trial::until::until("their end", || {
        online.serve();
        books.totals() == (25, 25)
    });
}

#[test]
fn many_members_at_once() {
    let slot = Slot::new(Ref::new(0));
    let mut members: Vec<_> = (0..100).map(|_| Member::new()).collect();
    thread::scope(|scope| {
        for member in &mut members {
            scope.spawn(|| {
                let online = member.online();
                for _ in 0..20 {
                    slot.store(Some(Ref::new(*slot.load().unwrap() + 1)));
                    online.quiescent();
                }
            });
        }
    });
    assert!(*slot.load().unwrap() <= 2000);
}

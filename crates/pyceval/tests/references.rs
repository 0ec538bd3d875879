//! A thread state is a member of pyref: attached is online, a poll serves, a pause frees.

use pyceval::{Attached, Events, Runtime, ThreadState};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicBool;
use pyref::{Ref, Slot};
use pysync::{Event, LockFlags};
use std::sync::Arc;
use std::thread;
use trial::counted::{Books, Counted};
use trial::until::{joined, until};

fn free_threaded() -> (Runtime, ThreadState) {
    Runtime::builder().gil(false).start().unwrap()
}

/// Polls with the merge asked for, which is when a poll frees.
fn serve(attached: &Attached<'_>) {
    attached.breaker().set(Events::EXPLICIT_MERGE);
    attached.poll().unwrap();
}

/// Waits until `count` values are gone, serving meanwhile.
fn until_gone(attached: &Attached<'_>, books: &Books, count: u64) {
    until("the values' end", || {
        serve(attached);
        books.totals().1 == count
    });
}

#[test]
fn the_owner_merges_at_its_poll_what_others_have_dropped() {
    for gil in [true, false] {
        let (_runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let attached = main.attach().unwrap();
        let object = Ref::new(1);
        let clone = object.clone();
        joined(thread::spawn(move || drop(clone)));
        assert!(attached.breaker().events().contains(Events::EXPLICIT_MERGE));
        assert_eq!(Ref::count(&object), 2);
        attached.poll().unwrap();
        assert_eq!(Ref::count(&object), 1);
        // Set again meanwhile, if another test of this process waits for its readers.
        until("an end of events", || {
            attached.poll().unwrap();
            !attached.breaker().is_tripped()
        });
    }
}

#[test]
fn what_was_queued_while_the_owner_was_detached_is_merged_at_its_next_poll() {
    let (_runtime, mut main) = free_threaded();
    let books = Arc::new(Books::default());
    let object = {
        let _attached = main.attach().unwrap();
        Ref::new(books.value())
    };
    joined(thread::spawn(move || drop(object)));
    assert_eq!(books.totals().1, 0, "the owner is there, and has not been asked yet");
    let attached = main.attach().unwrap();
    attached.poll().unwrap();
    until_gone(&attached, &books, 1);
}

#[test]
fn the_queue_of_a_state_that_ends_is_merged_then() {
    let (runtime, mut main) = free_threaded();
    let books = Arc::new(Books::default());
    let mut worker = runtime.main_interpreter().new_thread();
    let object = {
        let _attached = worker.attach().unwrap();
        Ref::new(books.value())
    };
    joined(thread::spawn(move || drop(object)));
    drop(worker);
    until_gone(&main.attach().unwrap(), &books, 1);
}

/// A thread that is attached and says when it looks for events.
fn reader(state: &mut ThreadState, attached: &Event, go: &Event, step: impl FnOnce(&Attached<'_>)) {
    let token = state.attach().unwrap();
    attached.notify();
    assert!(go.wait_with(None, LockFlags::EMPTY));
    step(&token);
}

#[test]
fn an_attached_thread_keeps_what_it_may_read_until_it_polls() {
    let (runtime, mut main) = free_threaded();
    let (here, go, polled) = (Event::new(), Event::new(), Event::new());
    let end = Event::new();
    let books = Arc::new(Books::default());
    let mut state = runtime.main_interpreter().new_thread();
    thread::scope(|scope| {
        let (here, go, polled, end) = (&here, &go, &polled, &end);
        scope.spawn(move || {
            reader(&mut state, here, go, |token| {
                // Told by whoever looked.
                assert!(token.breaker().events().contains(Events::EXPLICIT_MERGE));
                token.poll().unwrap();
                polled.notify();
                assert!(end.wait_with(None, LockFlags::EMPTY));
            });
        });
        here.wait();
        let attached = main.attach().unwrap();
        drop(Ref::new(books.value()));
        for _ in 0..100 {
            serve(&attached);
        }
        assert_eq!(books.totals().1, 0);
        go.notify();
        polled.wait();
        until_gone(&attached, &books, 1);
        end.notify();
    });
}

#[test]
fn a_detached_thread_keeps_nothing() {
    let (runtime, mut main) = free_threaded();
    let (away, back) = (Event::new(), Event::new());
    let books = Arc::new(Books::default());
    let mut state = runtime.main_interpreter().new_thread();
    thread::scope(|scope| {
        let (away, back) = (&away, &back);
        scope.spawn(move || {
            let token = state.attach().unwrap();
            token.detached(|| {
                away.notify();
                back.wait();
            });
        });
        away.wait();
        let attached = main.attach().unwrap();
        drop(Ref::new(books.value()));
        until_gone(&attached, &books, 1);
        back.notify();
    });
}

#[test]
fn a_guard_keeps_what_was_borrowed_across_polls_detached_stretches_and_pauses() {
    let (runtime, mut main) = free_threaded();
    let (borrowed, go) = (Event::new(), Event::new());
    let books = Arc::new(Books::default());
    let slot = Slot::new(Ref::new(books.value()));
    let mut state = runtime.main_interpreter().new_thread();
    thread::scope(|scope| {
        let (slot, books, borrowed, go) = (&slot, &books, &borrowed, &go);
        let reading = scope.spawn(move || {
            let token = state.attach().unwrap();
            let guard = token.guard();
            let seen = slot.borrow(&guard).unwrap();
            token.detached(|| {
                borrowed.notify();
                go.wait();
            });
            serve(&token);
            seen.number();
            books.totals().1
        });
        borrowed.wait();
        let attached = main.attach().unwrap();
        slot.store(None);
        drop(runtime.stop_the_world(&attached));
        for _ in 0..100 {
            serve(&attached);
        }
        go.notify();
        assert_eq!(attached.detached(|| reading.join().unwrap()), 0);
        until_gone(&attached, books, 1);
    });
}

/// GUARD-3. The reader is told under its guard, and goes on polling after it without detaching.
#[test]
fn who_waits_for_a_guard_is_served_by_polls_after_it() {
    let (runtime, mut main) = free_threaded();
    let (here, gone) = (Event::new(), AtomicBool::new(false));
    let books = Arc::new(Books::default());
    let mut state = runtime.main_interpreter().new_thread();
    thread::scope(|scope| {
        let (here, gone) = (&here, &gone);
        scope.spawn(move || {
            let token = state.attach().unwrap();
            let guard = token.guard();
            here.notify();
            until("somebody waits", || token.breaker().events().contains(Events::EXPLICIT_MERGE));
            token.poll().unwrap();
            drop(guard);
            // ORD: Relaxed, the end of the test.
            until("the value's end", || token.poll().is_ok() && gone.load(Ordering::Relaxed));
        });
        here.wait();
        let attached = main.attach().unwrap();
        drop(Ref::new(books.value()));
        until_gone(&attached, &books, 1);
        // ORD: Relaxed, as above.
        gone.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_is_dropped_in_a_pause_goes_after_it() {
    let (runtime, mut main) = free_threaded();
    let attached = main.attach().unwrap();
    let books = Arc::new(Books::default());
    let pause = runtime.stop_the_world(&attached);
    drop(Ref::new(books.value()));
    drop(pause);
    until_gone(&attached, &books, 1);
}

#[test]
fn a_state_that_ends_hands_on_what_is_waited_for() {
    let (runtime, mut main) = free_threaded();
    let attached = main.attach().unwrap();
    let books = Arc::new(Books::default());
    let mut state = runtime.main_interpreter().new_thread();
    let theirs = books.clone();
    joined(thread::spawn(move || {
        let _token = state.attach().unwrap();
        for _ in 0..25 {
            drop(Ref::new(theirs.value()));
        }
    }));
    assert_eq!(books.totals().1, 0, "this thread is attached, and may be reading them");
    until_gone(&attached, &books, 25);
}

#[test]
fn values_outlive_the_runtime_that_made_them() {
    let books = Arc::new(Books::default());
    let (slot, kept) = {
        let (_runtime, mut main) = free_threaded();
        let _attached = main.attach().unwrap();
        let kept = Ref::new(books.value());
        (Slot::new(kept.clone()), kept)
    };
    assert!(Ref::ptr_eq(&slot.load().unwrap(), &kept));
    drop((slot, kept));
    until("the value's end", || {
        drop(pyref::Guard::visit());
        books.totals().1 == 1
    });
}

#[test]
fn a_refused_thread_that_goes_on_gets_no_guard() {
    let (runtime, mut main) = free_threaded();
    let slot = Slot::new(Ref::new(7));
    let mut state = runtime.main_interpreter().new_thread();
    let (away, ended) = (Event::new(), Event::new());
    thread::scope(|scope| {
        let (away, ended, slot) = (&away, &ended, &slot);
        let refused = scope.spawn(move || {
            let token = state.attach().unwrap();
            let caught = pyceval::until_exit(|| {
                token.detached(|| {
                    away.notify();
                    ended.wait();
                });
            });
            assert!(caught.is_err());
            let again = pyceval::until_exit(|| slot.borrow(&token.guard()).as_deref().copied());
            assert!(again.is_err(), "borrowed without being attached");
        });
        away.wait();
        let attached = main.attach().unwrap();
        runtime.finalise(&attached).unwrap();
        ended.notify();
        attached.detached(|| refused.join().unwrap());
    });
}

/// Values of the storm, in all.
const STORM: u64 = if cfg!(debug_assertions) { 4_000 } else { 40_000 };

#[test]
fn a_storm_of_threads_that_attach_poll_and_stop_each_other_drops_every_value_once() {
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let books = Arc::new(Books::default());
        let slots = [(); 3].map(|()| Slot::empty());
        thread::scope(|scope| {
            for worker in 0..4 {
                let (runtime, slots, books) = (&runtime, &slots, &books);
                scope.spawn(move || work(worker, runtime, slots, books));
            }
        });
        for slot in &slots {
            slot.store(None);
        }
        until_gone(&main.attach().unwrap(), &books, STORM);
    }
}

fn work(worker: u64, runtime: &Runtime, slots: &[Slot<Counted>; 3], books: &Arc<Books>) {
    const PER_STATE: u64 = 100;
    for visit in 0..STORM / 4 / PER_STATE {
        let mut state = runtime.main_interpreter().new_thread();
        let attached = state.attach().unwrap();
        for turn in 0..PER_STATE {
            let slot = &slots[((worker + turn) % 3) as usize];
            let theirs = slot.swap(Some(Ref::new(books.value())));
            match turn % 16 {
                0 => drop(attached.detached(|| slot.load())),
                1 => slots[(visit % 3) as usize].store(slot.load()),
                2 if visit % 8 == 0 => drop(runtime.stop_the_world(&attached)),
                3 => {
                    let guard = attached.guard();
                    let seen = slot.borrow(&guard);
                    attached.detached(thread::yield_now);
                    seen.iter().for_each(|seen| assert!(seen.number() < STORM));
                }
                _ => {}
            }
            drop(theirs);
            attached.poll().unwrap();
        }
    }
}

//! Sections under a runtime: who is suspended when a thread sleeps, and what becomes of the sections of a thread that
//! does not come back, or comes back in another mode.

use crate::world::{
    World, after_next_attach, allow_threads, be_gone, before_next_attach, detaches,
};
use pycritsec::runtime::{self, Mode};
use pycritsec::{is_held, with_critical_section as one, with_critical_section2 as two};
use pysync::{Event, Mutex};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use trial::until::{joined, until};

fn bits<const N: usize>(mutexes: [&Mutex; N]) -> [u8; N] {
    mutexes.map(Mutex::bits)
}

/// Waits for a thread that is not to come back.
#[track_caller]
fn gone<T>(thread: JoinHandle<T>) {
    until("the end of a thread", || thread.is_finished());
    assert!(thread.join().is_err(), "the thread came back");
}

/// Takes a mutex that a test keeps for a while, whoever else wants it meanwhile.
fn seize(mutex: &'static Mutex) {
    until("the mutex to be free", || mutex.try_lock());
}

#[test]
fn who_does_not_sleep_keeps_what_it_holds() {
    static FREE: World = World::new(Mode::Locking);
    joined(FREE.start(|| {
        let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
        one(&a, || {
            two(&b, &c, || assert_eq!(bits([&a, &b, &c]), [1, 1, 1]));
            assert_eq!(bits([&a, &b, &c]), [1, 0, 0]);
        });
        assert_eq!(detaches(), 0);
    }));
}

#[test]
fn any_sleep_suspends_all_sections() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static INNER: [Mutex; 2] = [const { Mutex::new() }; 2];
    static NEWS: Event = Event::new();
    let all = || bits([&OUTER, &INNER[0], &INNER[1]]);
    let sleeper = FREE.start(move || {
        one(&OUTER, || {
            two(&INNER[0], &INNER[1], || {
                NEWS.wait();
                assert_eq!(all(), [0, 1, 1]);
            });
            assert_eq!(all(), [1, 0, 0]);
        });
        detaches()
    });
    FREE.until_asleep(&NEWS);
    until("the sections to be suspended", || all() == [0, 0, 0]);
    NEWS.notify();
    assert_eq!(joined(sleeper), 1);
    assert_eq!(all(), [0, 0, 0]);
}

/// Begin of one, Begin of two, and the End that resumes, each waiting for a mutex that the test holds.
#[test]
fn whoever_waits_for_a_section_holds_none() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static BUSY: Mutex = Mutex::new();
    static OTHER: Mutex = Mutex::new();
    let held = || [&OUTER, &BUSY, &OTHER].map(Mutex::is_locked);
    for pair in [false, true] {
        BUSY.lock();
        let nested = FREE.start(move || {
            one(&OUTER, || {
                if pair {
                    two(&OTHER, &BUSY, || assert_eq!(held()[1..], [true, true]));
                } else {
                    one(&BUSY, || assert_eq!(held()[1..], [true, false]));
                }
                assert_eq!(held(), [true, false, false]);
            });
            detaches()
        });
        FREE.until_asleep(&BUSY);
        until("the outer section to be suspended", || !OUTER.is_locked());
        assert!(!OTHER.is_locked());
        OUTER.lock();
        BUSY.unlock();
        FREE.until_asleep(&OUTER);
        assert_eq!(held(), [true, false, false]);
        OUTER.unlock();
        assert_eq!(joined(nested), 2);
        assert_eq!(held(), [false, false, false]);
    }
}

/// CS-4: the section that is resumed is overtaken again and again, each time through the hooks.
#[test]
fn a_resumption_may_detach_many_times() {
    static FREE: World = World::new(Mode::Locking);
    static PAIR: [Mutex; 2] = [const { Mutex::new() }; 2];
    static NEWS: Event = Event::new();
    let sleeper = FREE.start(|| {
        two(&PAIR[0], &PAIR[1], || {
            NEWS.wait();
            assert_eq!(bits([&PAIR[0], &PAIR[1]]), [1, 1]);
            assert!(is_held(&PAIR[0]) && is_held(&PAIR[1]));
        });
        detaches()
    });
    FREE.until_asleep(&NEWS);
    until("the pair to be suspended", || PAIR.iter().all(|mutex| !mutex.is_locked()));
    PAIR.iter().for_each(Mutex::lock);
    NEWS.notify();
    for turn in 0..20 {
        let (wanted, other) = (turn % 2, 1 - turn % 2);
        FREE.until_asleep(&PAIR[wanted]);
        // It sleeps for the one, and is to find the other one taken.
        PAIR[wanted].unlock();
        FREE.until_asleep(&PAIR[other]);
        seize(&PAIR[wanted]);
    }
    PAIR.iter().for_each(Mutex::unlock);
    assert!(joined(sleeper) >= 22, "for the event, for the pair, and again after each turn");
    assert_eq!(bits([&PAIR[0], &PAIR[1]]), [0, 0]);
}

#[test]
fn opposite_orders_do_not_deadlock() {
    static FREE: World = World::new(Mode::Locking);
    static A: Mutex = Mutex::new();
    static B: Mutex = Mutex::new();
    let workers = [(&A, &B), (&B, &A), (&A, &B), (&B, &A)].map(|(first, second)| {
        FREE.start(move || {
            for turn in 0..2_000 {
                match turn % 4 {
                    0 => one(first, || one(second, || ())),
                    1 => one(first, || two(second, first, || ())),
                    2 => two(first, second, || one(second, || ())),
                    _ => one(first, || allow_threads(|| ())),
                }
            }
        })
    });
    workers.into_iter().for_each(joined);
    assert_eq!(bits([&A, &B]), [0, 0]);
}

/// A thread that is not to come back, out of a Begin, an End, and a plain sleep: nothing stays locked, and nothing is
/// unlocked that others have taken since.
#[test]
fn a_thread_that_is_gone_leaves_nothing_locked() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static BUSY: Mutex = Mutex::new();
    static OTHER: Mutex = Mutex::new();
    let all = || bits([&OUTER, &BUSY, &OTHER]);
    let begins: [fn(); 3] = [
        || one(&BUSY, || unreachable!("gone")),
        || two(&OTHER, &BUSY, || unreachable!("gone")),
        || BUSY.lock(),
    ];
    for begin in begins {
        BUSY.lock();
        let lost = FREE.start(move || {
            be_gone();
            one(&OUTER, || two(&OTHER, &OUTER, begin));
        });
        FREE.until_asleep(&BUSY);
        until("its sections to be suspended", || !OUTER.is_locked() && !OTHER.is_locked());
        OUTER.lock();
        OTHER.lock();
        BUSY.unlock();
        gone(lost);
        assert_eq!(all(), [1, 0, 1], "ours are still locked, and nothing else");
        OUTER.unlock();
        OTHER.unlock();
    }
}

#[test]
fn a_thread_that_is_gone_in_an_end_leaves_nothing_locked() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static INNER: Mutex = Mutex::new();
    let (tell, told) = mpsc::channel();
    let (go, going) = mpsc::channel::<()>();
    let lost = FREE.start(move || {
        one(&OUTER, || {
            one(&INNER, || {
                runtime::suspend_all();
                tell.send(()).expect("the test listens");
                going.recv().expect("the test says when");
                be_gone();
            });
            unreachable!("gone");
        });
    });
    told.recv().expect("the thread tells");
    OUTER.lock();
    go.send(()).expect("the thread listens");
    FREE.until_asleep(&OUTER);
    OUTER.unlock();
    gone(lost);
    assert_eq!(bits([&OUTER, &INNER]), [0, 0]);
}

/// A panic out of an attach that has put the sections back: whoever catches it finds its section held.
#[test]
fn a_panic_out_of_attach_leaves_the_sections_as_they_were() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static BUSY: Mutex = Mutex::new();
    static OTHER: Mutex = Mutex::new();
    let begins: [fn(); 2] = [
        || one(&BUSY, || unreachable!("not begun")),
        || two(&OTHER, &BUSY, || unreachable!("not begun")),
    ];
    for begin in begins {
        BUSY.lock();
        let thrown = FREE.start(move || {
            after_next_attach(|| resume_unwind(Box::new("a handler failed")));
            one(&OUTER, || {
                assert!(catch_unwind(begin).is_err());
                assert!(is_held(&OUTER) && !OTHER.is_locked());
                assert_eq!(OUTER.bits(), 1);
            });
        });
        FREE.until_asleep(&BUSY);
        BUSY.unlock();
        joined(thrown);
        assert_eq!(bits([&OUTER, &BUSY, &OTHER]), [0, 0, 0]);
    }
}

/// The same out of a resumption: the section stays suspended, and its End does not unlock what it has not locked.
#[test]
fn a_panic_out_of_a_resumption_leaves_the_section_suspended() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static INNER: Mutex = Mutex::new();
    static NEWS: Event = Event::new();
    let thrown = FREE.start(|| {
        one(&OUTER, || {
            let caught = catch_unwind(|| {
                one(&INNER, || {
                    // In the lock inside the attach after this wait.
                    before_next_attach(|| {
                        before_next_attach(|| ());
                        after_next_attach(|| resume_unwind(Box::new("a handler failed")));
                    });
                    NEWS.wait();
                });
            });
            assert!(caught.is_err());
            assert!(is_held(&OUTER));
        });
    });
    FREE.until_asleep(&NEWS);
    until("the sections to be suspended", || bits([&OUTER, &INNER]) == [0, 0]);
    INNER.lock();
    NEWS.notify();
    FREE.until_asleep(&INNER);
    INNER.unlock();
    joined(thrown);
    assert_eq!(bits([&OUTER, &INNER]), [0, 0]);
}

/// CS-3: a runtime that turns its GIL on, or off, while a thread waits for a section.
#[test]
fn a_lock_that_is_got_after_the_mode_changed() {
    static CHANGING: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static BUSY: Mutex = Mutex::new();
    let all = || bits([&OUTER, &BUSY]);
    BUSY.lock();
    let waiter = CHANGING.start(move || {
        one(&OUTER, || {
            one(&BUSY, || {
                assert_eq!((runtime::mode(), all()), (Mode::Bookkeeping, [0, 0]));
                assert!(is_held(&BUSY));
                CHANGING.set_mode(Mode::Locking);
                allow_threads(|| ());
                assert_eq!(all(), [0, 1]);
            });
            assert_eq!(all(), [1, 0]);
        });
    });
    CHANGING.until_asleep(&BUSY);
    CHANGING.set_mode(Mode::Bookkeeping);
    BUSY.unlock();
    joined(waiter);
    assert_eq!(all(), [0, 0]);
}

/// What a runtime does in its attach may use sections itself.
#[test]
fn an_attach_may_enter_sections() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static BUSY: Mutex = Mutex::new();
    static CALLS: Mutex = Mutex::new();
    BUSY.lock();
    let waiter = FREE.start(|| {
        before_next_attach(|| one(&CALLS, || assert_eq!(CALLS.bits(), 1)));
        after_next_attach(|| one(&CALLS, || one(&OUTER, || assert!(is_held(&OUTER)))));
        one(&OUTER, || {
            one(&BUSY, || assert!(is_held(&BUSY)));
            assert!(is_held(&OUTER));
        });
    });
    FREE.until_asleep(&BUSY);
    BUSY.unlock();
    joined(waiter);
    assert_eq!(bits([&OUTER, &BUSY, &CALLS]), [0, 0, 0]);
}

/// A thread beside the runtime has no hooks: its sections suspend each other all the same.
#[test]
fn threads_of_the_runtime_and_others_meet() {
    static FREE: World = World::new(Mode::Locking);
    static A: Mutex = Mutex::new();
    static B: Mutex = Mutex::new();
    let inside = FREE.start(|| (0..2_000).for_each(|_| one(&A, || one(&B, || ()))));
    let beside = thread::spawn(|| (0..2_000).for_each(|_| one(&B, || one(&A, || ()))));
    joined(inside);
    joined(beside);
    assert_eq!(bits([&A, &B]), [0, 0]);
}

#[test]
fn under_a_gil_no_section_waits() {
    static GIL: World = World::new(Mode::Bookkeeping);
    static BUSY: Mutex = Mutex::new();
    BUSY.lock();
    joined(GIL.start(|| {
        one(&BUSY, || allow_threads(|| ()));
        two(&BUSY, &Mutex::new(), || assert!(is_held(&BUSY)));
        assert_eq!(detaches(), 0);
    }));
    assert_eq!(BUSY.bits(), 1);
}

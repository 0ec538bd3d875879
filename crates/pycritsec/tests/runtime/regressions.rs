//! Upstream defects that did not come along, one test each, named by the issue.

use crate::world::{World, allow_threads};
use pycritsec::runtime::Mode;
use pycritsec::{with_critical_section as one, with_critical_section2 as two};
use pysync::{Event, Mutex};
use trial::until::{joined, until, until_asleep, until_overdue};

/// CPython issue 144524: a section that the stopper begins must not wait for a thread that stands still with the mutex.
#[test]
fn gh_144524_a_section_of_the_stopper_takes_no_lock() {
    static FREE: World = World::new(Mode::Locking);
    static OBJECT: Mutex = Mutex::new();
    static OTHER: Mutex = Mutex::new();
    // Held by somebody who does not run while the world stands still.
    OBJECT.lock();
    let stopper = FREE.start(|| {
        FREE.stopped(|| {
            one(&OBJECT, || two(&OTHER, &OBJECT, || [&OBJECT, &OTHER].map(Mutex::bits)))
        })
    });
    assert_eq!(joined(stopper), [1, 0]);
    assert_eq!(OBJECT.bits(), 1);
}

/// CPython issue 118332: a mutex that was handed to a thread which then stands still. The stopper was in a section of
/// it, and must not want it back before the world runs.
#[test]
fn gh_118332_sections_and_stop_the_world_do_not_deadlock() {
    static FREE: World = World::new(Mode::Locking);
    static OBJECT: Mutex = Mutex::new();
    static GO: Event = Event::new();
    for _ in 0..20 {
        let stopper = FREE.start(|| {
            one(&OBJECT, || {
                until_asleep(&OBJECT, 1);
                until_overdue(&OBJECT, 1);
                // The section is given up, so the mutex goes to the waiter, who cannot attach with it.
                FREE.stopped(|| {
                    allow_threads_of_a_stopper();
                    one(&OBJECT, || ());
                });
            });
        });
        let waiter = FREE.start(|| {
            until("the stopper to be inside", || OBJECT.is_locked());
            one(&OBJECT, || ());
        });
        joined(stopper);
        joined(waiter);
        assert_eq!(OBJECT.bits(), 0);
    }
    GO.notify();
}

/// A suspension in the middle of a pause, as of a stopper that has to sleep.
fn allow_threads_of_a_stopper() {
    use pycritsec::runtime::{attach, detach};
    let chain = detach();
    // SAFETY: detached by this thread in the same frame.
    unsafe { attach(chain, Mode::Stopper) };
}

/// The End of a section inside a pause does not resume the one below: its mutex may be with a thread that stands still.
#[test]
fn gh_118332_an_end_inside_a_pause_resumes_nothing() {
    static FREE: World = World::new(Mode::Locking);
    static OUTER: Mutex = Mutex::new();
    static NEWS: Event = Event::new();
    let stopper = FREE.start(|| {
        one(&OUTER, || {
            let inner = pycritsec::Section::new();
            let mutex = Mutex::new();
            // SAFETY: ended below, on this thread, before its mutex goes.
            unsafe { inner.begin(&mutex) };
            pycritsec::runtime::suspend_all();
            NEWS.notify();
            until("the other to have it", || OUTER.is_locked());
            FREE.stopped(|| {
                // SAFETY: begun above.
                unsafe { inner.end() };
            });
            assert!(OUTER.is_locked());
        });
    });
    NEWS.wait();
    OUTER.lock();
    until("the stopper to want it back", || {
        pyparking::snapshot()
            .waiters()
            .iter()
            .any(|waiter| waiter.address == core::ptr::from_ref(&OUTER).addr())
    });
    assert!(!FREE.is_stopped());
    OUTER.unlock();
    joined(stopper);
}

/// Upstream holds the first mutex of a pair while it sleeps for the second.
#[test]
fn a_pair_that_sleeps_for_one_mutex_does_not_hold_the_other() {
    static FREE: World = World::new(Mode::Locking);
    static PAIR: [Mutex; 2] = [const { Mutex::new() }; 2];
    for busy in [0, 1] {
        PAIR[busy].lock();
        let waiter = FREE.start(|| two(&PAIR[0], &PAIR[1], || allow_threads(|| ())));
        FREE.until_asleep(&PAIR[busy]);
        assert!(PAIR[1 - busy].try_lock(), "held by a sleeper");
        PAIR[1 - busy].unlock();
        PAIR[busy].unlock();
        joined(waiter);
    }
}

//! The scenarios of CPython's own tests of critical sections, under their names.
//!
//! Modules/_testinternalcapi/test_critical_sections.c. The `_gil` forms are the same scenarios as a build with a GIL
//! runs them.

use crate::world::{World, allow_threads};
use pycritsec::runtime::Mode;
use pycritsec::{PairSection, Section, assert_held, is_held};
use pycritsec::{with_critical_section as one, with_critical_section2 as two};
use pyparking::primitive::{AtomicUsize, Ordering};
use pysync::{Event, Mutex};
use trial::until::{joined, until, until_overdue};

static FREE: World = World::new(Mode::Locking);
static GIL: World = World::new(Mode::Bookkeeping);

/// What a mutex of a section is, in a world with this many bits for "held".
fn test_critical_sections_in(held: u8) {
    let [d1, d2] = [Mutex::new(), Mutex::new()];
    let all = || [&d1, &d2].map(Mutex::bits);
    one(&d1, || assert_eq!((all(), is_held(&d1)), ([held, 0], true)));
    assert_eq!(all(), [0, 0]);
    two(&d1, &d2, || assert_eq!(all(), [held, held]));
    assert_eq!(all(), [0, 0]);
    // Passing the same object twice works.
    two(&d2, &d2, || assert_eq!(all(), [0, held]));
    assert_eq!(all(), [0, 0]);
}

#[test]
fn test_critical_sections() {
    joined(FREE.start(|| test_critical_sections_in(1)));
}

#[test]
fn test_critical_sections_gil() {
    joined(GIL.start(|| test_critical_sections_in(0)));
}

fn lock_unlock_object(object: &Mutex, depth: usize) {
    one(object, || {
        if depth > 0 {
            lock_unlock_object(object, depth - 1);
        }
    });
}

fn lock_unlock_two_objects(a: &Mutex, b: &Mutex, depth: usize) {
    two(a, b, || {
        if depth > 0 {
            lock_unlock_two_objects(a, b, depth - 1);
        }
    });
}

fn test_critical_sections_nest_in(held: u8) {
    let [a, b] = [Mutex::new(), Mutex::new()];
    one(&a, || {
        assert_eq!(a.bits(), held);
        lock_unlock_object(&a, 10);
        assert_eq!(a.bits(), held);
    });
    assert_eq!(a.bits(), 0);
    two(&b, &a, || {
        lock_unlock_two_objects(&a, &b, 10);
        assert_eq!([&a, &b].map(Mutex::bits), [held, held]);
    });
    assert_eq!([&a, &b].map(Mutex::bits), [0, 0]);
}

#[test]
fn test_critical_sections_nest() {
    joined(FREE.start(|| test_critical_sections_nest_in(1)));
}

#[test]
fn test_critical_sections_nest_gil() {
    joined(GIL.start(|| test_critical_sections_nest_in(0)));
}

fn test_critical_sections_suspend_in(held: u8) {
    let a = Mutex::new();
    one(&a, || {
        assert_eq!(a.bits(), held);
        allow_threads(|| assert_eq!(a.bits(), 0));
        assert_eq!(a.bits(), held);
        assert_held(&a);
    });
    assert_eq!(a.bits(), 0);
}

#[test]
fn test_critical_sections_suspend() {
    joined(FREE.start(|| test_critical_sections_suspend_in(1)));
}

#[test]
fn test_critical_sections_suspend_gil() {
    joined(GIL.start(|| test_critical_sections_suspend_in(0)));
}

#[test]
fn test_critical_section1_reacquisition() {
    joined(FREE.start(|| {
        let a = Mutex::new();
        let (first, again) = (Section::new(), Section::new());
        // SAFETY: both stay here and end in order; the mutex outlives them.
        unsafe {
            first.begin(&a);
            assert!(a.is_locked());
            again.begin(&a);
            again.end();
            assert!(a.is_locked() && is_held(&a));
            first.end();
        }
        assert!(!a.is_locked());
    }));
}

#[test]
fn test_critical_section2_reacquisition() {
    joined(FREE.start(|| {
        let [a, b] = [Mutex::new(), Mutex::new()];
        let pairs = [PairSection::new(), PairSection::new(), PairSection::new()];
        let single = Section::new();
        // SAFETY: all stay here and end in order; the mutexes outlive them.
        unsafe {
            pairs[0].begin(&a, &b);
            pairs[1].begin(&b, &a);
            pairs[2].begin(&b, &b);
            single.begin(&a);
            assert!(is_held(&a) && is_held(&b));
            single.end();
            pairs[2].end();
            pairs[1].end();
            assert!(a.is_locked() && b.is_locked());
            pairs[0].end();
        }
        assert!(!a.is_locked() && !b.is_locked());
    }));
}

#[test]
fn test_critical_sections_threads() {
    static OBJECTS: [Mutex; 3] = [const { Mutex::new() }; 3];
    let work = || {
        let [obj1, obj2, obj3] = &OBJECTS;
        for _ in 0..200 {
            one(obj1, || ());
            one(obj2, || lock_unlock_object(obj1, 1));
            two(obj3, obj1, || lock_unlock_object(obj2, 2));
            one(obj3, || allow_threads(|| ()));
        }
    };
    let threads = [(); 4].map(|()| FREE.start(work));
    threads.into_iter().for_each(joined);
    assert!(OBJECTS.iter().all(|object| object.bits() == 0));
}

/// gh-118332: contended critical sections do not deadlock with a stop of the world.
#[test]
fn test_critical_sections_gc() {
    static STOPPED: World = World::new(Mode::Locking);
    static OBJECT: Mutex = Mutex::new();
    static READY: Event = Event::new();
    static ARRIVED: AtomicUsize = AtomicUsize::new(0);
    let arrive = || {
        if ARRIVED.fetch_add(1, Ordering::SeqCst) == 2 {
            READY.notify();
        }
        READY.wait();
    };
    let collector = STOPPED.start(move || {
        arrive();
        one(&OBJECT, || {
            // Long enough for the mutex to be handed to the waiter.
            until_overdue(&OBJECT, 1);
            STOPPED.stopped(|| one(&OBJECT, || ()));
        });
    });
    let waiters = [false, true].map(|late| {
        STOPPED.start(move || {
            arrive();
            until("the collector to be inside", || OBJECT.is_locked());
            if late {
                until("the world to be stopped, or past that", || {
                    STOPPED.is_stopped() || !OBJECT.is_locked()
                });
                // A point where this thread can be stopped.
                allow_threads(|| ());
            }
            one(&OBJECT, || ());
        })
    });
    joined(collector);
    waiters.into_iter().for_each(joined);
    assert_eq!(OBJECT.bits(), 0);
}

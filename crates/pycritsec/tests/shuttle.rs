//! Random schedules of more threads than loom can take. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run: no order of sections may make one.
#![cfg(shuttle)]

use pycritsec::runtime::{self, Chain, Mode};
use pycritsec::{Lockable, is_held, with_critical_section as one, with_critical_section2 as two};
use pysync::{Event, Mutex};
use shuttle::sync::Arc;
use shuttle::thread;
use std::cell::UnsafeCell;
use trial::crew::{crew, explore};

/// Something that only its sections touch; `touch` finds two inside.
struct Object {
    mutex: Mutex,
    total: UnsafeCell<usize>,
    inside: std::sync::atomic::AtomicUsize,
}

// SAFETY: the total is touched by whoever is alone inside, which `touch` checks.
unsafe impl Sync for Object {}

impl Lockable for Object {
    fn mutex(&self) -> &Mutex {
        &self.mutex
    }
}

impl Object {
    fn new() -> Self {
        let (total, inside) = (UnsafeCell::new(0), std::sync::atomic::AtomicUsize::new(0));
        Self { mutex: Mutex::new(), total, inside }
    }

    fn touch(&self) {
        assert!(is_held(self));
        let before = self.inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(before, 0, "two are inside");
        // SAFETY: alone inside, as just checked.
        let total = unsafe { *self.total.get() };
        thread::yield_now();
        // SAFETY: as above.
        unsafe { *self.total.get() = total + 1 };
        self.inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }

    /// How often it was touched, and its mutex; for when the crew has gone.
    fn state(&self) -> (usize, u8) {
        // SAFETY: nobody else is left.
        (unsafe { *self.total.get() }, self.mutex.bits())
    }
}

fn objects() -> Arc<[Object; 4]> {
    Arc::new([(); 4].map(|()| Object::new()))
}

/// Nested sections and pairs in an order that depends on the member.
fn nest(objects: &[Object; 4], member: usize) {
    let [a, b, c] = [0, 1, 2].map(|shift| &objects[(member * 3 + shift) % 4]);
    one(a, || {
        a.touch();
        two(c, b, || {
            b.touch();
            one(a, || a.touch());
            c.touch();
        });
        a.touch();
    });
}

/// Touches of one object by eight nesting members: each object is three times `a`, `b` and `c` to two of them.
const TOUCHES: usize = 2 * (3 + 1 + 1);

/// CS-3, CS-5, CS-6, PAIR-1: eight threads without a runtime.
#[test]
fn sections_of_eight() {
    explore(|| {
        let shared = objects();
        let inner = shared.clone();
        crew(8, move |member| nest(&inner, member));
        shared.iter().for_each(|object| assert_eq!(object.state(), (TOUCHES, 0)));
    });
}

/// CS-4 besides: eight threads of a runtime whose hooks suspend.
#[test]
fn attached_sections_of_eight() {
    explore(|| {
        // The process has one table of hooks.
        let _already = pycritsec::install();
        let shared = objects();
        let inner = shared.clone();
        crew(8, move |member| {
            // SAFETY: no section has been detached.
            unsafe { runtime::attach(Chain::default(), Mode::Locking) };
            nest(&inner, member);
            assert!(runtime::detach().is_empty());
        });
        shared.iter().for_each(|object| assert_eq!(object.state(), (TOUCHES, 0)));
    });
}

/// CS-4: sections that are suspended by a plain wait, all at once, and resumed through each other.
#[test]
fn sleeping_sections_of_eight() {
    explore(|| {
        let _already = pycritsec::install();
        let shared = Arc::new((objects(), Event::new()));
        let inner = shared.clone();
        crew(9, move |member| {
            let (objects, news) = &*inner;
            if member == 8 {
                return news.notify();
            }
            let [a, b, c] = [0, 1, 2].map(|shift| &objects[(member * 3 + shift) % 4]);
            two(a, b, || {
                a.touch();
                one(c, || {
                    news.wait();
                    c.touch();
                });
                b.touch();
            });
        });
        shared.0.iter().for_each(|object| assert_eq!(object.state(), (6, 0)));
    });
}

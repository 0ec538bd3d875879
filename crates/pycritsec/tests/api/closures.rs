//! The closure form.

use pycritsec::{Lockable, is_held, with_critical_section, with_critical_section2};
use pysync::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

fn bits<const N: usize>(mutexes: [&Mutex; N]) -> [u8; N] {
    mutexes.map(Mutex::bits)
}

#[test]
fn a_section_locks_and_returns_what_the_closure_returns() {
    let mutex = Mutex::new();
    assert_eq!(with_critical_section(&mutex, || mutex.bits()), 1);
    assert_eq!(mutex.bits(), 0);
}

#[test]
fn a_pair_locks_both_in_any_order() {
    let [a, b] = [Mutex::new(), Mutex::new()];
    with_critical_section2(&a, &b, || assert_eq!(bits([&a, &b]), [1, 1]));
    with_critical_section2(&b, &a, || assert_eq!(bits([&a, &b]), [1, 1]));
    with_critical_section2(&a, &a, || assert_eq!(bits([&a, &b]), [1, 0]));
    assert_eq!(bits([&a, &b]), [0, 0]);
}

#[test]
fn sections_in_themselves_lock_once() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    let check = |expected| assert_eq!(bits([&a, &b, &c]), expected);
    with_critical_section(&a, || {
        with_critical_section(&a, || check([1, 0, 0]));
        with_critical_section2(&a, &a, || check([1, 0, 0]));
        check([1, 0, 0]);
    });
    with_critical_section2(&a, &b, || {
        with_critical_section(&a, || check([1, 1, 0]));
        with_critical_section(&b, || check([1, 1, 0]));
        with_critical_section2(&b, &a, || check([1, 1, 0]));
        with_critical_section2(&b, &b, || check([1, 1, 0]));
        check([1, 1, 0]);
    });
    check([0, 0, 0]);
}

/// A mutex that an outer section of the thread has: that one gives it up, and has it again afterwards.
#[test]
fn a_section_of_what_an_outer_one_holds_suspends_that() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    let check = |expected| assert_eq!(bits([&a, &b, &c]), expected);
    with_critical_section(&a, || {
        with_critical_section(&b, || {
            with_critical_section(&a, || check([1, 0, 0]));
            check([0, 1, 0]);
            with_critical_section2(&a, &c, || check([1, 1, 1]));
            check([0, 1, 0]);
        });
        check([1, 0, 0]);
        with_critical_section2(&b, &c, || {
            check([1, 1, 1]);
            with_critical_section2(&a, &b, || {
                check([1, 1, 0]);
                with_critical_section(&c, || check([1, 1, 1]));
            });
            check([0, 1, 1]);
        });
        check([1, 0, 0]);
    });
    check([0, 0, 0]);
}

#[test]
fn a_panic_ends_every_section_on_its_way() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    with_critical_section(&a, || {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            with_critical_section2(&b, &c, || {
                with_critical_section(&a, || -> () {
                    assert_eq!(bits([&a, &b, &c]), [1, 0, 0]);
                    resume_unwind(Box::new("out"))
                })
            })
        }));
        assert!(caught.is_err());
        assert_eq!(bits([&a, &b, &c]), [1, 0, 0]);
        assert!(is_held(&a));
    });
    assert_eq!(bits([&a, &b, &c]), [0, 0, 0]);
}

struct Object {
    mutex: Mutex,
}

impl Lockable for Object {
    fn mutex(&self) -> &Mutex {
        &self.mutex
    }
}

#[test]
fn whatever_has_a_mutex_can_be_entered() {
    let object = || Object { mutex: Mutex::new() };
    let (plain, boxed, shared, counted) =
        (object(), Box::new(object()), Arc::new(object()), Rc::new(object()));
    let dynamic: &dyn Lockable = &plain;
    with_critical_section(dynamic, || assert!(is_held(&plain) && is_held(&dynamic)));
    with_critical_section2(&boxed, &shared, || assert!(is_held(&*boxed) && is_held(&*shared)));
    with_critical_section(&counted, || assert_eq!(counted.mutex.bits(), 1));
}

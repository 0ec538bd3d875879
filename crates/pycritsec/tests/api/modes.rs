//! What a runtime's calls do to sections, without a second thread.

use pycritsec::runtime::{self, Chain, Mode};
use pycritsec::{PairSection, Section, assert_held, is_held, with_critical_section};
use pycritsec::{with_critical_section as one, with_critical_section2 as two};
use pysync::Mutex;
use std::thread;

fn bits<const N: usize>(mutexes: [&Mutex; N]) -> [u8; N] {
    mutexes.map(Mutex::bits)
}

/// On a thread of its own, attached in `mode`.
fn attached(mode: Mode, body: impl FnOnce() + Send) {
    let run = || {
        // SAFETY: no section has been detached.
        unsafe { runtime::attach(Chain::default(), mode) };
        body();
        assert!(runtime::detach().is_empty(), "a section was left on the stack");
        assert_eq!(runtime::mode(), Mode::Standalone);
    };
    thread::scope(|scope| scope.spawn(run).join().expect("the body passes"));
}

/// Detaches, looks, and attaches in `mode`.
fn away(mode: Mode, look: impl FnOnce()) {
    let chain = runtime::detach();
    assert_eq!(runtime::mode(), Mode::Standalone);
    look();
    // SAFETY: detached by this thread in the same frame.
    unsafe { runtime::attach(chain, mode) };
}

#[test]
fn detach_gives_up_all_and_attach_takes_the_innermost() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    attached(Mode::Locking, || {
        let check = |expected| assert_eq!(bits([&a, &b, &c]), expected);
        one(&a, || {
            two(&b, &c, || {
                away(Mode::Locking, || {
                    check([0, 0, 0]);
                    // What a detached thread begins is its own affair.
                    one(&b, || check([0, 1, 0]));
                });
                check([0, 1, 1]);
                away(Mode::Locking, || check([0, 0, 0]));
            });
            check([1, 0, 0]);
        });
        check([0, 0, 0]);
    });
}

#[test]
fn suspend_all_and_resume_top_in_place() {
    let [a, b] = [Mutex::new(), Mutex::new()];
    one(&a, || {
        one(&b, || {
            runtime::suspend_all();
            assert_eq!(bits([&a, &b]), [0, 0]);
            assert!(!is_held(&b));
            runtime::suspend_all();
            runtime::resume_top();
            assert_eq!(bits([&a, &b]), [0, 1]);
            runtime::resume_top();
        });
        assert_eq!(bits([&a, &b]), [1, 0]);
        // A section that is not resumed just ends.
        runtime::suspend_all();
        // In a suspended section of the same mutex, locked anew.
        one(&a, || assert_eq!(bits([&a, &b]), [1, 0]));
        runtime::suspend_all();
    });
    assert_eq!(bits([&a, &b]), [0, 0]);
}

#[test]
fn under_a_gil_nothing_is_locked_but_all_is_noted() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    c.lock();
    attached(Mode::Bookkeeping, || {
        let untouched = || assert_eq!(bits([&a, &b, &c]), [0, 0, 1]);
        one(&a, || {
            assert_held(&a);
            two(&b, &c, || {
                assert!(is_held(&b) && is_held(&c) && !is_held(&a));
                one(&c, || two(&c, &b, untouched));
                one(&a, || assert!(is_held(&a) && !is_held(&b)));
                away(Mode::Bookkeeping, untouched);
                assert!(is_held(&b));
            });
            assert!(is_held(&a));
        });
        untouched();
    });
}

/// A GIL that is disabled, and enabled again, while the thread is detached.
#[test]
fn locks_follow_the_mode() {
    let [a, b] = [Mutex::new(), Mutex::new()];
    attached(Mode::Bookkeeping, || {
        let check = |expected| assert_eq!(bits([&a, &b]), expected);
        one(&a, || {
            one(&b, || {
                check([0, 0]);
                away(Mode::Locking, || check([0, 0]));
                check([0, 1]);
            });
            check([1, 0]);
            away(Mode::Bookkeeping, || check([0, 0]));
            check([0, 0]);
            away(Mode::Locking, || ());
            check([1, 0]);
        });
        check([0, 0]);
    });
}

#[test]
fn the_stopper_locks_nothing_and_resumes_nothing() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    c.lock();
    attached(Mode::Locking, || {
        let check = |expected| assert_eq!(bits([&a, &b, &c]), expected);
        let (outer, inner) = (Section::new(), PairSection::new());
        // SAFETY: ended below, in reverse, on this thread; the mutexes live on.
        unsafe {
            outer.begin(&a);
            inner.begin(&b, &a);
        }
        check([1, 1, 1]);
        runtime::enter_stopper();
        runtime::enter_stopper();
        assert_eq!(runtime::mode(), Mode::Stopper);
        one(&c, || two(&a, &c, || assert_held(&c)));
        check([1, 1, 1]);
        // SAFETY: the innermost.
        unsafe { inner.end() };
        check([0, 0, 1]);
        runtime::resume_top();
        away(Mode::Stopper, || ());
        check([0, 0, 1]);
        runtime::leave_stopper(Mode::Locking);
        check([1, 0, 1]);
        // SAFETY: the innermost.
        unsafe { outer.end() };
        check([0, 0, 1]);
    });
}

/// The stopper is where a GIL is enabled or disabled.
#[test]
fn the_stopper_may_leave_in_another_mode() {
    let [a, b] = [Mutex::new(), Mutex::new()];
    attached(Mode::Locking, || {
        let check = |expected| assert_eq!(bits([&a, &b]), expected);
        let (outer, inner) = (Section::new(), Section::new());
        // SAFETY: ended below, in reverse, on this thread; the mutexes live on.
        unsafe { outer.begin(&a) };
        runtime::enter_stopper();
        check([1, 0]);
        runtime::leave_stopper(Mode::Bookkeeping);
        check([0, 0]);
        // SAFETY: as above.
        unsafe { inner.begin(&b) };
        runtime::enter_stopper();
        check([0, 0]);
        runtime::leave_stopper(Mode::Locking);
        check([0, 1]);
        runtime::leave_stopper(Mode::Bookkeeping);
        check([0, 0]);
        runtime::enter_stopper();
        // SAFETY: the innermost.
        unsafe { inner.end() };
        runtime::leave_stopper(Mode::Bookkeeping);
        // SAFETY: the innermost.
        unsafe { outer.end() };
        check([0, 0]);
    });
}

/// CS-8: the frames of an abandoned thread unlock nothing, and what a destructor begins in them is locked.
#[test]
fn an_abandoned_thread_is_in_no_section() {
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: no section has been detached.
            unsafe { runtime::attach(Chain::default(), Mode::Locking) };
            with_critical_section(&a, || {
                two(&a, &b, || {
                    let chain = runtime::detach();
                    [&a, &b].into_iter().for_each(Mutex::lock);
                    // SAFETY: detached by this thread in the same frame.
                    unsafe { runtime::abandon(chain) };
                    assert_eq!(runtime::mode(), Mode::Standalone);
                    one(&c, || {
                        one(&c, || assert_eq!(bits([&a, &b, &c]), [1, 1, 1]));
                        assert!(is_held(&c) && !is_held(&b));
                    });
                });
                assert_eq!(bits([&a, &b, &c]), [1, 1, 0]);
            });
            assert!(runtime::detach().is_empty());
        });
    });
    assert_eq!(bits([&a, &b]), [1, 1], "somebody else's, for all it knows");
}

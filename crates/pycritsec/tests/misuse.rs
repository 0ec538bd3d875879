//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
//!
//! Each case runs in a child: this test binary again, told by the environment to commit it.
#![cfg(not(miri))]

use pycritsec::runtime::{self, Mode};
use pycritsec::{PairSection, Section, with_critical_section as one};
use pysync::Mutex;
use trial::child::dies;

/// Prints the place of `section`, to be compared with the message.
fn place<S>(section: &S) -> &S {
    eprintln!("the place is {:#x}", core::ptr::from_ref(section).addr());
    section
}

#[test]
fn sections_ended_out_of_order() {
    let report = dies("sections_ended_out_of_order", || {
        let [a, b] = [Mutex::new(), Mutex::new()];
        let (outer, inner) = (Section::new(), Section::new());
        eprintln!("inner: {:#x};", core::ptr::from_ref(&inner).addr());
        // SAFETY: not what the contract asks for; the sections and mutexes are alive, so nothing dangles.
        unsafe {
            outer.begin(&a);
            inner.begin(&b);
            place(&outer).end();
        }
    });
    report.says("fatal error: critical section at 0x");
    report.names_the_place();
    let inner = report.text().split("inner: ").nth(1).and_then(|rest| rest.split(';').next());
    let inner = inner.expect("the child prints the inner one");
    report.says(&format!("ended while the thread's innermost one is at {inner}; expected"));
}

#[test]
fn pairs_ended_twice() {
    let report = dies("pairs_ended_twice", || {
        let [a, b] = [Mutex::new(), Mutex::new()];
        let pair = PairSection::new();
        // SAFETY: as above.
        unsafe {
            pair.begin(&a, &b);
            pair.end();
            place(&pair).end();
        }
    });
    report.names_the_place();
    report.says("ended while the thread's innermost one is at 0x0");
}

/// What a safe caller can do wrong with a chain is to lose it.
#[test]
fn sections_whose_chain_was_lost() {
    let report = dies("sections_whose_chain_was_lost", || {
        one(&Mutex::new(), || drop(runtime::detach()));
    });
    report.says("ended while the thread's innermost one is at 0x0");
}

#[test]
fn attached_inside_a_section_of_ones_own() {
    let report = dies("attached_inside_a_section_of_ones_own", || {
        let chain = runtime::detach();
        one(&Mutex::new(), || {
            // SAFETY: detached by this thread in the same frame.
            unsafe { runtime::attach(chain, Mode::Locking) };
        });
    });
    report.says("not ended when its thread attaches; expected that what a detached thread begins");
}

#[cfg(debug_assertions)]
#[test]
fn assert_held_names_what_is_held_instead() {
    use pycritsec::{assert_held, with_critical_section2 as two};
    let [a, b, c] = [Mutex::new(), Mutex::new(), Mutex::new()];
    let address = |mutex: &Mutex| format!("{:#x}", core::ptr::from_ref(mutex).addr());
    let message = |asserts: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(asserts));
        *panic.expect_err("not held").downcast::<String>().expect("a message")
    };
    let nowhere = message(&|| assert_held(&a));
    assert!(nowhere.contains(&address(&a)) && nowhere.contains("in no critical section"));
    one(&a, || {
        one(&b, || {
            let text = message(&|| assert_held(&a));
            assert!(text.contains(&address(&a)) && text.contains(&address(&b)), "{text}");
        });
        two(&b, &c, || {
            let text = message(&|| assert_held(&a));
            assert!([&a, &b, &c].iter().all(|mutex| text.contains(&address(mutex))), "{text}");
        });
        assert_held(&a);
    });
    let _held = c.guard();
    assert_held(&c);
}

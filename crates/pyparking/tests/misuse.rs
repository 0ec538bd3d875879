//! Misuse is reported to the runtime, with what was wrong, where, and what was expected.
//!
//! The runtime here unwinds with the message instead of ending the process. That a process without a runtime
//! prints the same and aborts is tested where there is more to misuse, in the crate of the primitives.

use core::fmt::Display;
use pyparking::hooks::{self, Hooks};
use pyparking::{RawMutex, fatal};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

static RUNTIME: Hooks = Hooks { fatal: unwind, ..Hooks::NONE };

fn unwind(message: &dyn Display) {
    resume_unwind(Box::new(message.to_string()));
}

/// What the runtime is told.
#[track_caller]
fn told(misuse: impl FnOnce()) -> String {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| hooks::install(&RUNTIME).expect("nobody else installs hooks here"));
    let unwound = catch_unwind(AssertUnwindSafe(misuse)).expect_err("it is misuse");
    *unwound.downcast::<String>().expect("the message")
}

#[test]
fn unlock_of_a_raw_mutex_that_is_not_locked() {
    let mutex = RawMutex::new();
    // SAFETY: not what the contract asks for, but nobody waits, so nothing is followed.
    let message = told(|| unsafe { mutex.unlock() });
    let place = (&raw const mutex).addr();
    let expected = format!(
        "RawMutex at {place:#x}: unlock of a mutex that is not locked; expected a locked mutex"
    );
    assert_eq!(message, expected);
    assert!(mutex.try_lock(), "nothing has changed");
}

#[test]
fn crates_above_report_in_the_same_form() {
    let place = [0_u8; 3];
    let message = told(|| fatal("Thing", &place, "this was found", "that"));
    let address = place.as_ptr().addr();
    assert_eq!(message, format!("Thing at {address:#x}: this was found; expected that"));
}

//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
//!
//! Each case runs in a child: this test binary again, told by the environment to commit it.
#![cfg(not(miri))]

mod child;

use child::dies;
use pyparking::RawMutex;
use pyparking::hooks::{self, Hooks};

fn unlock_a_free_one() {
    let mutex = RawMutex::new();
    eprintln!("the place is {:#x}", (&raw const mutex).addr());
    // SAFETY: none: this is the misuse, and the mutex has no waiters.
    unsafe { mutex.unlock() };
}

#[test]
fn unlock_of_a_raw_mutex_that_is_not_locked() {
    let report = dies("unlock_of_a_raw_mutex_that_is_not_locked", unlock_a_free_one);
    report.says("fatal error: RawMutex at ");
    report.names_the_place();
    report.says("unlock of a mutex that is not locked; expected a locked mutex");
}

#[test]
fn a_runtime_gets_the_message_first() {
    static RUNTIME: Hooks = Hooks { fatal: |message| eprintln!("told: {message}."), ..Hooks::NONE };
    let report = dies("a_runtime_gets_the_message_first", || {
        hooks::install(&RUNTIME).expect("the first");
        unlock_a_free_one();
    });
    report.says("told: RawMutex at 0x");
    report.says("expected a locked mutex.");
    report.says("fatal error: ");
}

#[test]
fn a_runtime_may_end_the_process_in_its_own_way() {
    static RUNTIME: Hooks = Hooks { fatal: |_| std::process::exit(3), ..Hooks::NONE };
    let report = dies("a_runtime_may_end_the_process_in_its_own_way", || {
        hooks::install(&RUNTIME).expect("the first");
        unlock_a_free_one();
    });
    assert_eq!(report.exit_code(), Some(3));
    assert!(!report.text().contains("fatal error"), "{}", report.text());
}

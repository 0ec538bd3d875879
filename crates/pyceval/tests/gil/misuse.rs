//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
#![cfg(not(miri))]

use pyceval::{Gil, Seat, SwitchPolicy};
use pyparking::hooks::{self, Hooks};
use trial::child::dies;

/// A GIL whose place is printed, to be compared with the message.
fn placed() -> Box<Gil> {
    let gil = Box::new(Gil::new(SwitchPolicy::Classic));
    eprintln!("the place is {:#x}", core::ptr::from_ref(&*gil).addr());
    gil
}

#[test]
fn release_of_a_free_gil() {
    let report = dies("misuse::release_of_a_free_gil", || placed().release(&Seat::new()));
    report.says("fatal error: Gil at 0x");
    report.names_the_place();
    report.says("release by a seat that does not hold it; expected the holder's own release");
}

#[test]
fn release_by_another_seat() {
    let report = dies("misuse::release_by_another_seat", || {
        let gil = placed();
        gil.with(&Seat::new(), || gil.release(&Seat::new()));
    });
    report.names_the_place();
    report.says("release by a seat that does not hold it");
}

#[test]
fn release_of_a_disabled_gil() {
    let report = dies("misuse::release_of_a_disabled_gil", || {
        let (gil, seat) = (placed(), Seat::new());
        gil.with(&seat, || {
            gil.disable(&seat);
            gil.release(&seat);
        });
    });
    report.names_the_place();
    report.says("release by a seat that does not hold it");
}

#[test]
fn take_by_the_holder() {
    let report = dies("misuse::take_by_the_holder", || {
        let (gil, seat) = (placed(), Seat::new());
        gil.with(&seat, || gil.with(&seat, || ()));
    });
    report.names_the_place();
    report.says("take by the seat that holds it; expected a release before it");
}

#[test]
fn disable_by_another_seat() {
    let report = dies("misuse::disable_by_another_seat", || {
        let _never = placed().disable(&Seat::new());
    });
    report.names_the_place();
    report.says("disabled by a seat that does not hold it; expected the holder");
}

#[test]
fn a_runtime_may_end_the_process_in_its_own_way() {
    static RUNTIME: Hooks = Hooks { fatal: |_| std::process::exit(3), ..Hooks::NONE };
    let report = dies("misuse::a_runtime_may_end_the_process_in_its_own_way", || {
        hooks::install(&RUNTIME).expect("the first");
        placed().release(&Seat::new());
    });
    assert_eq!(report.exit_code(), Some(3));
    assert!(!report.text().contains("fatal error"), "{}", report.text());
}

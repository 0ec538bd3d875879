//! Numbers, defaults and messages that callers rely on.

use pyparking::hooks::{self, AlreadyInstalled, Hooks, PendingFailed};
use pyparking::spin::Spin;
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, Totals, spin};
use std::error::Error;

#[test]
fn statuses_have_the_numbers_of_cpython() {
    let numbers = [ParkStatus::Ok, ParkStatus::Again, ParkStatus::Timeout, ParkStatus::Intr]
        .map(|status| status as i32);
    assert_eq!(numbers, [0, -1, -2, -3]);
    assert_eq!(size_of::<ParkStatus>(), 4);
}

#[test]
fn a_park_is_for_ever_detaching_and_deaf_unless_told_otherwise() {
    let ParkOptions { deadline, arg, detach, interruptible } = ParkOptions::default();
    assert_eq!(deadline, Deadline::NEVER);
    assert!(arg.is_null() && detach && !interruptible);
}

#[test]
fn a_process_without_runtime_has_no_hooks() {
    assert!(hooks::installed().is_none());
    assert_eq!(hooks::run_pending(), Ok(()));
}

#[test]
fn hooks_that_do_nothing_do_nothing() {
    let Hooks { detach, attach, run_pending, fatal } = Hooks::NONE;
    assert!(detach().is_null());
    attach(core::ptr::null_mut());
    assert_eq!(run_pending(), Ok(()));
    fatal(&"returns");
    assert_eq!(format!("{:?}", Hooks::NONE), "Hooks { .. }");
}

#[test]
fn errors_say_what_is_wrong() {
    let pending: &dyn Error = &PendingFailed;
    assert_eq!(pending.to_string(), "a pending call failed");
    let twice: &dyn Error = &AlreadyInstalled;
    assert!(twice.to_string().starts_with("runtime hooks are already installed"));
}

#[test]
fn a_program_without_runtime_spins_as_free_threaded_code_does() {
    assert_eq!((spin::FREE_THREADED, spin::GIL), (40, 0));
    assert_eq!(spin::turns(), spin::FREE_THREADED);
    let mut spin = Spin::new(pyparking::Deadline::NEVER, false);
    let turns = (0..=spin::turns()).take_while(|_| spin.turn()).count();
    assert!(turns > 0 && turns <= 40);
    assert!(!spin.turn(), "what is used up stays used up");
}

#[test]
fn handles_go_anywhere() {
    fn anywhere<T: Copy + Send + Sync + 'static>(_: T) {}
    anywhere(ThreadHandle::current());
    assert_eq!(Totals::default(), Totals { parks: 0, ..Totals::default() });
}

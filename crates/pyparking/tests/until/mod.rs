//! Waiting for a condition and never for a time: look, yield, and fail loudly in the end.

use pyparking::{Deadline, snapshot};
use std::panic::resume_unwind;
use std::thread::{JoinHandle, yield_now};
use std::time::Duration;

/// Long enough for a loaded emulator. Only a test that fails waits this long; with a seeded fault one is to.
const PATIENCE: Duration = Duration::from_secs(if cfg!(seeded_faults) { 10 } else { 60 });

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Deadline::after(PATIENCE);
    while !condition() {
        assert!(!limit.passed(), "waited in vain for: {what}\n{}", snapshot());
        yield_now();
    }
}

/// Waits until `thread` has ended, and hands on its result or its panic.
#[track_caller]
pub(crate) fn joined<T>(thread: JoinHandle<T>) -> T {
    until("the end of a thread", || thread.is_finished());
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

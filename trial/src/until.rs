//! Waiting for a condition and never for a time, and seeing who sleeps on a primitive.

use pyparking::{Deadline, snapshot};
use std::panic::resume_unwind;
use std::thread::{JoinHandle, yield_now};
use std::time::Duration;

/// Long enough for a loaded emulator. Only a test that fails waits this long; with a seeded fault one is to.
const PATIENCE: Duration = Duration::from_secs(if cfg!(seeded_faults) { 10 } else { 60 });

/// Waits until `condition` holds.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Deadline::after(PATIENCE);
    while !condition() {
        assert!(!limit.passed(), "waited in vain for: {what}\n{}", snapshot());
        yield_now();
    }
}

/// Calls `attempt` with a time, each twice as long as the last, until it says that it was long enough: that the thread
/// came to sleep before it was over.
#[track_caller]
pub fn long_enough(what: &str, mut attempt: impl FnMut(Duration) -> bool) {
    let mut time = Duration::from_millis(2);
    while !attempt(time) {
        time *= 2;
        assert!(time < PATIENCE, "no time is long enough for: {what}");
    }
}

/// Waits until `thread` has ended, and hands on its result or its panic.
#[track_caller]
pub fn joined<T>(thread: JoinHandle<T>) -> T {
    until("the end of a thread", || thread.is_finished());
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// How long each of the threads that sleep on `primitive` has waited, the longest first.
pub fn waits_on<P>(primitive: &P) -> Vec<Duration> {
    let address = core::ptr::from_ref(primitive).addr();
    let here = |waiter: &&pyparking::WaiterInfo| waiter.address == address;
    snapshot().waiters().iter().filter(here).map(|waiter| waiter.waited).collect()
}

/// Waits until `count` threads sleep on `primitive`.
#[track_caller]
pub fn until_asleep<P>(primitive: &P, count: usize) {
    until("the threads to be asleep", || waits_on(primitive).len() == count);
}

/// Waits until all of `count` sleepers have waited longer than a lock lets others overtake them.
#[track_caller]
pub fn until_overdue<P>(primitive: &P, count: usize) {
    let overdue = Duration::from_millis(2);
    until("the sleepers to be past their millisecond", || {
        let waits = waits_on(primitive);
        waits.len() == count && waits.iter().all(|wait| *wait > overdue)
    });
}

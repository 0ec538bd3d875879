//! The lot as the models call it: addresses of their own, numbers for arguments, callbacks that leave it alone.

use pyparking::{Deadline, ParkOptions, ParkStatus, Queue};
use std::time::Duration;

/// Two addresses. Nothing is stored there; the models share one bucket, so they always collide.
pub(crate) const HERE: usize = 0x1000;
pub(crate) const THERE: usize = 0x2000;

/// For ever, whatever interrupts come.
pub(crate) fn plainly() -> ParkOptions {
    ParkOptions::default()
}

/// With an argument for the unparker.
pub(crate) fn with_arg(arg: usize) -> ParkOptions {
    ParkOptions { arg: core::ptr::without_provenance_mut(arg), ..ParkOptions::default() }
}

/// Until `deadline`.
pub(crate) fn until(deadline: Deadline) -> ParkOptions {
    ParkOptions { deadline, ..ParkOptions::default() }
}

/// For ever, but for interrupts.
pub(crate) fn interruptibly() -> ParkOptions {
    ParkOptions { interruptible: true, ..ParkOptions::default() }
}

/// A microsecond of the model's clock from now.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_micros(1))
}

/// Lets the clock pass every deadline that `soon` gave.
pub(crate) fn pass_soon() {
    pyparking::clock::advance(2_000);
}

pub(crate) fn park(
    address: usize,
    options: ParkOptions,
    validate: impl FnOnce() -> bool,
    gave_up: impl FnOnce(&mut Queue<'_>),
) -> ParkStatus {
    // SAFETY: the addresses are the models' own, their callbacks do not use the lot, and their arguments are
    // numbers, which need not stay valid.
    unsafe { pyparking::park(address, options, validate, gave_up) }
}

/// The argument of whom it woke, and `has_more`; `decided` runs under the bucket lock.
pub(crate) fn unpark(
    address: usize,
    decided: impl FnOnce(Option<usize>, bool),
) -> (Option<usize>, bool) {
    // SAFETY: as in `park`.
    unsafe {
        pyparking::unpark(address, |arg, has_more| {
            let arg = arg.map(<*mut ()>::addr);
            decided(arg, has_more);
            (arg, has_more)
        })
    }
}

pub(crate) fn unpark_all(address: usize) -> usize {
    // SAFETY: as in `park`.
    unsafe { pyparking::unpark_all(address) }
}

pub(crate) fn with_queue<R>(address: usize, decide: impl FnOnce(&mut Queue<'_>) -> R) -> R {
    // SAFETY: as in `park`.
    unsafe { pyparking::with_queue(address, decide) }
}

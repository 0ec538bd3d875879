//! The process's own lot, as functions.

use crate::bucket::Totals;
use crate::lot::the_lot;
use crate::park::ParkOptions;
use crate::queue::Queue;
use crate::status::ParkStatus;

/// [`Lot::park`](crate::Lot::park) in the process's lot.
///
/// Cost: as there.
///
/// # Safety
///
/// As there.
///
/// ```
/// use pyparking::{Deadline, ParkOptions, ParkStatus, park};
///
/// let word = 0_u8;
/// let at_once = ParkOptions { deadline: Deadline::NOW, ..ParkOptions::default() };
/// // SAFETY: the address is this frame's own.
/// let status = unsafe { park((&raw const word).addr(), at_once, || true, |_| {}) };
/// assert_eq!(status, ParkStatus::Timeout);
/// ```
///
/// Port of: `_PyParkingLot_Park` (Python/parking_lot.c)
pub unsafe fn park(
    address: usize,
    options: ParkOptions,
    validate: impl FnOnce() -> bool,
    gave_up: impl FnOnce(&mut Queue<'_>),
) -> ParkStatus {
    // SAFETY: handed on to the caller.
    unsafe { the_lot().park(address, options, validate, gave_up) }
}

/// [`Lot::park_releasing`](crate::Lot::park_releasing) in the process's lot.
///
/// Cost: as there.
///
/// # Safety
///
/// As there.
///
/// ```
/// use pyparking::{Deadline, ParkOptions, ParkStatus, park_releasing};
///
/// let word = 0_u8;
/// let at_once = ParkOptions { deadline: Deadline::NOW, ..ParkOptions::default() };
/// let mut released = false;
/// let address = (&raw const word).addr();
/// // SAFETY: the address is this frame's own.
/// let status = unsafe { park_releasing(address, at_once, || true, || released = true, |_| {}) };
/// assert_eq!(status, ParkStatus::Timeout);
/// assert!(!released, "the thread was not queued");
/// ```
pub unsafe fn park_releasing(
    address: usize,
    options: ParkOptions,
    validate: impl FnOnce() -> bool,
    release: impl FnOnce(),
    gave_up: impl FnOnce(&mut Queue<'_>),
) -> ParkStatus {
    // SAFETY: handed on to the caller.
    unsafe { the_lot().park_releasing(address, options, validate, release, gave_up) }
}

/// [`Lot::unpark`](crate::Lot::unpark) in the process's lot.
///
/// Cost: as there.
///
/// # Safety
///
/// As there.
///
/// ```
/// let word = 0_u8;
/// // SAFETY: the address is this frame's own.
/// let waiter = unsafe { pyparking::unpark((&raw const word).addr(), |waiter, _more| waiter) };
/// assert!(waiter.is_none());
/// ```
///
/// Port of: `_PyParkingLot_Unpark` (Python/parking_lot.c)
pub unsafe fn unpark<R>(address: usize, callback: impl FnOnce(Option<*mut ()>, bool) -> R) -> R {
    // SAFETY: handed on to the caller.
    unsafe { the_lot().unpark(address, callback) }
}

/// [`Lot::unpark_all`](crate::Lot::unpark_all) in the process's lot.
///
/// Cost: as there.
///
/// # Safety
///
/// As there.
///
/// ```
/// let word = 0_u8;
/// // SAFETY: the address is this frame's own.
/// assert_eq!(unsafe { pyparking::unpark_all((&raw const word).addr()) }, 0);
/// ```
///
/// Port of: `_PyParkingLot_UnparkAll` (Python/parking_lot.c)
pub unsafe fn unpark_all(address: usize) -> usize {
    // SAFETY: handed on to the caller.
    unsafe { the_lot().unpark_all(address) }
}

/// [`Lot::with_queue`](crate::Lot::with_queue) in the process's lot.
///
/// Cost: as there.
///
/// # Safety
///
/// As there.
///
/// ```
/// let word = 0_u8;
/// // SAFETY: the address is this frame's own.
/// let empty = unsafe { pyparking::with_queue((&raw const word).addr(), |queue| queue.is_empty()) };
/// assert!(empty);
/// ```
pub unsafe fn with_queue<R>(address: usize, decide: impl FnOnce(&mut Queue<'_>) -> R) -> R {
    // SAFETY: handed on to the caller.
    unsafe { the_lot().with_queue(address, decide) }
}

/// What the process's lot has done so far. Exact when no thread is inside a call.
///
/// Cost: five relaxed loads per bucket.
///
/// ```
/// assert_eq!(pyparking::totals().hand_offs, 0);
/// ```
#[must_use]
pub fn totals() -> Totals {
    the_lot().totals()
}

//! How a park ended, with CPython's numbers.

/// How a park ended.
///
/// ```
/// use pyparking::{ParkOptions, ParkStatus, park};
///
/// let word = 1_u8;
/// let address = (&raw const word).addr();
/// // SAFETY: the address is this frame's own.
/// match unsafe { park(address, ParkOptions::default(), || word == 0, |_| {}) } {
///     ParkStatus::Again => println!("the word is not what the thread wanted to sleep on"),
///     other => panic!("{other:?}: nobody unparks, and there is no deadline"),
/// }
/// assert_eq!(ParkStatus::Intr as i32, -3);
/// ```
///
/// Port of: `Py_PARK_*` (Include/internal/pycore_parking_lot.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[must_use]
pub enum ParkStatus {
    /// An unpark dequeued this thread.
    Ok = 0,
    /// The validation said no; the thread was not queued.
    Again = -1,
    /// The deadline passed first.
    Timeout = -2,
    /// An interrupt came first.
    Intr = -3,
}

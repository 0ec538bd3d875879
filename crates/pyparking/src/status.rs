//! How a park ended, with CPython's numbers.

/// How a park ended.
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

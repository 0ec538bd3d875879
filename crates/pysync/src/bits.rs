//! The bits that CPython's ABI fixes, in one place. What they mean is each primitive's own table.
//!
//! Port of: `_Py_UNLOCKED`, `_Py_LOCKED`, `_Py_HAS_PARKED`, `_Py_ONCE_INITIALIZED`
//! (Include/internal/pycore_lock.h)

/// Held; for an event: set; for a once flag: running.
pub(crate) const LOCKED: u8 = 1;

/// Threads are queued in the lot, or about to be.
pub(crate) const HAS_PARKED: u8 = 2;

/// A once flag that is done.
pub(crate) const DONE: u8 = 4;

/// A read-write mutex held by a writer.
pub(crate) const WRITE_LOCKED: usize = 1;

/// A read-write mutex for which threads are queued.
pub(crate) const RW_HAS_PARKED: usize = 2;

/// Readers are counted from this bit.
pub(crate) const READER_SHIFT: u32 = 2;

/// One reader.
pub(crate) const READER: usize = 1 << READER_SHIFT;

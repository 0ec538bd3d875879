//! The bits that CPython's ABI fixes, in one place, and below them those of our own read-write mutex. What they mean is
//! each primitive's own table.
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

/// An upgradable read-write mutex held by its upgradable reader.
pub(crate) const UPGRADABLE: usize = 4;

/// An upgradable read-write mutex that a writer, or the upgradable reader that becomes one, waits for.
pub(crate) const WRITER_WAITS: usize = 8;

/// Readers of an upgradable read-write mutex are counted from this bit.
pub(crate) const UP_READER_SHIFT: u32 = 4;

/// One reader of an upgradable read-write mutex.
pub(crate) const UP_READER: usize = 1 << UP_READER_SHIFT;

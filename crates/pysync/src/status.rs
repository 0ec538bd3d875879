//! How a lock call ends, and how it waits, with CPython's numbers.

use core::fmt;
use core::ops::BitOr;

/// How a timed lock call ended.
///
/// ```
/// use pysync::{LockFlags, LockStatus, Mutex};
/// use std::time::Duration;
///
/// let mutex = Mutex::new();
/// match mutex.lock_timed(Some(Duration::from_millis(1)), LockFlags::FAIL_IF_INTERRUPTED) {
///     LockStatus::Acquired => mutex.unlock(),
///     LockStatus::Failure => println!("too late"),
///     LockStatus::Intr => println!("interrupted"),
/// }
/// assert_eq!(LockStatus::Acquired as i32, 1);
/// ```
///
/// Port of: `PyLockStatus` (Include/pythread.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[must_use]
pub enum LockStatus {
    /// The deadline passed; the lock is not held.
    Failure = 0,
    /// The lock is held.
    Acquired = 1,
    /// An interrupt ended the wait; the lock is not held.
    Intr = 2,
}

/// How a lock call waits.
///
/// ```
/// use pysync::LockFlags;
///
/// let flags = LockFlags::DETACH | LockFlags::HANDLE_SIGNALS;
/// assert!(flags.contains(LockFlags::DETACH));
/// assert!(!flags.contains(LockFlags::FAIL_IF_INTERRUPTED));
/// assert_eq!(flags.bits(), 3);
/// ```
///
/// Port of: `_PyLockFlags` (Include/internal/pycore_lock.h)
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LockFlags(u8);

impl LockFlags {
    /// Stay attached, ignore interrupts. Port of: `_Py_LOCK_DONT_DETACH`
    pub const EMPTY: Self = Self(0);
    /// Detach from the runtime while asleep. Port of: `_PY_LOCK_DETACH`
    pub const DETACH: Self = Self(1);
    /// Run pending calls on an interrupt; end the wait if they fail, else go on waiting for the rest of the
    /// time. Port of: `_PY_LOCK_HANDLE_SIGNALS`
    pub const HANDLE_SIGNALS: Self = Self(2);
    /// End the wait on any interrupt, after the pending calls if they are asked for too. Port of: `_PY_FAIL_IF_INTERRUPTED`
    pub const FAIL_IF_INTERRUPTED: Self = Self(4);

    /// Whether all of `other` is set.
    ///
    /// Cost: a mask and a comparison.
    ///
    /// ```
    /// use pysync::LockFlags;
    ///
    /// let flags = LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED;
    /// assert!(flags.contains(LockFlags::DETACH));
    /// assert!(!flags.contains(LockFlags::DETACH | LockFlags::HANDLE_SIGNALS));
    /// ```
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// CPython's number.
    ///
    /// Cost: none.
    ///
    /// ```
    /// use pysync::LockFlags;
    ///
    /// assert_eq!(LockFlags::EMPTY.bits(), 0);
    /// assert_eq!((LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED).bits(), 5);
    /// ```
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The flags with CPython's number `bits`; bits without a meaning are dropped.
    ///
    /// Cost: a mask.
    ///
    /// ```
    /// use pysync::LockFlags;
    ///
    /// let from_c = 0b1000_0001;
    /// assert_eq!(LockFlags::from_bits_truncate(from_c), LockFlags::DETACH);
    /// ```
    #[must_use]
    pub const fn from_bits_truncate(bits: u8) -> Self {
        Self(bits & 7)
    }

    /// Whether an interrupt has any effect.
    pub(crate) const fn interruptible(self) -> bool {
        self.0 & (Self::HANDLE_SIGNALS.0 | Self::FAIL_IF_INTERRUPTED.0) != 0
    }
}

impl BitOr for LockFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for LockFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::DETACH, "DETACH"),
            (Self::HANDLE_SIGNALS, "HANDLE_SIGNALS"),
            (Self::FAIL_IF_INTERRUPTED, "FAIL_IF_INTERRUPTED"),
        ];
        let set = names.into_iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| name);
        f.write_str("LockFlags(")?;
        for (index, name) in set.enumerate() {
            f.write_str(if index == 0 { "" } else { " | " })?;
            f.write_str(name)?;
        }
        f.write_str(")")
    }
}

/// An unlock of something that is not locked.
///
/// ```
/// use pysync::{Mutex, NotLocked};
///
/// let error = Mutex::new().try_unlock().unwrap_err();
/// assert_eq!(error, NotLocked);
/// assert!(error.to_string().starts_with("the mutex is not locked"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLocked;

impl fmt::Display for NotLocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mutex is not locked: every unlock needs a lock before it")
    }
}

impl core::error::Error for NotLocked {}

/// An unlock of a recursive mutex by a thread that does not own it.
///
/// ```
/// use pysync::{NotOwner, RecursiveMutex};
///
/// let error = RecursiveMutex::new().try_unlock().unwrap_err();
/// assert_eq!(error, NotOwner);
/// assert!(error.to_string().contains("only the owner"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOwner;

impl fmt::Display for NotOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the recursive mutex is not owned by this thread: only the owner can unlock it")
    }
}

impl core::error::Error for NotOwner {}

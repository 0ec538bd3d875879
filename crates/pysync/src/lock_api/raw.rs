//! The raw types that both versions of `lock_api` are given: our locks without methods of their own, so that a call is
//! always one of the trait's.

use crate::{Condvar, Mutex, UpgradableRwMutex};
use core::mem::forget;
use core::num::NonZeroUsize;
use core::time::Duration;
use pyparking::{fatal, ident};
use std::time::Instant;

/// A [`Mutex`] as a `lock_api::RawMutex`: timed and fair.
///
/// ```
/// # #[cfg(feature = "lock_api_04")] {
/// use lock_api_04::RawMutex as _;
/// use pysync::lock_api::RawMutex;
///
/// static MUTEX: RawMutex = RawMutex::INIT;
/// MUTEX.lock();
/// assert!(!MUTEX.try_lock());
/// // SAFETY: locked above.
/// unsafe { MUTEX.unlock() };
/// # }
/// ```
#[repr(transparent)]
#[derive(Debug)]
pub struct RawMutex(pub(super) Mutex);

/// An [`UpgradableRwMutex`] as a `lock_api::RawRwLock`: timed, fair, recursive, upgradable, with downgrades.
///
/// ```
/// # #[cfg(feature = "lock_api_04")] {
/// use lock_api_04::{RawRwLock as _, RawRwLockUpgrade};
/// use pysync::lock_api::RawRwLock;
///
/// static LOCK: RawRwLock = RawRwLock::INIT;
/// LOCK.lock_upgradable();
/// assert!(LOCK.try_lock_shared() && !LOCK.try_lock_exclusive());
/// # }
/// ```
#[repr(transparent)]
#[derive(Debug)]
pub struct RawRwLock(pub(super) UpgradableRwMutex);

/// A [`Condvar`] for mutexes over [`RawMutex`]; what `v05::Condvar` wraps.
///
/// It has no spurious wakes, and its notifications return exact numbers.
///
/// ```
/// # #[cfg(feature = "lock_api_05")] {
/// use lock_api_05::RawCondvar as _;
/// use pysync::lock_api::RawCondvar;
///
/// static CHANGED: RawCondvar = RawCondvar::INIT;
/// assert!(!CHANGED.notify_one());
/// # }
/// ```
#[repr(transparent)]
#[derive(Debug)]
pub struct RawCondvar(pub(super) Condvar);

/// The number of the calling thread for `lock_api::ReentrantMutex`: unique in the process and never used again, the same
/// after a fork.
///
/// ```
/// # #[cfg(feature = "lock_api_04")] {
/// use lock_api_04::GetThreadId;
/// use pysync::lock_api::RawThreadId;
///
/// let mine = RawThreadId::INIT.nonzero_thread_id();
/// assert_eq!(mine, RawThreadId::INIT.nonzero_thread_id());
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RawThreadId;

impl RawMutex {
    pub(super) const fn fresh() -> Self {
        Self(Mutex::new())
    }

    /// Makes the mutex free in the child of a fork, whoever held it. The same as zeroing it.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and does not hold the mutex.
    ///
    /// ```
    /// # #[cfg(feature = "lock_api_04")] {
    /// use pysync::lock_api::v04::Mutex;
    ///
    /// static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    /// // In the parent, some thread held it at the moment of the fork.
    /// std::mem::forget(NAMES.lock());
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { NAMES.raw().after_fork_child() };
    /// assert!(NAMES.try_lock().is_some());
    /// # }
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.0.after_fork_child() };
    }

    /// Gives those who wait their turn, and takes the mutex again.
    #[inline]
    pub(super) fn bump_held(&self) {
        if self.0.has_waiters() {
            let unwinding = AbortOnUnwind;
            self.0.unlock_fair();
            self.0.lock();
            forget(unwinding);
        }
    }
}

impl RawRwLock {
    pub(super) const fn fresh() -> Self {
        Self(UpgradableRwMutex::new())
    }

    /// Makes the lock free in the child of a fork, whoever held it. The same as zeroing it.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and does not hold the lock.
    ///
    /// ```
    /// # #[cfg(feature = "lock_api_04")] {
    /// use pysync::lock_api::v04::RwLock;
    ///
    /// static NAMES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
    /// std::mem::forget(NAMES.upgradable_read());
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { NAMES.raw().after_fork_child() };
    /// assert!(NAMES.try_write().is_some());
    /// # }
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.0.after_fork_child() };
    }

    /// Gives those who wait their turn, and takes the lock again.
    #[inline]
    pub(super) fn bump_by(
        &self,
        unlock: impl FnOnce(&UpgradableRwMutex),
        lock: impl FnOnce(&UpgradableRwMutex),
    ) {
        if self.0.has_waiters() {
            let unwinding = AbortOnUnwind;
            unlock(&self.0);
            lock(&self.0);
            forget(unwinding);
        }
    }
}

impl RawCondvar {
    pub(super) const fn fresh() -> Self {
        Self(Condvar::new())
    }

    /// Forgets the threads that waited before a fork, in its child. The same as zeroing it.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    ///
    /// ```
    /// # #[cfg(feature = "lock_api_05")] {
    /// use pysync::lock_api::v05::Condvar;
    ///
    /// let changed = Condvar::new();
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { changed.raw().after_fork_child() };
    /// assert_eq!(changed.notify_all(), 0);
    /// # }
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.0.after_fork_child() };
    }
}

impl RawThreadId {
    #[inline]
    pub(super) fn current() -> NonZeroUsize {
        // Where a number does not fit a word, four billion threads have come and gone.
        NonZeroUsize::try_from(ident::current()).unwrap_or_else(|_| {
            fatal("RawThreadId", &(), "no thread number is left", "fewer threads in one process")
        })
    }
}

/// How long it is until `instant`; zero once it has passed.
pub(super) fn until(instant: Instant) -> Option<Duration> {
    Some(instant.saturating_duration_since(Instant::now()))
}

/// Ends the process if a lock could not be taken again while a guard says that it is held.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        fatal("lock_api", self, "a runtime's attach unwound out of bump", "an attach that returns");
    }
}

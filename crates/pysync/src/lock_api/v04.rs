//! For `lock_api` 0.4: the raw traits, and the types that `parking_lot` 0.12 makes of them.
//!
//! ```
//! use pysync::lock_api::v04::{Condvar, Mutex, RwLock, RwLockUpgradableReadGuard};
//!
//! static JOBS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//! static ADDED: Condvar = Condvar::new();
//! static SEEN: RwLock<Vec<u32>> = RwLock::new(Vec::new());
//!
//! let worker = std::thread::spawn(|| {
//!     let mut jobs = JOBS.lock();
//!     while jobs.is_empty() {
//!         ADDED.wait(&mut jobs);
//!     }
//!     let seen = SEEN.upgradable_read();
//!     if !seen.contains(&jobs[0]) {
//!         RwLockUpgradableReadGuard::upgrade(seen).push(jobs[0]);
//!     }
//! });
//! JOBS.lock().push(7);
//! ADDED.notify_one();
//! worker.join().unwrap();
//! assert_eq!(*SEEN.read(), [7]);
//! ```

mod condvar;

use super::raw::until;
use crate::{LockFlags, LockStatus};
use core::num::NonZeroUsize;
use core::time::Duration;
use lock_api_04::{
    GetThreadId, GuardNoSend, RawMutexFair, RawMutexTimed, RawRwLockDowngrade, RawRwLockFair,
    RawRwLockRecursive, RawRwLockRecursiveTimed, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};
use std::time::Instant;

pub use super::raw::{RawMutex, RawRwLock, RawThreadId};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lock_api_04 as lock_api;

/// A mutex around data.
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;
/// The guard of a [`Mutex`].
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// The guard of a part of a [`Mutex`]'s data.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;
/// A mutex around shared data that its owner may lock again.
pub type ReentrantMutex<T> = lock_api::ReentrantMutex<RawMutex, RawThreadId, T>;
/// The guard of a [`ReentrantMutex`].
pub type ReentrantMutexGuard<'a, T> = lock_api::ReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;
/// The guard of a part of a [`ReentrantMutex`]'s data.
pub type MappedReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;
/// A read-write lock around data.
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;
/// The guard of a reader of a [`RwLock`].
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// The guard of the writer of a [`RwLock`].
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;
/// The guard of the reader of a [`RwLock`] that may become the writer.
pub type RwLockUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwLock, T>;
/// The guard of a reader of a part of a [`RwLock`]'s data.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwLock, T>;
/// The guard of the writer of a part of a [`RwLock`]'s data.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwLock, T>;

/// A mutex around `value`, as `parking_lot` spells it.
///
/// Cost: no atomic operation, no heap.
///
/// ```
/// use pysync::lock_api::v04::{Mutex, const_mutex};
///
/// static COUNT: Mutex<u32> = const_mutex(7);
/// assert_eq!(*COUNT.lock(), 7);
/// ```
pub const fn const_mutex<T>(value: T) -> Mutex<T> {
    Mutex::from_raw(RawMutex::fresh(), value)
}

/// A mutex around `value` that its owner may lock again, as `parking_lot` spells it.
///
/// Cost: no atomic operation, no heap.
///
/// ```
/// use pysync::lock_api::v04::{ReentrantMutex, const_reentrant_mutex};
///
/// static NAME: ReentrantMutex<&str> = const_reentrant_mutex("import");
/// let (outer, inner) = (NAME.lock(), NAME.lock());
/// assert_eq!(*outer, *inner);
/// ```
pub const fn const_reentrant_mutex<T>(value: T) -> ReentrantMutex<T> {
    ReentrantMutex::from_raw(RawMutex::fresh(), RawThreadId, value)
}

/// A read-write lock around `value`, as `parking_lot` spells it.
///
/// Cost: no atomic operation, no heap.
///
/// ```
/// use pysync::lock_api::v04::{RwLock, const_rwlock};
///
/// static TABLE: RwLock<[u8; 2]> = const_rwlock([1, 2]);
/// assert_eq!(TABLE.read()[1], 2);
/// ```
pub const fn const_rwlock<T>(value: T) -> RwLock<T> {
    RwLock::from_raw(RawRwLock::fresh(), value)
}

fn acquired(status: LockStatus) -> bool {
    status == LockStatus::Acquired
}

// SAFETY: MUTEX-1 and MUTEX-2 are the exclusion and the order that the trait asks for.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self::fresh();

    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock(&self) {
        self.0.lock();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.try_lock()
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.unlock();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

// SAFETY: as above; the mutex is held again after `bump`, or the process has ended.
unsafe impl RawMutexFair for RawMutex {
    #[inline]
    unsafe fn unlock_fair(&self) {
        self.0.unlock_fair();
    }

    #[inline]
    unsafe fn bump(&self) {
        self.bump_held();
    }
}

// SAFETY: as above; a `false` leaves nothing locked.
unsafe impl RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        acquired(self.0.lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_until(&self, timeout: Instant) -> bool {
        self.0.try_lock() || acquired(self.0.lock_timed(until(timeout), LockFlags::DETACH))
    }
}

// SAFETY: numbers of threads are never used twice, and not zero.
unsafe impl GetThreadId for RawThreadId {
    const INIT: Self = Self;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        Self::current()
    }
}

// SAFETY: UPRW-1 and UPRW-2 are the exclusion and the order that the trait asks for.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: Self = Self::fresh();

    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock_shared(&self) {
        self.0.read_lock();
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        self.0.try_read_lock()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        self.0.read_unlock();
    }

    #[inline]
    fn lock_exclusive(&self) {
        self.0.write_lock();
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.0.try_write_lock()
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        self.0.write_unlock();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.0.is_write_locked()
    }
}

// SAFETY: as above; the lock is held again after a bump, or the process has ended.
unsafe impl RawRwLockFair for RawRwLock {
    #[inline]
    unsafe fn unlock_shared_fair(&self) {
        self.0.read_unlock_fair();
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self) {
        self.0.write_unlock_fair();
    }

    #[inline]
    unsafe fn bump_shared(&self) {
        self.bump_by(|lock| lock.read_unlock_fair(), |lock| lock.read_lock());
    }

    #[inline]
    unsafe fn bump_exclusive(&self) {
        self.bump_by(|lock| lock.write_unlock_fair(), |lock| lock.write_lock());
    }
}

// SAFETY: UPRW-9.
unsafe impl RawRwLockDowngrade for RawRwLock {
    #[inline]
    unsafe fn downgrade(&self) {
        self.0.downgrade();
    }
}

// SAFETY: as `RawRwLock`; a `false` leaves nothing locked.
unsafe impl RawRwLockTimed for RawRwLock {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        acquired(self.0.read_lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_shared_until(&self, timeout: Instant) -> bool {
        self.0.try_read_lock()
            || acquired(self.0.read_lock_timed(until(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        acquired(self.0.write_lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_exclusive_until(&self, timeout: Instant) -> bool {
        self.0.try_write_lock()
            || acquired(self.0.write_lock_timed(until(timeout), LockFlags::DETACH))
    }
}

// SAFETY: UPRW-8: a writer that waits is passed, so a thread that holds the lock does not wait.
unsafe impl RawRwLockRecursive for RawRwLock {
    #[inline]
    fn lock_shared_recursive(&self) {
        self.0.read_lock_recursive();
    }

    #[inline]
    fn try_lock_shared_recursive(&self) -> bool {
        self.0.try_read_lock_recursive()
    }
}

// SAFETY: as above.
unsafe impl RawRwLockRecursiveTimed for RawRwLock {
    #[inline]
    fn try_lock_shared_recursive_for(&self, timeout: Duration) -> bool {
        acquired(self.0.read_lock_recursive_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_shared_recursive_until(&self, timeout: Instant) -> bool {
        self.0.try_read_lock_recursive()
            || acquired(self.0.read_lock_recursive_timed(until(timeout), LockFlags::DETACH))
    }
}

// SAFETY: UPRW-1, UPRW-9.
unsafe impl RawRwLockUpgrade for RawRwLock {
    #[inline]
    fn lock_upgradable(&self) {
        self.0.upgradable_lock();
    }

    #[inline]
    fn try_lock_upgradable(&self) -> bool {
        self.0.try_upgradable_lock()
    }

    #[inline]
    unsafe fn unlock_upgradable(&self) {
        self.0.upgradable_unlock();
    }

    #[inline]
    unsafe fn upgrade(&self) {
        self.0.upgrade();
    }

    #[inline]
    unsafe fn try_upgrade(&self) -> bool {
        self.0.try_upgrade()
    }
}

// SAFETY: as above; the lock is held again after a bump, or the process has ended.
unsafe impl RawRwLockUpgradeFair for RawRwLock {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self) {
        self.0.upgradable_unlock_fair();
    }

    #[inline]
    unsafe fn bump_upgradable(&self) {
        self.bump_by(|lock| lock.upgradable_unlock_fair(), |lock| lock.upgradable_lock());
    }
}

// SAFETY: UPRW-9.
unsafe impl RawRwLockUpgradeDowngrade for RawRwLock {
    #[inline]
    unsafe fn downgrade_upgradable(&self) {
        self.0.downgrade_upgradable();
    }

    #[inline]
    unsafe fn downgrade_to_upgradable(&self) {
        self.0.downgrade_to_upgradable();
    }
}

// SAFETY: UPRW-9: an upgrade that fails leaves the upgradable read.
unsafe impl RawRwLockUpgradeTimed for RawRwLock {
    #[inline]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> bool {
        acquired(self.0.upgradable_lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_upgradable_until(&self, timeout: Instant) -> bool {
        self.0.try_upgradable_lock()
            || acquired(self.0.upgradable_lock_timed(until(timeout), LockFlags::DETACH))
    }

    #[inline]
    unsafe fn try_upgrade_for(&self, timeout: Duration) -> bool {
        acquired(self.0.upgrade_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    unsafe fn try_upgrade_until(&self, timeout: Instant) -> bool {
        self.0.try_upgrade() || acquired(self.0.upgrade_timed(until(timeout), LockFlags::DETACH))
    }
}

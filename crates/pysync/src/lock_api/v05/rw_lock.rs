//! The read-write lock for `lock_api` 0.5, and the recursive reads that its traits no longer have.

use super::super::raw::{RawRwLock, until};
use super::{RwLock, RwLockReadGuard, acquired, held};
use crate::{LockFlags, LockStatus, UpgradableRwMutex};
use core::mem::forget;
use core::time::Duration;
use lock_api_05::{
    GuardNoSend, RawRwLockDowngrade, RawRwLockFair, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};
use std::time::Instant;

/// Reads that pass a waiting writer, for a thread that may hold the lock already.
///
/// `lock_api` 0.4 has them as methods of its `RwLock`; these have the same names.
///
/// ```
/// use pysync::lock_api::v05::{ReadRecursive, RwLock};
///
/// let lock = RwLock::new(7);
/// let outer = lock.read();
/// // Whoever waits to write now, this does not wait.
/// assert_eq!(*lock.read_recursive(), *outer);
/// ```
pub trait ReadRecursive<T: ?Sized> {
    /// Locks for reading unless a writer is inside, sleeping if need be.
    ///
    /// Cost: as [`UpgradableRwMutex::read_lock_recursive`].
    ///
    /// ```
    /// use pysync::lock_api::v05::{ReadRecursive, RwLock};
    ///
    /// let lock = RwLock::new(7);
    /// let (outer, inner) = (lock.read_recursive(), lock.read_recursive());
    /// assert_eq!(*outer, *inner);
    /// ```
    fn read_recursive(&self) -> RwLockReadGuard<'_, T>;

    /// Locks for reading unless a writer is inside. Never blocks.
    ///
    /// Cost: as [`UpgradableRwMutex::try_read_lock_recursive`].
    ///
    /// ```
    /// use pysync::lock_api::v05::{ReadRecursive, RwLock};
    ///
    /// let lock = RwLock::new(7);
    /// let writer = lock.write();
    /// assert!(lock.try_read_recursive().is_none());
    /// # drop(writer);
    /// ```
    fn try_read_recursive(&self) -> Option<RwLockReadGuard<'_, T>>;
}

impl<T: ?Sized> ReadRecursive<T> for RwLock<T> {
    #[inline]
    fn read_recursive(&self) -> RwLockReadGuard<'_, T> {
        // SAFETY: nothing is unlocked here.
        unsafe { self.raw() }.0.read_lock_recursive();
        // SAFETY: locked for reading just now, and the state of such a lock is empty.
        unsafe { self.make_read_guard_unchecked(GuardNoSend::new()) }
    }

    #[inline]
    fn try_read_recursive(&self) -> Option<RwLockReadGuard<'_, T>> {
        // SAFETY: nothing is unlocked here.
        let guard = held(unsafe { self.raw() }.0.try_read_lock_recursive())?;
        // SAFETY: locked for reading just now.
        Some(unsafe { self.make_read_guard_unchecked(guard) })
    }
}

/// Lets go of the upgradable read if the runtime's attach unwinds out of an upgrade, which was to consume it.
struct LeaveOnUnwind<'a>(&'a UpgradableRwMutex);

impl Drop for LeaveOnUnwind<'_> {
    fn drop(&mut self) {
        self.0.upgradable_unlock();
    }
}

impl RawRwLock {
    /// Upgrades within `timeout`, or gives the upgradable read back.
    fn upgrade_within(&self, timeout: Option<Duration>) -> Result<GuardNoSend, GuardNoSend> {
        let unwinding = LeaveOnUnwind(&self.0);
        let status = self.0.upgrade_timed(timeout, LockFlags::DETACH);
        forget(unwinding);
        exchanged(status == LockStatus::Acquired)
    }
}

/// What an attempt to upgrade returns: the new state, or the old one back.
#[inline]
fn exchanged(upgraded: bool) -> Result<GuardNoSend, GuardNoSend> {
    if upgraded { Ok(GuardNoSend::new()) } else { Err(GuardNoSend::new()) }
}

// SAFETY: UPRW-1 and UPRW-2 are the exclusion and the order that the trait asks for. A lock call that unwinds, if the
// runtime's attach does, leaves nothing locked (UPRW-4); an unlock does not unwind.
unsafe impl lock_api_05::RawRwLock for RawRwLock {
    const INIT: Self = Self::fresh();

    type SharedGuard = GuardNoSend;
    type ExclusiveGuard = GuardNoSend;

    #[inline]
    fn lock_shared(&self) -> GuardNoSend {
        self.0.read_lock();
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock_shared(&self) -> Option<GuardNoSend> {
        held(self.0.try_read_lock())
    }

    #[inline]
    unsafe fn unlock_shared(&self, _guard: GuardNoSend) {
        self.0.read_unlock();
    }

    #[inline]
    fn lock_exclusive(&self) -> GuardNoSend {
        self.0.write_lock();
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock_exclusive(&self) -> Option<GuardNoSend> {
        held(self.0.try_write_lock())
    }

    #[inline]
    unsafe fn unlock_exclusive(&self, _guard: GuardNoSend) {
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
    unsafe fn unlock_shared_fair(&self, _guard: GuardNoSend) {
        self.0.read_unlock_fair();
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self, _guard: GuardNoSend) {
        self.0.write_unlock_fair();
    }

    #[inline]
    unsafe fn bump_shared(&self, _guard: &mut GuardNoSend) {
        self.bump_by(|lock| lock.read_unlock_fair(), |lock| lock.read_lock());
    }

    #[inline]
    unsafe fn bump_exclusive(&self, _guard: &mut GuardNoSend) {
        self.bump_by(|lock| lock.write_unlock_fair(), |lock| lock.write_lock());
    }
}

// SAFETY: UPRW-9, and UPRW-2: a downgrade releases.
unsafe impl RawRwLockDowngrade for RawRwLock {
    #[inline]
    unsafe fn downgrade(&self, guard: GuardNoSend) -> GuardNoSend {
        self.0.downgrade();
        guard
    }
}

// SAFETY: as `RawRwLock`; a `None` leaves nothing locked.
unsafe impl RawRwLockTimed for RawRwLock {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_shared_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        acquired(self.0.read_lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_shared_until(&self, timeout: Instant) -> Option<GuardNoSend> {
        let now = held(self.0.try_read_lock());
        now.or_else(|| acquired(self.0.read_lock_timed(until(timeout), LockFlags::DETACH)))
    }

    #[inline]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        acquired(self.0.write_lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_exclusive_until(&self, timeout: Instant) -> Option<GuardNoSend> {
        let now = held(self.0.try_write_lock());
        now.or_else(|| acquired(self.0.write_lock_timed(until(timeout), LockFlags::DETACH)))
    }
}

// SAFETY: UPRW-1, UPRW-9. An upgrade that unwinds lets go of what it was to consume.
unsafe impl RawRwLockUpgrade for RawRwLock {
    type UpgradableGuard = GuardNoSend;

    #[inline]
    fn lock_upgradable(&self) -> GuardNoSend {
        self.0.upgradable_lock();
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock_upgradable(&self) -> Option<GuardNoSend> {
        held(self.0.try_upgradable_lock())
    }

    #[inline]
    unsafe fn unlock_upgradable(&self, _guard: GuardNoSend) {
        self.0.upgradable_unlock();
    }

    #[inline]
    unsafe fn upgrade(&self, guard: GuardNoSend) -> GuardNoSend {
        let unwinding = LeaveOnUnwind(&self.0);
        self.0.upgrade();
        forget(unwinding);
        guard
    }

    #[inline]
    unsafe fn try_upgrade(&self, _guard: GuardNoSend) -> Result<GuardNoSend, GuardNoSend> {
        exchanged(self.0.try_upgrade())
    }
}

// SAFETY: as above; the lock is held again after a bump, or the process has ended.
unsafe impl RawRwLockUpgradeFair for RawRwLock {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self, _guard: GuardNoSend) {
        self.0.upgradable_unlock_fair();
    }

    #[inline]
    unsafe fn bump_upgradable(&self, _guard: &mut GuardNoSend) {
        self.bump_by(|lock| lock.upgradable_unlock_fair(), |lock| lock.upgradable_lock());
    }
}

// SAFETY: UPRW-9, and UPRW-2: a downgrade releases.
unsafe impl RawRwLockUpgradeDowngrade for RawRwLock {
    #[inline]
    unsafe fn downgrade_upgradable(&self, guard: GuardNoSend) -> GuardNoSend {
        self.0.downgrade_upgradable();
        guard
    }

    #[inline]
    unsafe fn downgrade_to_upgradable(&self, guard: GuardNoSend) -> GuardNoSend {
        self.0.downgrade_to_upgradable();
        guard
    }
}

// SAFETY: UPRW-9: an upgrade that fails leaves the upgradable read.
unsafe impl RawRwLockUpgradeTimed for RawRwLock {
    #[inline]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        acquired(self.0.upgradable_lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_upgradable_until(&self, timeout: Instant) -> Option<GuardNoSend> {
        let now = held(self.0.try_upgradable_lock());
        now.or_else(|| acquired(self.0.upgradable_lock_timed(until(timeout), LockFlags::DETACH)))
    }

    #[inline]
    unsafe fn try_upgrade_for(
        &self,
        _guard: GuardNoSend,
        timeout: Duration,
    ) -> Result<GuardNoSend, GuardNoSend> {
        self.upgrade_within(Some(timeout))
    }

    #[inline]
    unsafe fn try_upgrade_until(
        &self,
        _guard: GuardNoSend,
        timeout: Instant,
    ) -> Result<GuardNoSend, GuardNoSend> {
        self.upgrade_within(until(timeout))
    }
}

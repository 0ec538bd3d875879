//! From the upgradable reader to the writer.

use super::wait::Wish;
use super::{UpgradableRwMutex, is_upgradable};
use crate::bits::UPGRADABLE;
use crate::status::{LockFlags, LockStatus};
use core::time::Duration;

impl UpgradableRwMutex {
    /// Makes the upgradable reader the writer, as soon as the other readers have left. Fatal if there is none.
    ///
    /// Nobody writes in between, and no reader enters any more, but those that read recursively.
    ///
    /// Cost: one RMW while nobody else holds the mutex or waits for it; otherwise two, or some turns, one RMW and a park.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.upgrade();
    /// assert!(mutex.is_write_locked());
    /// mutex.write_unlock();
    /// ```
    #[inline]
    pub fn upgrade(&self) {
        if self.take(Wish::Upgrade, UPGRADABLE).is_err() {
            self.upgrade_contended();
        }
    }

    #[inline(never)]
    fn upgrade_contended(&self) {
        self.check_upgradable();
        if !self.try_take(Wish::Upgrade) {
            self.lock_slow(Wish::Upgrade);
        }
    }

    /// Makes the upgradable reader the writer if it is alone. Never blocks. Fatal if there is none.
    ///
    /// Cost: two relaxed loads, and one RMW if it is alone.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.read_lock();
    /// assert!(!mutex.try_upgrade());
    /// mutex.read_unlock();
    /// assert!(mutex.try_upgrade());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_upgrade(&self) -> bool {
        self.check_upgradable();
        self.try_take(Wish::Upgrade)
    }

    /// Makes the upgradable reader the writer within `timeout` (`None`: for ever; zero: one attempt). Otherwise it is
    /// still the upgradable reader. Fatal if there is none.
    ///
    /// Cost: as [`try_upgrade`](Self::try_upgrade) if it is alone; otherwise a clock read for the deadline, then as
    /// [`upgrade`](Self::upgrade).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, UpgradableRwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.read_lock();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.upgrade_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// assert!(!mutex.try_upgradable_lock(), "there still is one");
    /// ```
    pub fn upgrade_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.check_upgradable();
        self.lock_timed(Wish::Upgrade, timeout, flags)
    }

    #[inline]
    fn check_upgradable(&self) {
        if !is_upgradable(self.bits()) {
            self.misuse(
                "an upgrade, but there is no upgradable reader",
                "an upgradable_lock before it",
            );
        }
    }
}

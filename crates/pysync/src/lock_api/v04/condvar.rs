//! The condition variable for `lock_api` 0.4, which has none of its own: the methods of `parking_lot` 0.12's.

use super::super::raw::{RawCondvar, until};
use super::{MutexGuard, RawMutex};
use core::time::Duration;
use std::time::Instant;

/// Whether a timed wait ended by its time.
///
/// ```
/// use pysync::lock_api::v04::{Condvar, Mutex};
/// use std::time::Duration;
///
/// let mutex = Mutex::new(());
/// let ended = Condvar::new().wait_for(&mut mutex.lock(), Duration::from_millis(1));
/// assert!(ended.timed_out());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over before a notification came.
    ///
    /// Cost: none.
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    /// use std::time::Instant;
    ///
    /// let mutex = Mutex::new(());
    /// assert!(Condvar::new().wait_until(&mut mutex.lock(), Instant::now()).timed_out());
    /// ```
    #[must_use]
    pub fn timed_out(self) -> bool {
        self.0
    }
}

/// A condition variable of one byte for [`Mutex`](super::Mutex).
///
/// No spurious wakes, exact numbers from notifications, usable with several mutexes.
///
/// ```
/// use pysync::lock_api::v04::{Condvar, Mutex};
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
///
/// let waiter = std::thread::spawn(|| CHANGED.wait_while(&mut READY.lock(), |ready| !*ready));
/// *READY.lock() = true;
/// CHANGED.notify_all();
/// waiter.join().unwrap();
/// ```
#[derive(Debug)]
pub struct Condvar {
    raw: RawCondvar,
}

impl Condvar {
    /// A condition variable for which nobody waits.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pysync::lock_api::v04::Condvar;
    ///
    /// static CHANGED: Condvar = Condvar::new();
    /// assert!(!CHANGED.notify_one());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { raw: RawCondvar::fresh() }
    }

    /// The condition variable below.
    ///
    /// Cost: none.
    ///
    /// ```
    /// use pysync::lock_api::v04::Condvar;
    ///
    /// let changed = Condvar::new();
    /// // In the child of a fork:
    /// // SAFETY: no other thread runs.
    /// unsafe { changed.raw().after_fork_child() };
    /// ```
    #[must_use]
    pub fn raw(&self) -> &RawCondvar {
        &self.raw
    }

    /// Wakes the thread that waits longest; whether there was one.
    ///
    /// Cost: as [`pysync::Condvar::notify_one`](crate::Condvar::notify_one).
    ///
    /// ```
    /// use pysync::lock_api::v04::Condvar;
    ///
    /// assert!(!Condvar::new().notify_one());
    /// ```
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.raw.0.notify_one()
    }

    /// Wakes all threads that wait; how many there were.
    ///
    /// Cost: as [`pysync::Condvar::notify_all`](crate::Condvar::notify_all).
    ///
    /// ```
    /// use pysync::lock_api::v04::Condvar;
    ///
    /// assert_eq!(Condvar::new().notify_all(), 0);
    /// ```
    #[inline]
    pub fn notify_all(&self) -> usize {
        self.raw.0.notify_all()
    }

    /// Unlocks the mutex, waits for a notification, and locks it again.
    ///
    /// Cost: as [`pysync::Condvar::wait`](crate::Condvar::wait).
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    ///
    /// static MUTEX: Mutex<u32> = Mutex::new(0);
    /// static CHANGED: Condvar = Condvar::new();
    ///
    /// let mut held = MUTEX.lock();
    /// let notifier = std::thread::spawn(|| {
    ///     *MUTEX.lock() = 7;
    ///     CHANGED.notify_one();
    /// });
    /// CHANGED.wait(&mut held);
    /// assert_eq!(*held, 7);
    /// notifier.join().unwrap();
    /// ```
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        self.raw.0.wait(&raw_of(guard).0);
    }

    /// Waits until `timeout` at the latest.
    ///
    /// Cost: a clock read, then as [`wait_for`](Self::wait_for).
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    /// use std::time::{Duration, Instant};
    ///
    /// let mutex = Mutex::new(());
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert!(Condvar::new().wait_until(&mut mutex.lock(), soon).timed_out());
    /// ```
    pub fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Instant,
    ) -> WaitTimeoutResult {
        WaitTimeoutResult(!self.raw.0.wait_timed(&raw_of(guard).0, until(timeout)))
    }

    /// Waits for `timeout` at most.
    ///
    /// Cost: as [`pysync::Condvar::wait_timed`](crate::Condvar::wait_timed).
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let mutex = Mutex::new(());
    /// let ended = Condvar::new().wait_for(&mut mutex.lock(), Duration::from_millis(1));
    /// assert!(ended.timed_out());
    /// ```
    pub fn wait_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        WaitTimeoutResult(!self.raw.0.wait_timed(&raw_of(guard).0, Some(timeout)))
    }

    /// Waits while `condition` holds, which is asked with the mutex held, first of all and after each notification.
    ///
    /// Cost: as [`wait`](Self::wait) for each notification.
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    ///
    /// let mutex = Mutex::new(7);
    /// Condvar::new().wait_while(&mut mutex.lock(), |number| *number == 0);
    /// ```
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) {
        while condition(&mut *guard) {
            self.wait(guard);
        }
    }

    /// Waits while `condition` holds, until `timeout` at the latest. Timed out means that it holds still.
    ///
    /// Cost: as [`wait_until`](Self::wait_until) for each notification.
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    /// use std::time::{Duration, Instant};
    ///
    /// let mutex = Mutex::new(0);
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// let ended = Condvar::new().wait_while_until(&mut mutex.lock(), |number| *number == 0, soon);
    /// assert!(ended.timed_out());
    /// ```
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        timeout: Instant,
    ) -> WaitTimeoutResult {
        while condition(&mut *guard) {
            if self.wait_until(guard, timeout).timed_out() {
                return WaitTimeoutResult(condition(&mut *guard));
            }
        }
        WaitTimeoutResult(false)
    }

    /// Waits while `condition` holds, for `timeout` at most. Timed out means that it holds still.
    ///
    /// Cost: a clock read, then as [`wait_while_until`](Self::wait_while_until).
    ///
    /// ```
    /// use pysync::lock_api::v04::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let mutex = Mutex::new(0);
    /// let wait = Duration::from_millis(1);
    /// let ended = Condvar::new().wait_while_for(&mut mutex.lock(), |number| *number == 0, wait);
    /// assert!(ended.timed_out());
    /// ```
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        match Instant::now().checked_add(timeout) {
            Some(end) => self.wait_while_until(guard, condition, end),
            None => {
                self.wait_while(guard, condition);
                WaitTimeoutResult(false)
            }
        }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

/// The raw mutex behind a guard, for a wait that unlocks it and locks it again.
fn raw_of<'a, T: ?Sized>(guard: &MutexGuard<'a, T>) -> &'a RawMutex {
    // SAFETY: the guard is borrowed mutably by the wait, so nobody uses the data meanwhile, and the mutex is held again
    // when the wait ends (COND-4).
    unsafe { MutexGuard::mutex(guard).raw() }
}

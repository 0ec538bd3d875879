//! Taking a lock as Python code does: without letting go of the runtime if it is free, interruptibly if it is not.
//!
//! * RETRY-1: the first attempt, and the first after each interrupt, does not detach and does not sleep.
//! * RETRY-2: after an interrupt the pending calls run, attached; if they fail the acquisition ends with that, and the lock
//!   is not taken.
//! * RETRY-3: all attempts together take no longer than the timeout, but for what the pending calls take.
//!
//! Port of: `PyThread_acquire_lock_timed_with_retries` (Python/thread.c)
//! PORT: for several kinds of locks; where the time has run out while calls ran, the lock is still tried once.

use core::time::Duration;
use pyparking::primitive::seeded;
use pyparking::{Deadline, hooks};
use pysync::{LockFlags, LockStatus, Mutex, RecursiveMutex, RwMutex};

/// A lock that can be taken without blocking, and within a time.
///
/// ```
/// use pysync::{LockFlags, LockStatus, Mutex};
/// use pythread::{TimedLock, acquire_timed_with_retries};
/// use std::time::Duration;
///
/// /// `threading.Lock`, which any thread may release.
/// struct Lock(Mutex);
///
/// impl TimedLock for Lock {
///     fn try_acquire(&self) -> bool {
///         self.0.try_lock()
///     }
///     fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
///         self.0.lock_timed(timeout, flags)
///     }
/// }
/// let lock = Lock(Mutex::new());
/// assert_eq!(acquire_timed_with_retries(&lock, None), LockStatus::Acquired);
/// assert_eq!(acquire_timed_with_retries(&lock, Some(Duration::ZERO)), LockStatus::Failure);
/// ```
pub trait TimedLock {
    /// Takes the lock if it is free. Never blocks, never detaches.
    ///
    /// Cost: the implementation's.
    ///
    /// ```
    /// use pysync::Mutex;
    /// use pythread::TimedLock;
    ///
    /// let mutex = Mutex::new();
    /// assert!(mutex.try_acquire() && !mutex.try_acquire());
    /// ```
    fn try_acquire(&self) -> bool;

    /// Takes the lock within `timeout` (`None`: for ever). With `FAIL_IF_INTERRUPTED` in `flags`, which is how it is
    /// called here, any interrupt ends it with `Intr`.
    ///
    /// Cost: the implementation's.
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, Mutex};
    /// use pythread::TimedLock;
    ///
    /// assert_eq!(Mutex::new().acquire_timed(None, LockFlags::DETACH), LockStatus::Acquired);
    /// ```
    fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus;
}

impl TimedLock for Mutex {
    #[inline]
    fn try_acquire(&self) -> bool {
        self.try_lock()
    }

    fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.lock_timed(timeout, flags)
    }
}

impl TimedLock for RecursiveMutex {
    #[inline]
    fn try_acquire(&self) -> bool {
        self.try_lock()
    }

    fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.lock_timed(timeout, flags)
    }
}

/// A read-write mutex, to be taken for reading.
///
/// ```
/// use pysync::{LockStatus, RwMutex};
/// use pythread::{Reading, acquire_timed_with_retries};
///
/// let mutex = RwMutex::new();
/// assert_eq!(acquire_timed_with_retries(&Reading(&mutex), None), LockStatus::Acquired);
/// mutex.read_unlock();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a>(pub &'a RwMutex);

impl TimedLock for Reading<'_> {
    #[inline]
    fn try_acquire(&self) -> bool {
        self.0.try_read_lock()
    }

    fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.0.read_lock_timed(timeout, flags)
    }
}

/// A read-write mutex, to be taken for writing.
///
/// ```
/// use pysync::{LockStatus, RwMutex};
/// use pythread::{Writing, acquire_timed_with_retries};
///
/// let mutex = RwMutex::new();
/// assert_eq!(acquire_timed_with_retries(&Writing(&mutex), None), LockStatus::Acquired);
/// mutex.write_unlock();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a>(pub &'a RwMutex);

impl TimedLock for Writing<'_> {
    #[inline]
    fn try_acquire(&self) -> bool {
        self.0.try_write_lock()
    }

    fn acquire_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.0.write_lock_timed(timeout, flags)
    }
}

/// Takes `lock` within `timeout` (`None`: for ever; zero: one try): first without detaching, then detached and
/// interruptibly. After an interrupt it runs the pending calls through the runtime's hook; `Intr` means that they failed.
///
/// Cost: as the lock's own attempt if it is free. Otherwise a clock read and the lock's wait; per interrupt another
/// attempt, a clock read and the pending calls.
///
/// ```
/// use pysync::{LockStatus, Mutex};
/// use pythread::acquire_timed_with_retries;
/// use std::time::Duration;
///
/// let mutex = Mutex::new();
/// let soon = Some(Duration::from_millis(2));
/// assert_eq!(acquire_timed_with_retries(&mutex, soon), LockStatus::Acquired);
/// assert_eq!(acquire_timed_with_retries(&mutex, soon), LockStatus::Failure);
/// mutex.unlock();
/// ```
///
/// Port of: `PyThread_acquire_lock_timed_with_retries` (Python/thread.c)
#[inline]
pub fn acquire_timed_with_retries(
    lock: &(impl TimedLock + ?Sized),
    timeout: Option<Duration>,
) -> LockStatus {
    if lock.try_acquire() {
        return LockStatus::Acquired;
    }
    acquire_slow(lock, timeout)
}

#[cold]
fn acquire_slow(lock: &(impl TimedLock + ?Sized), timeout: Option<Duration>) -> LockStatus {
    const FLAGS: LockFlags = LockFlags::from_bits_truncate(
        LockFlags::DETACH.bits() | LockFlags::FAIL_IF_INTERRUPTED.bits(),
    );
    let deadline = Deadline::from_timeout(timeout);
    loop {
        let left = if seeded("retries-time-anew") { timeout } else { deadline.remaining() };
        if left == Some(Duration::ZERO) {
            return LockStatus::Failure;
        }
        let status = lock.acquire_timed(left, FLAGS);
        if status != LockStatus::Intr {
            return status;
        }
        if hooks::run_pending().is_err() {
            return LockStatus::Intr;
        }
        if lock.try_acquire() {
            return LockStatus::Acquired;
        }
    }
}

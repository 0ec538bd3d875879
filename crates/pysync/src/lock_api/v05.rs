//! For `lock_api` 0.5: the raw traits, and the types that `parking_lot` 0.13 makes of them.
//!
//! ```
//! use pysync::lock_api::v05::{Condvar, Mutex, ReadRecursive, RwLock};
//!
//! static JOBS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//! static ADDED: Condvar = Condvar::new();
//! static SEEN: RwLock<Vec<u32>> = RwLock::new(Vec::new());
//!
//! let worker = std::thread::spawn(|| {
//!     let mut jobs = JOBS.lock();
//!     ADDED.wait_while(&mut jobs, |jobs| jobs.is_empty());
//!     SEEN.write().append(&mut jobs);
//! });
//! JOBS.lock().push(7);
//! ADDED.notify_one();
//! worker.join().unwrap();
//! let (outer, inner) = (SEEN.read(), SEEN.read_recursive());
//! assert_eq!(*outer, *inner);
//! ```

mod condvar;
mod rw_lock;

use super::raw::until;
use crate::{LockFlags, LockStatus};
use core::num::NonZeroUsize;
use core::time::Duration;
use lock_api_05::{GetThreadId, GuardNoSend, RawMutexFair, RawMutexTimed};
use std::time::Instant;

pub use super::raw::{RawCondvar, RawMutex, RawRwLock, RawThreadId};
pub use lock_api::WaitTimeoutResult;
pub use lock_api_05 as lock_api;
pub use rw_lock::ReadRecursive;

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

/// A condition variable for [`Mutex`]: no spurious wakes, exact numbers from notifications, usable with several mutexes.
pub type Condvar = lock_api::Condvar<RawCondvar>;

/// What each of the locks returns: nothing but that the guard stays with its thread.
fn acquired(status: LockStatus) -> Option<GuardNoSend> {
    held(status == LockStatus::Acquired)
}

#[inline]
fn held(acquired: bool) -> Option<GuardNoSend> {
    acquired.then(GuardNoSend::new)
}

// SAFETY: MUTEX-1 and MUTEX-2 are the exclusion and the order that the trait asks for. `lock` unwinds, if the runtime's
// attach does, without the mutex (MUTEX-4); `unlock` does not unwind.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self::fresh();

    type Guard = GuardNoSend;

    #[inline]
    fn lock(&self) -> GuardNoSend {
        self.0.lock();
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardNoSend> {
        held(self.0.try_lock())
    }

    #[inline]
    unsafe fn unlock(&self, _guard: GuardNoSend) {
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
    unsafe fn unlock_fair(&self, _guard: GuardNoSend) {
        self.0.unlock_fair();
    }

    #[inline]
    unsafe fn bump(&self, _guard: &mut GuardNoSend) {
        self.bump_held();
    }
}

// SAFETY: as above; a `None` leaves nothing locked.
unsafe impl RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> Option<GuardNoSend> {
        acquired(self.0.lock_timed(Some(timeout), LockFlags::DETACH))
    }

    #[inline]
    fn try_lock_until(&self, timeout: Instant) -> Option<GuardNoSend> {
        let now = held(self.0.try_lock());
        now.or_else(|| acquired(self.0.lock_timed(until(timeout), LockFlags::DETACH)))
    }
}

// SAFETY: numbers of threads are never used twice, not zero, and stay the same for a thread's life.
unsafe impl GetThreadId for RawThreadId {
    const INIT: Self = Self;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        Self::current()
    }
}

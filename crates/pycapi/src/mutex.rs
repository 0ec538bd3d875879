//! `PyMutex`: the slow halves of what the header inlines, and what it does not.
//!
//! Port of: `PyMutex` (Include/cpython/lock.h up to 3.14, Include/cpython/pylock.h in 3.15; Python/lock.c)
//! PORT: as [`pysync::Mutex`].

use crate::boundary::{at, edge, fatal, timeout};
use crate::host;
use core::ffi::c_int;
use pysync::{LockFlags, LockStatus, Mutex};

/// `_PY_LOCK_PYTHONLOCK`: whoever unlocks must be attached, so that under finalisation nobody will.
const PYTHONLOCK: c_int = 8;

/// The flags of a lock call, without those that are not the lock's own business.
pub(crate) fn flags(bits: c_int) -> LockFlags {
    LockFlags::from_bits_truncate((bits & 7) as u8)
}

/// Whether a wait with these flags would be one for nothing; an exception is set then.
pub(crate) fn is_hopeless(nanos: i64, bits: c_int) -> bool {
    nanos != 0 && bits & PYTHONLOCK != 0 && host::refuses_to_wait()
}

/// Locks, sleeping if need be.
///
/// Cost: a relaxed load and one RMW if the mutex is free; otherwise as [`Mutex::lock`].
///
/// Port of: `PyMutex_Lock` (Python/lock.c)
///
/// # Safety
///
/// `mutex`, unless null, points to a `PyMutex` that stays until it has been unlocked.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyMutex_Lock(mutex: *const Mutex) {
    edge(c"PyMutex_Lock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"PyMutex_Lock", mutex) };
        // Without a timeout and without flags for interrupts only the lock itself ends the wait.
        let _acquired = mutex.lock_timed(None, LockFlags::DETACH);
    });
}

/// Unlocks; fatal if the mutex is not locked.
///
/// Cost: as [`Mutex::try_unlock`].
///
/// Port of: `PyMutex_Unlock` (Python/lock.c)
///
/// # Safety
///
/// As [`PyMutex_Lock`].
#[unsafe(no_mangle)]
unsafe extern "C" fn PyMutex_Unlock(mutex: *const Mutex) {
    edge(c"PyMutex_Unlock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"PyMutex_Unlock", mutex) };
        if mutex.try_unlock().is_err() {
            fatal(c"PyMutex_Unlock", c"unlocking mutex that is not locked");
        }
    });
}

/// Whether somebody holds the mutex. A function since 3.14; inline in 3.13.
///
/// Cost: one relaxed load.
///
/// Port of: `PyMutex_IsLocked` (Python/lock.c)
///
/// # Safety
///
/// As [`PyMutex_Lock`].
#[cfg(feature = "py314")]
#[unsafe(no_mangle)]
unsafe extern "C" fn PyMutex_IsLocked(mutex: *const Mutex) -> c_int {
    // SAFETY: the caller's word.
    edge(c"PyMutex_IsLocked", || unsafe { at(c"PyMutex_IsLocked", mutex) }.is_locked().into())
}

/// Locks within `nanos`, in the way that `bits` say.
///
/// Cost: as [`Mutex::lock_timed`].
///
/// Port of: `_PyMutex_LockTimed` (Python/lock.c)
/// PORT: of a lock that only attached threads unlock, finalisation is looked for before the first wait, not before
/// each.
///
/// # Safety
///
/// As [`PyMutex_Lock`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyMutex_LockTimed(
    mutex: *const Mutex,
    nanos: i64,
    bits: c_int,
) -> LockStatus {
    edge(c"_PyMutex_LockTimed", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyMutex_LockTimed", mutex) };
        if mutex.try_lock() {
            return LockStatus::Acquired;
        }
        if is_hopeless(nanos, bits) {
            return LockStatus::Failure;
        }
        mutex.lock_timed(timeout(nanos), flags(bits))
    })
}

/// Unlocks: 0, or -1 if the mutex is not locked.
///
/// Cost: as [`Mutex::try_unlock`].
///
/// Port of: `_PyMutex_TryUnlock` (Python/lock.c)
///
/// # Safety
///
/// As [`PyMutex_Lock`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyMutex_TryUnlock(mutex: *const Mutex) -> c_int {
    edge(c"_PyMutex_TryUnlock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyMutex_TryUnlock", mutex) };
        mutex.try_unlock().map_or(-1, |()| 0)
    })
}

/// Gives the processor to another thread that is ready. A function of other files since 3.15.
///
/// Cost: one system call.
///
/// Port of: `_Py_yield` (Python/lock.c)
#[cfg(feature = "py315")]
#[unsafe(no_mangle)]
extern "C" fn _Py_yield() {
    pyparking::spin::yield_now();
}

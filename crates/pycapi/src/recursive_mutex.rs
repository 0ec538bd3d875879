//! `_PyRecursiveMutex`: a mutex that its owner may lock again.
//!
//! The owner's number is the host's, because CPython writes it itself in the child of a fork (`_PyImport_ReInitLock`).
//!
//! Port of: `_PyRecursiveMutex` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: as [`pysync::RecursiveMutex`]; without CPython, numbers that are never used twice.

use crate::boundary::{at, edge, fatal};
use crate::host;
use core::ffi::c_int;
use pysync::RecursiveMutex;

/// Whether the calling thread owns the mutex.
///
/// Cost: the thread's number, and one relaxed load.
///
/// Port of: `_PyRecursiveMutex_IsLockedByCurrentThread` (Python/lock.c)
///
/// # Safety
///
/// `mutex`, unless null, points to a `_PyRecursiveMutex` that stays until it has been unlocked.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRecursiveMutex_IsLockedByCurrentThread(
    mutex: *const RecursiveMutex,
) -> c_int {
    const NAME: &core::ffi::CStr = c"_PyRecursiveMutex_IsLockedByCurrentThread";
    // SAFETY: the caller's word.
    edge(NAME, || unsafe { at(NAME, mutex) }.is_owned_by(host::thread()).into())
}

/// Locks, or locks once more.
///
/// Cost: the thread's number, then as [`RecursiveMutex::lock`].
///
/// Port of: `_PyRecursiveMutex_Lock` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRecursiveMutex_IsLockedByCurrentThread`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRecursiveMutex_Lock(mutex: *const RecursiveMutex) {
    edge(c"_PyRecursiveMutex_Lock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRecursiveMutex_Lock", mutex) };
        mutex.lock_as(host::thread());
    });
}

/// Locks within `nanos`, or locks once more, in the way that `bits` say. Since 3.14.
///
/// Cost: the thread's number, then as [`RecursiveMutex::lock_timed`].
///
/// Port of: `_PyRecursiveMutex_LockTimed` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRecursiveMutex_IsLockedByCurrentThread`].
#[cfg(feature = "py314")]
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRecursiveMutex_LockTimed(
    mutex: *const RecursiveMutex,
    nanos: i64,
    bits: c_int,
) -> pysync::LockStatus {
    use crate::boundary::timeout;
    use crate::mutex::{flags, is_hopeless};
    edge(c"_PyRecursiveMutex_LockTimed", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRecursiveMutex_LockTimed", mutex) };
        let me = host::thread();
        let at_once = mutex.lock_timed_as(me, timeout(0), flags(0));
        if at_once == pysync::LockStatus::Acquired || is_hopeless(nanos, bits) {
            return at_once;
        }
        mutex.lock_timed_as(me, timeout(nanos), flags(bits))
    })
}

/// Unlocks once; fatal if the calling thread is not the owner.
///
/// Cost: the thread's number, then as [`RecursiveMutex::unlock`].
///
/// Port of: `_PyRecursiveMutex_Unlock` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRecursiveMutex_IsLockedByCurrentThread`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRecursiveMutex_Unlock(mutex: *const RecursiveMutex) {
    edge(c"_PyRecursiveMutex_Unlock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRecursiveMutex_Unlock", mutex) };
        if mutex.try_unlock_as(host::thread()).is_err() {
            fatal(
                c"_PyRecursiveMutex_Unlock",
                c"unlocking a recursive mutex that is not owned by the current thread",
            );
        }
    });
}

/// Unlocks once: 0, or -1 if the calling thread is not the owner. Since 3.14.
///
/// Cost: the thread's number, then as [`RecursiveMutex::unlock`].
///
/// Port of: `_PyRecursiveMutex_TryUnlock` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRecursiveMutex_IsLockedByCurrentThread`].
#[cfg(feature = "py314")]
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRecursiveMutex_TryUnlock(mutex: *const RecursiveMutex) -> c_int {
    edge(c"_PyRecursiveMutex_TryUnlock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRecursiveMutex_TryUnlock", mutex) };
        mutex.try_unlock_as(host::thread()).map_or(-1, |()| 0)
    })
}

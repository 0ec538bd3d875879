//! `_PyRawMutex`: the slow halves of what the header inlines.
//!
//! Port of: `_PyRawMutex` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: as [`pyparking::RawMutex`].

use crate::boundary::{at, edge, fatal};
use pyparking::RawMutex;

/// Locks, sleeping if need be.
///
/// Cost: as [`RawMutex::lock`].
///
/// Port of: `_PyRawMutex_LockSlow` (Python/lock.c)
///
/// # Safety
///
/// `mutex`, unless null, points to a `_PyRawMutex` that stays until it has been unlocked.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRawMutex_LockSlow(mutex: *const RawMutex) {
    // SAFETY: the caller's word.
    edge(c"_PyRawMutex_LockSlow", || unsafe { at(c"_PyRawMutex_LockSlow", mutex) }.lock());
}

/// Unlocks; fatal if the mutex is not locked.
///
/// Cost: one relaxed load, then as [`RawMutex::unlock`].
///
/// Port of: `_PyRawMutex_UnlockSlow` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRawMutex_LockSlow`], and nobody else unlocks for the holder at the same time.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRawMutex_UnlockSlow(mutex: *const RawMutex) {
    edge(c"_PyRawMutex_UnlockSlow", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRawMutex_UnlockSlow", mutex) };
        if !mutex.is_locked() {
            fatal(c"_PyRawMutex_UnlockSlow", c"unlocking mutex that is not locked");
        }
        // SAFETY: locked, and by the caller's word the holder's own unlock.
        unsafe { mutex.unlock() };
    });
}

//! `_PyRWMutex`: many readers or one writer, writers first.
//!
//! Port of: `_PyRWMutex` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: as [`pysync::RwMutex`]. An unlock without a lock is fatal; CPython checks it in debug builds only.

use crate::boundary::{at, edge, fatal};
use pysync::RwMutex;

/// Locks for reading.
///
/// Cost: as [`RwMutex::read_lock`].
///
/// Port of: `_PyRWMutex_RLock` (Python/lock.c)
///
/// # Safety
///
/// `mutex`, unless null, points to a `_PyRWMutex` that stays until it has been unlocked.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRWMutex_RLock(mutex: *const RwMutex) {
    // SAFETY: the caller's word.
    edge(c"_PyRWMutex_RLock", || unsafe { at(c"_PyRWMutex_RLock", mutex) }.read_lock());
}

/// Ends a reading; fatal if nobody reads.
///
/// Cost: one relaxed load, then as [`RwMutex::read_unlock`].
///
/// Port of: `_PyRWMutex_RUnlock` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRWMutex_RLock`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRWMutex_RUnlock(mutex: *const RwMutex) {
    edge(c"_PyRWMutex_RUnlock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRWMutex_RUnlock", mutex) };
        if mutex.reader_count() == 0 {
            fatal(c"_PyRWMutex_RUnlock", c"lock was not read-locked");
        }
        mutex.read_unlock();
    });
}

/// Locks for writing.
///
/// Cost: as [`RwMutex::write_lock`].
///
/// Port of: `_PyRWMutex_Lock` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRWMutex_RLock`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRWMutex_Lock(mutex: *const RwMutex) {
    // SAFETY: the caller's word.
    edge(c"_PyRWMutex_Lock", || unsafe { at(c"_PyRWMutex_Lock", mutex) }.write_lock());
}

/// Ends a writing; fatal if nobody writes.
///
/// Cost: one relaxed load, then as [`RwMutex::write_unlock`].
///
/// Port of: `_PyRWMutex_Unlock` (Python/lock.c)
///
/// # Safety
///
/// As [`_PyRWMutex_RLock`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PyRWMutex_Unlock(mutex: *const RwMutex) {
    edge(c"_PyRWMutex_Unlock", || {
        // SAFETY: the caller's word.
        let mutex = unsafe { at(c"_PyRWMutex_Unlock", mutex) };
        if !mutex.is_write_locked() {
            fatal(c"_PyRWMutex_Unlock", c"lock was not write-locked");
        }
        mutex.write_unlock();
    });
}

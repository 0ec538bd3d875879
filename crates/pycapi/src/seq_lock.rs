//! `_PySeqLock`: reads that do not write, of data that seldom changes.
//!
//! Port of: `_PySeqLock` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: as [`pysync::SeqLock`]. Leaving without having entered is fatal; CPython checks it in debug builds only. After a
//! fork the sequence moves on instead of beginning anew.

use crate::boundary::{at, edge, fatal};
use core::ffi::{CStr, c_int};
use pyparking::spin;
use pysync::SeqLock;

/// The lock of a writer who leaves.
///
/// # Safety
///
/// As [`_PySeqLock_LockWrite`].
unsafe fn of_writer<'a>(name: &'static CStr, lock: *const SeqLock) -> &'a SeqLock {
    // SAFETY: the caller's word.
    let lock = unsafe { at(name, lock) };
    if lock.sequence() % 2 == 0 {
        fatal(name, c"lock was not write-locked");
    }
    lock
}

/// Enters as the writer, yielding while another is inside.
///
/// Cost: as [`SeqLock::lock_write`].
///
/// Port of: `_PySeqLock_LockWrite` (Python/lock.c)
///
/// # Safety
///
/// `lock`, unless null, points to a `_PySeqLock` that stays until it has been left.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySeqLock_LockWrite(lock: *const SeqLock) {
    // SAFETY: the caller's word.
    edge(c"_PySeqLock_LockWrite", || unsafe { at(c"_PySeqLock_LockWrite", lock) }.lock_write());
}

/// Leaves; the data has changed. Fatal if no writer is inside.
///
/// Cost: as [`SeqLock::unlock_write`].
///
/// Port of: `_PySeqLock_UnlockWrite` (Python/lock.c)
///
/// # Safety
///
/// As [`_PySeqLock_LockWrite`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySeqLock_UnlockWrite(lock: *const SeqLock) {
    const NAME: &CStr = c"_PySeqLock_UnlockWrite";
    // SAFETY: the caller's word.
    edge(NAME, || unsafe { of_writer(NAME, lock) }.unlock_write());
}

/// Leaves; nothing has changed. Fatal if no writer is inside.
///
/// Cost: as [`SeqLock::abandon_write`].
///
/// Port of: `_PySeqLock_AbandonWrite` (Python/lock.c)
///
/// # Safety
///
/// As [`_PySeqLock_LockWrite`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySeqLock_AbandonWrite(lock: *const SeqLock) {
    const NAME: &CStr = c"_PySeqLock_AbandonWrite";
    // SAFETY: the caller's word.
    edge(NAME, || unsafe { of_writer(NAME, lock) }.abandon_write());
}

/// Begins a read: the sequence to end it with.
///
/// Cost: as [`SeqLock::begin_read`].
///
/// Port of: `_PySeqLock_BeginRead` (Python/lock.c)
///
/// # Safety
///
/// As [`_PySeqLock_LockWrite`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySeqLock_BeginRead(lock: *const SeqLock) -> u32 {
    // SAFETY: the caller's word.
    edge(c"_PySeqLock_BeginRead", || unsafe { at(c"_PySeqLock_BeginRead", lock) }.begin_read())
}

/// Ends a read: 1, or 0 if it is to be repeated.
///
/// Cost: as [`SeqLock::end_read`]; a yield if it is to be repeated.
///
/// Port of: `_PySeqLock_EndRead` (Python/lock.c)
///
/// # Safety
///
/// As [`_PySeqLock_LockWrite`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySeqLock_EndRead(lock: *const SeqLock, begun: u32) -> c_int {
    edge(c"_PySeqLock_EndRead", || {
        // SAFETY: the caller's word.
        let whole = unsafe { at(c"_PySeqLock_EndRead", lock) }.end_read(begun);
        if !whole {
            spin::yield_now();
        }
        whole.into()
    })
}

/// Frees the lock in the child of a fork: 1 if a write was under way, and the data is to be cleared.
///
/// Cost: as [`SeqLock::after_fork_child`].
///
/// Port of: `_PySeqLock_AfterFork` (Python/lock.c)
///
/// # Safety
///
/// As [`_PySeqLock_LockWrite`], and the calling thread is the only one of the process.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySeqLock_AfterFork(lock: *const SeqLock) -> c_int {
    edge(c"_PySeqLock_AfterFork", || {
        // SAFETY: the caller's word.
        unsafe { at(c"_PySeqLock_AfterFork", lock).after_fork_child() }.into()
    })
}

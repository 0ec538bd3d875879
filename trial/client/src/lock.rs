//! The locks of an interpreter's objects.

use core::fmt;
use core::ops::{Deref, DerefMut};
use lock_api::{
    MappedMutexGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard, Mutex, MutexGuard,
    RawMutex as _, RawReentrantMutex, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
    RwLockWriteGuard,
};

pub use crate::raw::{RawMutex, RawRwLock, RawThreadId};

/// A mutex around a value of the interpreter.
pub type PyMutex<T> = Mutex<RawMutex, T>;
/// Its guard.
pub type PyMutexGuard<'a, T> = MutexGuard<'a, RawMutex, T>;
/// The guard of a part.
pub type PyMappedMutexGuard<'a, T> = MappedMutexGuard<'a, RawMutex, T>;
/// A read-write lock around a value of the interpreter.
pub type PyRwLock<T> = RwLock<RawRwLock, T>;
/// The guard of a reader.
pub type PyRwLockReadGuard<'a, T> = RwLockReadGuard<'a, RawRwLock, T>;
/// The guard of the writer.
pub type PyRwLockWriteGuard<'a, T> = RwLockWriteGuard<'a, RawRwLock, T>;
/// The guard of the reader that may write.
pub type PyRwLockUpgradableReadGuard<'a, T> = RwLockUpgradableReadGuard<'a, RawRwLock, T>;
/// The guard of a reader of a part.
pub type PyMappedRwLockReadGuard<'a, T> = MappedRwLockReadGuard<'a, RawRwLock, T>;
/// The guard of the writer of a part.
pub type PyMappedRwLockWriteGuard<'a, T> = MappedRwLockWriteGuard<'a, RawRwLock, T>;
/// A reentrant mutex without data, as `threading.RLock` needs it.
pub type RawRMutex = RawReentrantMutex<RawMutex, RawThreadId>;

/// A mutex that tells its owner that it would wait for itself.
pub struct PyThreadMutex<T: ?Sized> {
    raw: RawRMutex,
    value: PyMutex<T>,
}

/// What an attempt to lock a [`PyThreadMutex`] came to.
#[derive(Debug, PartialEq, Eq)]
pub enum TryLockThreadError {
    /// Another thread has it.
    Other,
    /// The calling thread has it.
    Current,
}

/// The guard of a [`PyThreadMutex`].
pub struct PyThreadMutexGuard<'a, T: ?Sized> {
    value: PyMutexGuard<'a, T>,
}

impl<T> PyThreadMutex<T> {
    /// A free mutex around `value`.
    pub const fn new(value: T) -> Self {
        Self { raw: RawRMutex::INIT, value: Mutex::new(value) }
    }
}

impl<T: ?Sized> PyThreadMutex<T> {
    /// Locks; `None` if the calling thread has it.
    pub fn lock(&self) -> Option<PyThreadMutexGuard<'_, T>> {
        if self.is_mine() {
            return None;
        }
        Some(self.enter(self.value.lock()))
    }

    /// Locks if nobody has it.
    pub fn try_lock(&self) -> Result<PyThreadMutexGuard<'_, T>, TryLockThreadError> {
        if self.is_mine() {
            return Err(TryLockThreadError::Current);
        }
        let value = self.value.try_lock().ok_or(TryLockThreadError::Other)?;
        Ok(self.enter(value))
    }

    fn is_mine(&self) -> bool {
        self.raw.is_owned_by_current_thread()
    }

    fn enter<'a>(&'a self, value: PyMutexGuard<'a, T>) -> PyThreadMutexGuard<'a, T> {
        self.raw.lock();
        PyThreadMutexGuard { value }
    }

    /// Gives the mutex back.
    pub fn leave(&self, guard: PyThreadMutexGuard<'_, T>) {
        // SAFETY: locked by `enter`, which made the guard, on this thread, which the guard does not leave.
        unsafe { self.raw.unlock() };
        drop(guard);
    }
}

impl<T: ?Sized> Deref for PyThreadMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for PyThreadMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized> fmt::Debug for PyThreadMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PyThreadMutexGuard").finish_non_exhaustive()
    }
}

/// Makes a mutex free in the child of a fork, whoever held it.
///
/// # Safety
///
/// No other thread runs, and no guard of the mutex is in use.
pub unsafe fn reinit_mutex_after_fork<T: ?Sized>(mutex: &PyMutex<T>) {
    // SAFETY: all zeroes are an unlocked mutex, and nobody else looks at it.
    unsafe { zero(mutex.raw()) };
}

/// Makes a read-write lock free in the child of a fork, whoever held it.
///
/// # Safety
///
/// No other thread runs, and no guard of the lock is in use.
pub unsafe fn reinit_rwlock_after_fork<T: ?Sized>(lock: &PyRwLock<T>) {
    // SAFETY: all zeroes are an unlocked lock, and nobody else looks at it.
    unsafe { zero(lock.raw()) };
}

/// Makes a reentrant mutex free in the child of a fork, whoever owned it.
///
/// # Safety
///
/// No other thread runs, and nobody goes on using the mutex as its owner.
pub unsafe fn reinit_reentrant_after_fork(mutex: &RawRMutex) {
    // SAFETY: all zeroes are an unlocked mutex without owner, and nobody else looks at it.
    unsafe { zero(mutex) };
}

/// Writes zeroes over a raw lock.
///
/// # Safety
///
/// Zeroes are a value of the type, and nobody looks at the lock meanwhile.
unsafe fn zero<R>(raw: &R) {
    // SAFETY: raw locks consist of atomics and cells, so they may be written behind a shared reference.
    unsafe { core::ptr::from_ref(raw).cast_mut().write_bytes(0, 1) };
}

/// Whether a raw mutex is locked, through the trait: what `threading.Lock.locked` asks.
pub fn is_locked(mutex: &RawMutex) -> bool {
    mutex.is_locked()
}

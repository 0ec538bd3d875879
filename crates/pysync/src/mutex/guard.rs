//! The guard of a mutex.

use super::Mutex;
use core::marker::PhantomData;

/// Unlocks a [`Mutex`] when dropped, also on unwind.
///
/// ```
/// use pysync::Mutex;
/// use std::panic::catch_unwind;
///
/// static MUTEX: Mutex = Mutex::new();
/// let unwound = catch_unwind(|| {
///     let _held = MUTEX.guard();
///     panic!("with the mutex held");
/// });
/// assert!(unwound.is_err() && !MUTEX.is_locked());
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[derive(Debug)]
pub struct MutexGuard<'a> {
    mutex: &'a Mutex,
    _not_send: PhantomData<*const ()>,
}

impl<'a> MutexGuard<'a> {
    /// Of a mutex that the calling thread has locked, and unlocks by this guard alone.
    #[inline]
    pub(super) fn new(mutex: &'a Mutex) -> Self {
        Self { mutex, _not_send: PhantomData }
    }
}

// SAFETY: a shared guard only shows that the mutex is held.
unsafe impl Sync for MutexGuard<'_> {}

impl Drop for MutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}

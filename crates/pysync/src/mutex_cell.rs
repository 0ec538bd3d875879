//! A value behind a one-byte mutex: the data-carrying form of [`Mutex`].

use crate::mutex::Mutex;
use crate::status::{LockFlags, LockStatus};
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use pyparking::primitive::UnsafeCell;

/// A value that one thread at a time can use.
///
/// No poisoning: if a thread panics while it holds the lock, the next one finds the value as it was left.
///
/// Cost and ordering: as [`Mutex`].
///
/// ```
/// use pysync::MutexCell;
///
/// static NAMES: MutexCell<Vec<&str>> = MutexCell::new(Vec::new());
/// NAMES.lock().push("ob_mutex");
/// assert_eq!(NAMES.lock().len(), 1);
/// ```
pub struct MutexCell<T: ?Sized> {
    mutex: Mutex,
    value: UnsafeCell<T>,
}

// SAFETY: the value moves with the cell.
unsafe impl<T: ?Sized + Send> Send for MutexCell<T> {}
// SAFETY: the mutex gives the value to one thread at a time (MUTEX-1), in order (MUTEX-2), so it only moves
// between threads.
unsafe impl<T: ?Sized + Send> Sync for MutexCell<T> {}

impl<T> MutexCell<T> {
    pyparking::const_fn! {
        /// A free cell with `value`.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::MutexCell;
        ///
        /// static TOTAL: MutexCell<u64> = MutexCell::new(0);
        /// assert_eq!(*TOTAL.lock(), 0);
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self { mutex: Mutex::new(), value: UnsafeCell::new(value) }
        }
    }

    /// The value, out of its cell.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pysync::MutexCell;
    ///
    /// let names = MutexCell::new(vec!["a"]);
    /// names.lock().push("b");
    /// assert_eq!(names.into_inner(), ["a", "b"]);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> MutexCell<T> {
    /// Locks, sleeping if need be.
    ///
    /// Cost: as [`Mutex::lock`], and [`Mutex::unlock`] for the guard's end.
    ///
    /// ```
    /// use pysync::MutexCell;
    ///
    /// static TOTAL: MutexCell<u64> = MutexCell::new(0);
    /// let adders = [1, 2, 3].map(|share| std::thread::spawn(move || *TOTAL.lock() += share));
    /// adders.map(|adder| adder.join().unwrap());
    /// assert_eq!(*TOTAL.lock(), 6);
    /// ```
    #[inline]
    pub fn lock(&self) -> MutexCellGuard<'_, T> {
        self.mutex.lock();
        self.held()
    }

    /// Locks if the cell is free. Never blocks.
    ///
    /// Cost: as [`Mutex::try_lock`], and [`Mutex::unlock`] for the guard's end.
    ///
    /// ```
    /// use pysync::MutexCell;
    ///
    /// let total = MutexCell::new(1);
    /// let held = total.lock();
    /// assert!(total.try_lock().is_none());
    /// drop(held);
    /// assert_eq!(total.try_lock().as_deref(), Some(&1));
    /// ```
    #[inline]
    #[must_use]
    pub fn try_lock(&self) -> Option<MutexCellGuard<'_, T>> {
        self.mutex.try_lock().then(|| self.held())
    }

    /// Locks within `timeout`, as [`Mutex::lock_timed`].
    ///
    /// Cost: as [`Mutex::lock_timed`], and [`Mutex::unlock`] for the guard's end.
    ///
    /// # Errors
    ///
    /// The status that ended the wait: [`LockStatus::Failure`] or [`LockStatus::Intr`].
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, MutexCell};
    /// use std::time::Duration;
    ///
    /// let total = MutexCell::new(1);
    /// let _held = total.lock();
    /// let second = total.lock_timed(Some(Duration::from_millis(1)), LockFlags::DETACH);
    /// assert_eq!(second.err(), Some(LockStatus::Failure));
    /// ```
    pub fn lock_timed(
        &self,
        timeout: Option<Duration>,
        flags: LockFlags,
    ) -> Result<MutexCellGuard<'_, T>, LockStatus> {
        match self.mutex.lock_timed(timeout, flags) {
            LockStatus::Acquired => Ok(self.held()),
            status => Err(status),
        }
    }

    /// The value, without locking: the borrow shows that nobody else has it.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pysync::MutexCell;
    ///
    /// let mut total = MutexCell::new(1);
    /// *total.get_mut() += 1;
    /// assert_eq!(total.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether somebody holds the cell, at some moment during the call. For assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::MutexCell;
    ///
    /// let total = MutexCell::new(1);
    /// let held = total.lock();
    /// assert!(total.is_locked());
    /// drop(held);
    /// assert!(!total.is_locked());
    /// ```
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.mutex.is_locked()
    }

    /// The mutex inside.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Safety
    ///
    /// The caller unlocks only what it has locked through this reference: a lock that a guard holds stays
    /// locked, or two threads get the value at once.
    ///
    /// ```
    /// use pysync::MutexCell;
    ///
    /// let total = MutexCell::new(1);
    /// // SAFETY: locked and unlocked here, through the same reference.
    /// let mutex = unsafe { total.raw() };
    /// mutex.lock();
    /// assert!(total.try_lock().is_none());
    /// mutex.unlock();
    /// assert!(total.try_lock().is_some());
    /// ```
    pub unsafe fn raw(&self) -> &Mutex {
        &self.mutex
    }

    #[inline]
    fn held(&self) -> MutexCellGuard<'_, T> {
        MutexCellGuard { cell: self, _not_send: PhantomData }
    }
}

impl<T: Default> Default for MutexCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for MutexCell<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexCell<T> {
    /// Never blocks: a value that is in use is shown as locked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("MutexCell");
        match self.try_lock() {
            Some(value) => out.field("value", &&*value),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.finish()
    }
}

/// The value of a [`MutexCell`], until dropped.
///
/// ```
/// use pysync::{MutexCell, MutexCellGuard};
///
/// fn double(mut total: MutexCellGuard<'_, u64>) {
///     *total *= 2;
/// }
/// let total = MutexCell::new(21);
/// double(total.lock());
/// assert_eq!(*total.lock(), 42);
/// ```
#[must_use = "the cell is unlocked as soon as the guard is dropped"]
pub struct MutexCellGuard<'a, T: ?Sized> {
    cell: &'a MutexCell<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for MutexCellGuard<'_, T> {}

impl<T: ?Sized> Deref for MutexCellGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the mutex (MUTEX-1), and lends the value no longer than itself.
        unsafe { &*self.cell.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexCellGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed exclusively.
        unsafe { &mut *self.cell.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexCellGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.cell.mutex.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexCellGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

//! A value behind a read-write mutex: the data-carrying form of [`RwMutex`].

use crate::rw_mutex::RwMutex;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use pyparking::primitive::UnsafeCell;

/// A value that many threads can read, or one can write.
///
/// No poisoning. Cost and ordering: as [`RwMutex`].
///
/// ```
/// use pysync::RwCell;
///
/// static LIMIT: RwCell<u32> = RwCell::new(1000);
/// assert_eq!(*LIMIT.read(), 1000);
/// *LIMIT.write() = 2000;
/// assert_eq!(*LIMIT.read(), 2000);
/// ```
pub struct RwCell<T: ?Sized> {
    mutex: RwMutex,
    value: UnsafeCell<T>,
}

// SAFETY: the value moves with the cell.
unsafe impl<T: ?Sized + Send> Send for RwCell<T> {}
// SAFETY: the mutex lends the value to one writer or to readers (RW-1), in order (RW-2): it moves between
// writers and is shared between readers.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwCell<T> {}

impl<T> RwCell<T> {
    pyparking::const_fn! {
        /// A free cell with `value`.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::RwCell;
        ///
        /// static NAMES: RwCell<Vec<&str>> = RwCell::new(Vec::new());
        /// assert!(NAMES.read().is_empty());
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self { mutex: RwMutex::new(), value: UnsafeCell::new(value) }
        }
    }

    /// The value, out of its cell.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// let names = RwCell::new(vec!["a"]);
    /// names.write().push("b");
    /// assert_eq!(names.into_inner(), ["a", "b"]);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwCell<T> {
    /// Locks for reading, sleeping if need be.
    ///
    /// Cost: as [`RwMutex::read_lock`], and [`RwMutex::read_unlock`] for the guard's end.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// static LIMIT: RwCell<u32> = RwCell::new(1000);
    /// let here = LIMIT.read();
    /// let there = std::thread::spawn(|| *LIMIT.read()).join().unwrap();
    /// assert_eq!(*here, there);
    /// ```
    #[inline]
    pub fn read(&self) -> RwCellReadGuard<'_, T> {
        self.mutex.read_lock();
        RwCellReadGuard { cell: self, _not_send: PhantomData }
    }

    /// Locks for reading if no writer has the cell or waits for it. Never blocks.
    ///
    /// Cost: as [`RwMutex::try_read_lock`], and [`RwMutex::read_unlock`] for the guard's end.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// let limit = RwCell::new(1000);
    /// assert_eq!(limit.try_read().as_deref(), Some(&1000));
    /// let _writer = limit.write();
    /// assert!(limit.try_read().is_none());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_read(&self) -> Option<RwCellReadGuard<'_, T>> {
        let held = self.mutex.try_read_lock();
        held.then(|| RwCellReadGuard { cell: self, _not_send: PhantomData })
    }

    /// Locks for writing, sleeping if need be.
    ///
    /// Cost: as [`RwMutex::write_lock`], and [`RwMutex::write_unlock`] for the guard's end.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// let limit = RwCell::new(1000);
    /// *limit.write() += 1;
    /// assert_eq!(*limit.read(), 1001);
    /// ```
    #[inline]
    pub fn write(&self) -> RwCellWriteGuard<'_, T> {
        self.mutex.write_lock();
        RwCellWriteGuard { cell: self, _not_send: PhantomData }
    }

    /// Locks for writing if the cell is free. Never blocks.
    ///
    /// Cost: as [`RwMutex::try_write_lock`], and [`RwMutex::write_unlock`] for the guard's end.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// let limit = RwCell::new(1000);
    /// let reader = limit.read();
    /// assert!(limit.try_write().is_none());
    /// drop(reader);
    /// *limit.try_write().expect("nobody has it") = 0;
    /// ```
    #[inline]
    #[must_use]
    pub fn try_write(&self) -> Option<RwCellWriteGuard<'_, T>> {
        let held = self.mutex.try_write_lock();
        held.then(|| RwCellWriteGuard { cell: self, _not_send: PhantomData })
    }

    /// The value, without locking: the borrow shows that nobody else has it.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// let mut limit = RwCell::new(1000);
    /// *limit.get_mut() += 1;
    /// assert_eq!(limit.into_inner(), 1001);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether somebody holds the cell, at some moment during the call. For assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RwCell;
    ///
    /// let limit = RwCell::new(1000);
    /// let reader = limit.read();
    /// assert!(limit.is_locked());
    /// drop(reader);
    /// assert!(!limit.is_locked());
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
    /// use pysync::{LockFlags, LockStatus, RwCell};
    /// use std::time::Duration;
    ///
    /// // The mutex has timed forms, which the cell has not.
    /// let limit = RwCell::new(1000);
    /// let _reader = limit.read();
    /// let wait = Some(Duration::from_millis(1));
    /// // SAFETY: a lock that is refused needs no unlock.
    /// let status = unsafe { limit.raw().write_lock_timed(wait, LockFlags::DETACH) };
    /// assert_eq!(status, LockStatus::Failure);
    /// ```
    pub unsafe fn raw(&self) -> &RwMutex {
        &self.mutex
    }
}

impl<T: Default> Default for RwCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwCell<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwCell<T> {
    /// Never blocks: a value that is being written is shown as locked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwCell");
        match self.try_read() {
            Some(value) => out.field("value", &&*value),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.finish()
    }
}

/// The value of a [`RwCell`] for reading, until dropped.
///
/// ```
/// use pysync::{RwCell, RwCellReadGuard};
///
/// fn longest<'a>(names: &RwCellReadGuard<'_, Vec<&'a str>>) -> Option<&'a str> {
///     names.iter().copied().max_by_key(|name| name.len())
/// }
/// let names = RwCell::new(vec!["a", "abc", "ab"]);
/// assert_eq!(longest(&names.read()), Some("abc"));
/// ```
#[must_use = "the cell is unlocked as soon as the guard is dropped"]
pub struct RwCellReadGuard<'a, T: ?Sized> {
    cell: &'a RwCell<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwCellReadGuard<'_, T> {}

impl<T: ?Sized> Deref for RwCellReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard is a reader of the mutex (RW-1), and lends the value no longer than itself.
        unsafe { &*self.cell.value.get() }
    }
}

impl<T: ?Sized> Drop for RwCellReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.cell.mutex.read_unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwCellReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The value of a [`RwCell`] for writing, until dropped.
///
/// ```
/// use pysync::{RwCell, RwCellWriteGuard};
///
/// fn clear(mut names: RwCellWriteGuard<'_, Vec<&str>>) {
///     names.clear();
/// }
/// let names = RwCell::new(vec!["a", "b"]);
/// clear(names.write());
/// assert!(names.read().is_empty());
/// ```
#[must_use = "the cell is unlocked as soon as the guard is dropped"]
pub struct RwCellWriteGuard<'a, T: ?Sized> {
    cell: &'a RwCell<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwCellWriteGuard<'_, T> {}

impl<T: ?Sized> Deref for RwCellWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard is the writer of the mutex (RW-1), and lends the value no longer than itself.
        unsafe { &*self.cell.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwCellWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed exclusively.
        unsafe { &mut *self.cell.value.get() }
    }
}

impl<T: ?Sized> Drop for RwCellWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.cell.mutex.write_unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwCellWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

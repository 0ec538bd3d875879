//! A mutex that its owner may lock again.
//!
//! | field | meaning | written by |
//! |---|---|---|
//! | `mutex` | the lock | as [`Mutex`] |
//! | `owner` | the owner's [`ident`], 0 for none | the owner, while it holds the mutex |
//! | `level` | how many more times than once the owner holds it | the owner |
//!
//! Invariants:
//!
//! * RECURSIVE-1: `owner` is a thread's ident only while that thread holds `mutex`. A thread that reads its own
//!   ident there wrote it, so relaxed loads suffice: nobody else ever writes that value.
//! * RECURSIVE-2: `level` is used by the owner alone; the mutex passes it on.
//! * RECURSIVE-3: idents are not reused and survive a fork, so a dead owner has no heir and a surviving one
//!   keeps what it owned.
//!
//! Port of: `_PyRecursiveMutex` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: our own idents, not pthread's, which are reused.

use crate::mutex::Mutex;
use crate::status::{LockFlags, LockStatus, NotOwner};
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use pyparking::primitive::{AtomicU64, AtomicUsize, Ordering};
use pyparking::{fatal, ident};

const NOBODY: u64 = 0;

/// A mutex that its owner may lock several times, and unlocks as often.
///
/// All-zero when fresh; the layout is CPython's (a byte, a 64-bit owner, a word).
///
/// Cost: one RMW and one thread-local read to lock, no RMW to lock again.
///
/// ```
/// use pysync::RecursiveMutex;
///
/// let mutex = RecursiveMutex::new();
/// let _once = mutex.guard();
/// let _twice = mutex.guard();
/// assert!(mutex.is_locked_by_current_thread());
/// ```
///
/// Port of: `_PyRecursiveMutex` (Include/internal/pycore_lock.h)
#[repr(C)]
pub struct RecursiveMutex {
    mutex: Mutex,
    owner: AtomicU64,
    level: AtomicUsize,
}

/// The levels that [`RecursiveMutex::release_save`] gave up.
///
/// ```
/// use pysync::{Event, RecursiveMutex, SavedLevels};
///
/// /// Waits for `event` without holding `mutex`, however often the caller has locked it.
/// fn wait_unlocked(mutex: &RecursiveMutex, event: &Event) {
///     let saved: SavedLevels = mutex.release_save();
///     event.wait();
///     mutex.acquire_restore(saved);
/// }
/// static MUTEX: RecursiveMutex = RecursiveMutex::new();
/// static EVENT: Event = Event::new();
/// let _outer = MUTEX.guard();
/// let _inner = MUTEX.guard();
/// let notifier = std::thread::spawn(|| {
///     let _held = MUTEX.guard();
///     EVENT.notify();
/// });
/// wait_unlocked(&MUTEX, &EVENT);
/// assert_eq!(MUTEX.level(), 1);
/// notifier.join().unwrap();
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "give it to acquire_restore"]
pub struct SavedLevels(usize);

impl RecursiveMutex {
    pyparking::const_fn! {
        /// A mutex without owner.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::RecursiveMutex;
        ///
        /// static IMPORTS: RecursiveMutex = RecursiveMutex::new();
        /// assert!(!IMPORTS.is_locked());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { mutex: Mutex::new(), owner: AtomicU64::new(NOBODY), level: AtomicUsize::new(0) }
        }
    }

    /// Locks, or locks once more.
    ///
    /// Cost: a thread-local read, a relaxed load and store, and one RMW if the mutex is free; no RMW if it is the
    /// caller's own; otherwise as [`Mutex::lock`].
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// static IMPORTS: RecursiveMutex = RecursiveMutex::new();
    ///
    /// fn import(depth: u32) {
    ///     IMPORTS.lock();
    ///     if depth > 0 {
    ///         import(depth - 1);
    ///     }
    ///     IMPORTS.unlock();
    /// }
    /// import(3);
    /// assert!(!IMPORTS.is_locked());
    /// ```
    ///
    /// Port of: `_PyRecursiveMutex_Lock` (Python/lock.c)
    #[inline]
    pub fn lock(&self) {
        self.lock_as(ident::current().get());
    }

    /// [`lock`](Self::lock) for a runtime that has thread numbers of its own; not zero, and not mixed with ours.
    #[doc(hidden)]
    #[inline]
    pub fn lock_as(&self, me: u64) {
        if self.is_owned_by(me) {
            self.deepen(1);
        } else {
            self.mutex.lock();
            self.take_over(me);
        }
    }

    /// Locks if the mutex is free or the caller's own. Never blocks.
    ///
    /// Cost: a thread-local read and two relaxed loads, and one RMW if the mutex is free.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// static MUTEX: RecursiveMutex = RecursiveMutex::new();
    /// let _held = MUTEX.guard();
    /// assert!(MUTEX.try_lock(), "our own");
    /// MUTEX.unlock();
    /// assert!(!std::thread::spawn(|| MUTEX.try_lock()).join().unwrap());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_lock(&self) -> bool {
        let me = ident::current().get();
        if self.is_owned_by(me) {
            self.deepen(1);
            return true;
        }
        let taken = self.mutex.try_lock();
        if taken {
            self.take_over(me);
        }
        taken
    }

    /// Locks within `timeout`, as [`Mutex::lock_timed`]; at once if the caller is the owner.
    ///
    /// Cost: a thread-local read and a relaxed load, then as [`Mutex::lock_timed`]; no RMW if it is the caller's
    /// own.
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, RecursiveMutex};
    /// use std::time::Duration;
    ///
    /// static MUTEX: RecursiveMutex = RecursiveMutex::new();
    /// let wait = || MUTEX.lock_timed(Some(Duration::from_millis(1)), LockFlags::DETACH);
    /// assert_eq!(wait(), LockStatus::Acquired);
    /// assert_eq!(wait(), LockStatus::Acquired);
    /// assert_eq!(std::thread::spawn(wait).join().unwrap(), LockStatus::Failure);
    /// ```
    ///
    /// Port of: `_PyRecursiveMutex_LockTimed` (Python/lock.c)
    pub fn lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.lock_timed_as(ident::current().get(), timeout, flags)
    }

    /// [`lock_timed`](Self::lock_timed), as [`lock_as`](Self::lock_as).
    #[doc(hidden)]
    pub fn lock_timed_as(
        &self,
        me: u64,
        timeout: Option<Duration>,
        flags: LockFlags,
    ) -> LockStatus {
        if self.is_owned_by(me) {
            self.deepen(1);
            return LockStatus::Acquired;
        }
        let status = self.mutex.lock_timed(timeout, flags);
        if status == LockStatus::Acquired {
            self.take_over(me);
        }
        status
    }

    /// Unlocks once. Fatal if the caller is not the owner.
    ///
    /// Cost: a thread-local read and two relaxed loads; then a store, or for the last level what [`Mutex::unlock`]
    /// costs.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// let mutex = RecursiveMutex::new();
    /// mutex.lock();
    /// mutex.lock();
    /// mutex.unlock();
    /// assert!(mutex.is_locked());
    /// mutex.unlock();
    /// assert!(!mutex.is_locked());
    /// ```
    ///
    /// Port of: `_PyRecursiveMutex_Unlock` (Python/lock.c)
    #[inline]
    pub fn unlock(&self) {
        if self.try_unlock().is_err() {
            self.not_owner();
        }
    }

    /// Unlocks once, or says that the caller is not the owner.
    ///
    /// Cost: as [`unlock`](Self::unlock).
    ///
    /// # Errors
    ///
    /// [`NotOwner`]; nothing has changed.
    ///
    /// ```
    /// use pysync::{NotOwner, RecursiveMutex};
    ///
    /// static MUTEX: RecursiveMutex = RecursiveMutex::new();
    /// MUTEX.lock();
    /// assert_eq!(std::thread::spawn(|| MUTEX.try_unlock()).join().unwrap(), Err(NotOwner));
    /// assert_eq!(MUTEX.try_unlock(), Ok(()));
    /// ```
    ///
    /// Port of: `_PyRecursiveMutex_TryUnlock` (Python/lock.c)
    #[inline]
    pub fn try_unlock(&self) -> Result<(), NotOwner> {
        self.try_unlock_as(ident::current().get())
    }

    /// [`try_unlock`](Self::try_unlock), as [`lock_as`](Self::lock_as).
    #[doc(hidden)]
    #[inline]
    pub fn try_unlock_as(&self, me: u64) -> Result<(), NotOwner> {
        if !self.is_owned_by(me) {
            return Err(NotOwner);
        }
        match self.level() {
            0 => self.give_up(),
            more => self.set_level(more - 1),
        }
        Ok(())
    }

    /// Whether the caller owns the mutex. Exact.
    ///
    /// Cost: a thread-local read and a relaxed load.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// static MUTEX: RecursiveMutex = RecursiveMutex::new();
    /// let _held = MUTEX.guard();
    /// let other = std::thread::spawn(|| MUTEX.is_locked_by_current_thread());
    /// assert!(MUTEX.is_locked_by_current_thread() && !other.join().unwrap());
    /// ```
    ///
    /// Port of: `_PyRecursiveMutex_IsLockedByCurrentThread` (Python/lock.c)
    #[inline]
    #[must_use]
    pub fn is_locked_by_current_thread(&self) -> bool {
        self.is_owned_by(ident::current().get())
    }

    /// Whether somebody holds the mutex, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// static MUTEX: RecursiveMutex = RecursiveMutex::new();
    /// let _held = MUTEX.guard();
    /// assert!(std::thread::spawn(|| MUTEX.is_locked()).join().unwrap());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.mutex.is_locked()
    }

    /// How many more times than once the owner holds it: exact for the owner, a guess for others.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// let mutex = RecursiveMutex::new();
    /// let _outer = mutex.guard();
    /// assert_eq!(mutex.level(), 0);
    /// let _inner = mutex.guard();
    /// assert_eq!(mutex.level(), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn level(&self) -> usize {
        // ORD: Relaxed, the owner's own number (RECURSIVE-2).
        self.level.load(Ordering::Relaxed)
    }

    /// Gives up every level, for a wait on a condition. Fatal if the caller is not the owner.
    ///
    /// Cost: as [`unlock`](Self::unlock) of the last level, however many there are.
    ///
    /// ```
    /// let mutex = pysync::RecursiveMutex::new();
    /// mutex.lock();
    /// mutex.lock();
    /// let saved = mutex.release_save();
    /// assert!(!mutex.is_locked());
    /// mutex.acquire_restore(saved);
    /// assert_eq!(mutex.level(), 1);
    /// ```
    pub fn release_save(&self) -> SavedLevels {
        if !self.is_locked_by_current_thread() {
            self.not_owner();
        }
        let saved = SavedLevels(self.level());
        self.set_level(0);
        self.give_up();
        saved
    }

    /// Locks, and takes back what [`release_save`](Self::release_save) gave up, on top of levels that the caller
    /// has taken since.
    ///
    /// Cost: as [`lock`](Self::lock), and a relaxed load and store.
    ///
    /// ```
    /// let mutex = pysync::RecursiveMutex::new();
    /// mutex.lock();
    /// mutex.lock();
    /// let saved = mutex.release_save();
    /// // Locked anew meanwhile: the levels add up.
    /// mutex.lock();
    /// mutex.acquire_restore(saved);
    /// assert_eq!(mutex.level(), 2);
    /// ```
    pub fn acquire_restore(&self, saved: SavedLevels) {
        self.lock();
        self.deepen(saved.0);
    }

    /// Locks, and unlocks once when the guard is dropped.
    ///
    /// Cost: as [`lock`](Self::lock), and [`unlock`](Self::unlock) for the guard's end.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// let mutex = RecursiveMutex::new();
    /// {
    ///     let _outer = mutex.guard();
    ///     let _inner = mutex.guard();
    ///     assert_eq!(mutex.level(), 1);
    /// }
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    pub fn guard(&self) -> RecursiveMutexGuard<'_> {
        self.lock();
        RecursiveMutexGuard { mutex: self, _not_send: PhantomData }
    }

    /// The bits of the mutex inside, for tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// let mutex = RecursiveMutex::new();
    /// let _held = mutex.guard();
    /// assert_eq!(mutex.bits(), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.mutex.bits()
    }

    /// In the child of a fork: keeps the mutex if the calling thread owns it, else makes it free.
    ///
    /// Cost: a thread-local read and some relaxed loads and stores; one RMW if the mutex is the caller's own.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    ///
    /// ```
    /// use pysync::RecursiveMutex;
    ///
    /// static MINE: RecursiveMutex = RecursiveMutex::new();
    /// static THEIRS: RecursiveMutex = RecursiveMutex::new();
    /// MINE.lock();
    /// std::thread::spawn(|| THEIRS.lock()).join().unwrap();
    /// // In the child, where that thread is not:
    /// // SAFETY: no other thread runs.
    /// unsafe {
    ///     MINE.after_fork_child();
    ///     THEIRS.after_fork_child();
    /// }
    /// assert!(MINE.is_locked_by_current_thread());
    /// assert!(!THEIRS.is_locked());
    /// ```
    pub unsafe fn after_fork_child(&self) {
        let mine = self.is_locked_by_current_thread();
        // SAFETY: handed on to the caller; where the thread is the owner the lock is taken again at once.
        unsafe { self.mutex.after_fork_child() };
        if mine {
            self.mutex.lock();
        } else {
            // ORD: Relaxed, there is no other thread.
            self.owner.store(NOBODY, Ordering::Relaxed);
            self.set_level(0);
        }
    }

    /// Whether the thread with this number owns the mutex, as [`lock_as`](Self::lock_as). Exact for the caller's own.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn is_owned_by(&self, thread: u64) -> bool {
        // ORD: Relaxed, only the thread itself writes this value (RECURSIVE-1).
        self.owner.load(Ordering::Relaxed) == thread
    }

    #[inline]
    fn take_over(&self, me: u64) {
        // ORD: Relaxed, the mutex orders owners; only this thread compares equal (RECURSIVE-1).
        self.owner.store(me, Ordering::Relaxed);
        debug_assert_eq!(self.level(), 0, "the last owner left its levels behind");
    }

    #[inline]
    fn give_up(&self) {
        // ORD: Relaxed, the mutex's Release publishes it (RECURSIVE-1).
        self.owner.store(NOBODY, Ordering::Relaxed);
        self.mutex.unlock();
    }

    #[inline]
    fn deepen(&self, levels: usize) {
        let Some(next) = self.level().checked_add(levels) else {
            fatal("RecursiveMutex", self, "too many levels", "fewer levels than a word can count");
        };
        self.set_level(next);
    }

    #[inline]
    fn set_level(&self, level: usize) {
        // ORD: Relaxed, the owner's own number; the mutex passes it on (RECURSIVE-2).
        self.level.store(level, Ordering::Relaxed);
    }

    #[cold]
    fn not_owner(&self) -> ! {
        fatal(
            "RecursiveMutex",
            self,
            "unlock by a thread that does not own it",
            "the owner's own unlock",
        )
    }
}

impl Default for RecursiveMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RecursiveMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORD: Relaxed, a guess for a reader.
        let owner = self.owner.load(Ordering::Relaxed);
        f.debug_struct("RecursiveMutex")
            .field("locked", &self.is_locked())
            .field("owner", &owner)
            .field("level", &self.level())
            .finish()
    }
}

/// Unlocks a [`RecursiveMutex`] once when dropped, also on unwind.
///
/// ```
/// use pysync::RecursiveMutex;
/// use std::panic::catch_unwind;
///
/// static MUTEX: RecursiveMutex = RecursiveMutex::new();
/// let _outer = MUTEX.guard();
/// let unwound = catch_unwind(|| {
///     let _inner = MUTEX.guard();
///     panic!("one level deeper");
/// });
/// assert!(unwound.is_err());
/// assert!(MUTEX.is_locked() && MUTEX.level() == 0);
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[derive(Debug)]
pub struct RecursiveMutexGuard<'a> {
    mutex: &'a RecursiveMutex,
    _not_send: PhantomData<*const ()>,
}

impl Drop for RecursiveMutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}

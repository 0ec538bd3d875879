//! A read-write mutex of one word that prefers writers.
//!
//! | bits | meaning |
//! |---|---|
//! | bit 0 `WRITE_LOCKED` | a writer holds it; the reader count is 0 |
//! | bit 1 `HAS_PARKED` | threads are queued, or about to be |
//! | from bit 2 | how many readers hold it |
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free |
//! | 4·n | n readers |
//! | 4·n + 2 | n readers, and a writer waits: new readers queue |
//! | 1 | a writer, nobody queued |
//! | 3 | a writer, and others are queued |
//! | 2 | free; a woken writer is on its way, others are queued: new readers queue too |
//!
//! | release by | the first in the queue has waited a millisecond | otherwise |
//! |---|---|---|
//! | the last reader | hand over to it: one writer, or the readers in front of the first writer | hand over to the first writer; without one wake the readers |
//! | a writer | as above | wake the first writer, who competes; without one wake the readers |
//!
//! Invariants:
//!
//! * RW-1: a writer excludes everybody; readers exclude writers.
//! * RW-2: what a holder did is seen by later holders that it excluded.
//! * RW-3: a thread is queued only while `HAS_PARKED` is set: it validates that under the bucket lock, and the
//!   bit is cleared only under that lock, when nobody is left or everybody has just been dequeued.
//! * RW-4: word 2 always has an agent: the writer that was woken for it. It takes the lock, or finds it taken
//!   by a writer, whose release comes here again; if it unwinds it passes the wake on. So nobody is
//!   stranded.
//! * RW-5: readers queue behind a writer only: when the last waiting writer gives up while readers hold the
//!   lock, the readers behind it are woken in the same step.
//! * RW-6: the word is not touched after the releasing store. The last reader with others queued therefore
//!   releases under the bucket lock, not before it.
//! * RW-7: whoever has waited a millisecond and stands first gets the lock at the next release: neither
//!   readers nor writers starve.
//!
//! Port of: `_PyRWMutex` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: wakes only those who can make progress, where CPython wakes everybody; has timed and try forms; hands
//! over after a millisecond, as the mutex does; the last reader releases by compare-exchange, not by a
//! subtraction, for RW-6.

mod release;
mod wait;

use crate::bits::{READER, READER_SHIFT, RW_HAS_PARKED, WRITE_LOCKED};
use crate::status::{LockFlags, LockStatus};
use core::fmt;
use core::marker::PhantomData;
use core::ptr;
use core::time::Duration;
use pyparking::primitive::{AtomicUsize, Ordering};
use pyparking::{Deadline, fatal};

fn is_write_locked(seen: usize) -> bool {
    seen & WRITE_LOCKED != 0
}

fn has_parked(seen: usize) -> bool {
    seen & RW_HAS_PARKED != 0
}

fn readers(seen: usize) -> usize {
    seen >> READER_SHIFT
}

/// Whether a reader has to wait: for a writer, or behind one.
fn blocks_readers(seen: usize) -> bool {
    seen & (WRITE_LOCKED | RW_HAS_PARKED) != 0
}

/// Whether a writer has to wait.
fn blocks_writers(seen: usize) -> bool {
    seen & !RW_HAS_PARKED != 0
}

/// A read-write mutex of one word.
///
/// All-zero when fresh. It protects no data by itself; see [`RwCell`](crate::RwCell). Not re-entrant: a
/// reader that reads again waits for ever if a writer came between. No poisoning.
///
/// Cost: one RMW to lock and one to unlock, for readers and writers, while nobody waits.
///
/// Ordering: a write unlock happens before every later lock, a read unlock before every later write lock.
///
/// ```
/// use pysync::RwMutex;
///
/// let mutex = RwMutex::new();
/// {
///     let _one = mutex.read_guard();
///     assert!(mutex.try_read_lock() && !mutex.try_write_lock());
///     mutex.read_unlock();
/// }
/// let _alone = mutex.write_guard();
/// assert!(!mutex.try_read_lock());
/// ```
///
/// Port of: `_PyRWMutex` (Include/internal/pycore_lock.h)
#[repr(transparent)]
pub struct RwMutex {
    word: AtomicUsize,
}

impl RwMutex {
    pyparking::const_fn! {
        /// A free mutex.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::RwMutex;
        ///
        /// static TABLE: RwMutex = RwMutex::new();
        /// assert_eq!(TABLE.bits(), 0);
        /// assert_eq!(size_of::<RwMutex>(), size_of::<usize>());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicUsize::new(0) }
        }
    }

    /// Locks for reading, sleeping if need be; a thread of a runtime detaches while it sleeps.
    ///
    /// Cost: one RMW if the mutex is free; among other readers two and a load; otherwise some turns, one RMW by the
    /// first who waits, and a park.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// mutex.read_lock();
    /// mutex.read_lock();
    /// assert_eq!(mutex.reader_count(), 2);
    /// mutex.read_unlock();
    /// mutex.read_unlock();
    /// ```
    ///
    /// Port of: `_PyRWMutex_RLock` (Python/lock.c)
    #[inline]
    pub fn read_lock(&self) {
        // The word is guessed, not loaded first: a load that the compare-exchange has to wait for makes the pair dearer.
        if self.take_read(0).is_err() {
            self.read_lock_contended();
        }
    }

    /// Joins other readers, or waits.
    #[inline(never)]
    fn read_lock_contended(&self) {
        if !self.try_read_lock() {
            self.read_lock_slow();
        }
    }

    /// Locks for reading if no writer holds the mutex or waits for it. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if readers may enter.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// assert!(mutex.try_read_lock());
    /// mutex.read_unlock();
    /// mutex.write_lock();
    /// assert!(!mutex.try_read_lock());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_read_lock(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        while !blocks_readers(seen) {
            match self.take_read(seen) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Locks for reading within `timeout` (`None`: for ever; zero: one attempt).
    ///
    /// Cost: as [`try_read_lock`](Self::try_read_lock) if readers may enter; otherwise a clock read for the
    /// deadline, then as [`read_lock`](Self::read_lock).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, RwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = RwMutex::new();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.read_lock_timed(wait, LockFlags::DETACH), LockStatus::Acquired);
    /// mutex.read_unlock();
    /// mutex.write_lock();
    /// assert_eq!(mutex.read_lock_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// ```
    pub fn read_lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        if self.try_read_lock() {
            return LockStatus::Acquired;
        }
        self.read_lock_until(Deadline::from_timeout(timeout), flags)
    }

    /// Unlocks one reader. Fatal if there is none.
    ///
    /// Cost: one RMW for the only reader, two among others; for the last one that others wait for a clock read, the
    /// bucket lock and the wakes.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// mutex.read_lock();
    /// assert!(!mutex.try_write_lock());
    /// mutex.read_unlock();
    /// assert!(mutex.try_write_lock());
    /// ```
    ///
    /// Port of: `_PyRWMutex_RUnlock` (Python/lock.c)
    #[inline]
    pub fn read_unlock(&self) {
        if let Err(seen) = self.drop_reader(READER) {
            self.read_unlock_contended(seen);
        }
    }

    /// Leaves among other readers, or hands the mutex on.
    #[inline(never)]
    fn read_unlock_contended(&self, mut seen: usize) {
        while readers(seen) > 1 || seen == READER {
            match self.drop_reader(seen) {
                Ok(()) => return,
                Err(now) => seen = now,
            }
        }
        self.read_unlock_slow(seen);
    }

    /// Locks for writing, sleeping if need be; a thread of a runtime detaches while it sleeps.
    ///
    /// Cost: one RMW if the mutex is free; otherwise some turns, one RMW by the first who waits, and a park.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// static MUTEX: RwMutex = RwMutex::new();
    /// MUTEX.read_lock();
    /// let writer = std::thread::spawn(|| {
    ///     MUTEX.write_lock();
    ///     let alone = MUTEX.reader_count() == 0;
    ///     MUTEX.write_unlock();
    ///     alone
    /// });
    /// MUTEX.read_unlock();
    /// assert!(writer.join().unwrap());
    /// ```
    ///
    /// Port of: `_PyRWMutex_Lock` (Python/lock.c)
    #[inline]
    pub fn write_lock(&self) {
        if self.take_write(0).is_err() {
            self.write_lock_slow();
        }
    }

    /// Locks for writing if nobody holds the mutex. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if nobody holds the mutex.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// assert!(mutex.try_write_lock());
    /// assert!(!mutex.try_write_lock());
    /// mutex.write_unlock();
    /// ```
    #[inline]
    #[must_use]
    pub fn try_write_lock(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        while !blocks_writers(seen) {
            match self.take_write(seen) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Locks for writing within `timeout` (`None`: for ever; zero: one attempt).
    ///
    /// A writer that gives up leaves no trace: readers that waited behind it go on.
    ///
    /// Cost: as [`try_write_lock`](Self::try_write_lock) if nobody holds the mutex; otherwise a clock read for the
    /// deadline, then as [`write_lock`](Self::write_lock).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, RwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = RwMutex::new();
    /// mutex.read_lock();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.write_lock_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// assert_eq!(mutex.bits(), 4);
    /// mutex.read_unlock();
    /// ```
    pub fn write_lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        if self.try_write_lock() {
            return LockStatus::Acquired;
        }
        self.write_lock_until(Deadline::from_timeout(timeout), flags)
    }

    /// Unlocks the writer. Fatal if there is none.
    ///
    /// Cost: one RMW when nobody waits; otherwise a clock read, four RMW (two for the bucket lock), and the
    /// wakes.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// mutex.write_lock();
    /// mutex.write_unlock();
    /// assert!(mutex.try_read_lock());
    /// ```
    ///
    /// Port of: `_PyRWMutex_Unlock` (Python/lock.c)
    #[inline]
    pub fn write_unlock(&self) {
        // ORD: Release, pairs with the Acquire of every later lock (RW-2). Relaxed on failure: the slow path
        // looks again.
        let freed =
            self.word.compare_exchange(WRITE_LOCKED, 0, Ordering::Release, Ordering::Relaxed);
        if let Err(seen) = freed {
            self.write_unlock_slow(seen);
        }
    }

    /// Whether anybody holds the mutex, at some moment during the call. For assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// let reader = mutex.read_guard();
    /// assert!(mutex.is_locked());
    /// drop(reader);
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        blocks_writers(self.bits())
    }

    /// Whether a writer holds the mutex, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// static TABLE: RwMutex = RwMutex::new();
    ///
    /// fn resize() {
    ///     debug_assert!(TABLE.is_write_locked(), "the caller is the writer");
    /// }
    /// let _writer = TABLE.write_guard();
    /// resize();
    /// ```
    #[inline]
    #[must_use]
    pub fn is_write_locked(&self) -> bool {
        is_write_locked(self.bits())
    }

    /// How many readers hold the mutex, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// let _one = mutex.read_guard();
    /// let _two = mutex.read_guard();
    /// assert_eq!(mutex.reader_count(), 2);
    /// ```
    #[inline]
    #[must_use]
    pub fn reader_count(&self) -> usize {
        readers(self.bits())
    }

    /// The bits, at some moment during the call. For tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// mutex.read_lock();
    /// mutex.read_lock();
    /// assert_eq!(mutex.bits(), 8);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> usize {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        self.word.load(Ordering::Relaxed)
    }

    /// Locks for reading, and unlocks when the guard is dropped.
    ///
    /// Cost: as [`read_lock`](Self::read_lock), and [`read_unlock`](Self::read_unlock) for the guard's end.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// let reader = mutex.read_guard();
    /// assert!(mutex.try_read_lock() && !mutex.try_write_lock());
    /// mutex.read_unlock();
    /// drop(reader);
    /// assert!(mutex.try_write_lock());
    /// ```
    #[inline]
    pub fn read_guard(&self) -> RwReadGuard<'_> {
        self.read_lock();
        RwReadGuard { mutex: self, _not_send: PhantomData }
    }

    /// Locks for writing, and unlocks when the guard is dropped.
    ///
    /// Cost: as [`write_lock`](Self::write_lock), and [`write_unlock`](Self::write_unlock) for the guard's end.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// let writer = mutex.write_guard();
    /// assert!(!mutex.try_read_lock());
    /// drop(writer);
    /// assert!(mutex.try_read_lock());
    /// ```
    #[inline]
    pub fn write_guard(&self) -> RwWriteGuard<'_> {
        self.write_lock();
        RwWriteGuard { mutex: self, _not_send: PhantomData }
    }

    /// Makes the mutex free in the child of a fork, whoever held it. The same as zeroing it.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and does not hold the mutex through a guard.
    ///
    /// ```
    /// use pysync::RwMutex;
    ///
    /// let mutex = RwMutex::new();
    /// // In the parent, some thread was writing at the moment of the fork.
    /// mutex.write_lock();
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { mutex.after_fork_child() };
    /// assert!(mutex.try_read_lock());
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // ORD: Relaxed, there is no other thread.
        self.word.store(0, Ordering::Relaxed);
    }

    /// One attempt to add a reader to `seen`, which does not block readers.
    #[inline]
    fn take_read(&self, seen: usize) -> Result<(), usize> {
        let Some(next) = seen.checked_add(READER) else {
            self.misuse("too many readers", "fewer readers than the word can count");
        };
        // ORD: Acquire, pairs with the Release of the last writer (RW-2). Relaxed on failure: the caller
        // looks again.
        let taken = self.word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed);
        taken.map(|_| ())
    }

    /// One attempt to take a reader off `seen`, which has one.
    #[inline]
    fn drop_reader(&self, seen: usize) -> Result<(), usize> {
        // ORD: Release, pairs with the Acquire of the next writer (RW-2). Relaxed on failure: the caller looks
        // at what was found.
        let dropped =
            self.word.compare_exchange(seen, seen - READER, Ordering::Release, Ordering::Relaxed);
        dropped.map(|_| ())
    }

    /// One attempt to write-lock `seen`, which does not block writers.
    #[inline]
    fn take_write(&self, seen: usize) -> Result<(), usize> {
        // ORD: Acquire, pairs with the Release of every holder before (RW-2). Relaxed on failure: the caller
        // looks again.
        let taken = self.word.compare_exchange(
            seen,
            seen | WRITE_LOCKED,
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        taken.map(|_| ())
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    #[cold]
    fn misuse(&self, found: &str, expected: &str) -> ! {
        fatal("RwMutex", self, found, expected)
    }
}

impl Default for RwMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RwMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.bits();
        f.debug_struct("RwMutex")
            .field("write_locked", &is_write_locked(seen))
            .field("readers", &readers(seen))
            .field("has_parked", &has_parked(seen))
            .finish()
    }
}

/// Unlocks one reader of a [`RwMutex`] when dropped, also on unwind.
///
/// ```
/// use pysync::{RwMutex, RwReadGuard};
///
/// /// Readers of two tables at once; both are given back when the pair goes.
/// fn both<'a>(left: &'a RwMutex, right: &'a RwMutex) -> (RwReadGuard<'a>, RwReadGuard<'a>) {
///     (left.read_guard(), right.read_guard())
/// }
/// let (left, right) = (RwMutex::new(), RwMutex::new());
/// drop(both(&left, &right));
/// assert!(!left.is_locked() && !right.is_locked());
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[derive(Debug)]
pub struct RwReadGuard<'a> {
    mutex: &'a RwMutex,
    _not_send: PhantomData<*const ()>,
}

impl Drop for RwReadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.read_unlock();
    }
}

/// Unlocks the writer of a [`RwMutex`] when dropped, also on unwind.
///
/// ```
/// use pysync::RwMutex;
/// use std::panic::catch_unwind;
///
/// static MUTEX: RwMutex = RwMutex::new();
/// let unwound = catch_unwind(|| {
///     let _writer = MUTEX.write_guard();
///     panic!("in the middle of a write");
/// });
/// assert!(unwound.is_err() && !MUTEX.is_locked());
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[derive(Debug)]
pub struct RwWriteGuard<'a> {
    mutex: &'a RwMutex,
    _not_send: PhantomData<*const ()>,
}

impl Drop for RwWriteGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.write_unlock();
    }
}

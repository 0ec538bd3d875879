//! A read-write mutex with a reader that may become the writer, reads that may be repeated, and ways down again.
//!
//! | bits | meaning | set by | cleared by | illegal |
//! |---|---|---|---|---|
//! | 0 `WRITE_LOCKED` | a writer holds it | a thread that finds nobody inside; the upgradable reader that finds itself alone; a grant | the writer | beside readers or `UPGRADABLE` |
//! | 1 `HAS_PARKED` | threads are queued, or about to be | a waiter | under the bucket lock, when nobody is left | clear while somebody is queued |
//! | 2 `UPGRADABLE` | one reader may upgrade; not counted below | a thread that finds no writer, no other such reader, and no writer waiting; a grant | that reader | beside `WRITE_LOCKED` |
//! | 3 `WRITER_WAITS` | a writer or an upgrade is queued, or about to be: new readers queue | that thread | under the bucket lock, when no such thread is left | without `HAS_PARKED` |
//! | from 4 | how many readers hold it | readers, grants | readers | above 0 beside `WRITE_LOCKED` |
//!
//! | who | waits for | its transition |
//! |---|---|---|
//! | reader | `WRITE_LOCKED`, `WRITER_WAITS` | + 1 reader |
//! | recursive reader | `WRITE_LOCKED` | + 1 reader |
//! | upgradable reader | `WRITE_LOCKED`, `WRITER_WAITS`, `UPGRADABLE` | + `UPGRADABLE` |
//! | writer | readers, `UPGRADABLE`, `WRITE_LOCKED` | + `WRITE_LOCKED` |
//! | upgrade | readers | `UPGRADABLE` becomes `WRITE_LOCKED` |
//!
//! All of these are compare-exchanges by the thread itself. So are the ways out and down (a reader that is not the last,
//! anybody while `HAS_PARKED` is clear). Every other way out or down, and every waiter that gives up, *settles* under the
//! bucket lock: one compare-exchange takes the old hold off and puts the next ones on, and then those are taken out of
//! the queue and woken.
//!
//! | what stays held | who is chosen | how |
//! |---|---|---|
//! | a writer | nobody | |
//! | `UPGRADABLE` and readers, an upgrade waits | nobody | |
//! | `UPGRADABLE` alone, an upgrade waits | the upgrade | granted |
//! | readers, `UPGRADABLE` or both | the readers in front of the first writer, and the first upgradable one among them if `UPGRADABLE` is clear | granted |
//! | nothing; the first in the queue has waited a millisecond, or the release is a fair one | it, if it is a writer; else as in the row above | granted |
//! | nothing, otherwise | the first writer; without one as above | granted by a last reader or one who gives up; woken to compete by a writer or an upgradable reader |
//!
//! Invariants:
//!
//! * UPRW-1: a writer excludes everybody; readers exclude writers; there is one upgradable reader at most.
//! * UPRW-2: what a holder did is seen by later holders that it excluded. A downgrade counts as an unlock, an upgrade as a
//!   lock.
//! * UPRW-3: a thread is queued only while `HAS_PARKED` is set, and a writer or an upgrade only while `WRITER_WAITS` is set
//!   too: it validates that under the bucket lock. Settling makes both bits true to the queue.
//! * UPRW-4: after every settling, whoever is queued waits for a holder, or for a thread that was woken to compete. That
//!   thread takes the lock, or finds a holder; both come here again, if only because the bits are set. If it unwinds it
//!   settles. So nobody is stranded.
//! * UPRW-5: readers queue behind a writer or an upgrade only: when the last of those gives up, they go on in the same step.
//! * UPRW-6: the word is not touched after the compare-exchange that releases it. The last reader that others wait for
//!   therefore releases under the bucket lock.
//! * UPRW-7: whoever has waited a millisecond and stands first gets the lock as soon as it is free.
//! * UPRW-8: a recursive read waits for a writer that is inside, never for one that waits: a thread that holds the lock for
//!   reading, or upgradably, gets it again at once.
//! * UPRW-9: an upgrade comes before every writer, and nobody writes between the upgradable read and the write. If it gives
//!   up, the thread still has its upgradable read. A downgrade lets no writer in between either.
//!
//! How a waiter turns before it queues, all measured with one upgrade in ten passes:
//!
//! * It turns also where others are queued already. If it did not, one preempted reader would send all who come after it
//!   into the queue, where each has soon waited its millisecond and is handed the lock asleep, so that the next ones queue
//!   too.
//! * An upgrade looks often, since the others wait for it; the others keep away from the line meanwhile.
//! * It does not keep new readers out before it queues: then the one who was kept out would be the one that runs.
//!
//! Not a port: CPython has no such lock. `parking_lot`'s has the same operations; there a waiting writer stops new readers
//! only once the upgradable reader has gone, here at once.

mod release;
mod upgrade;
mod wait;

use crate::bits::{RW_HAS_PARKED, UP_READER_SHIFT, UPGRADABLE, WRITE_LOCKED, WRITER_WAITS};
use crate::status::{LockFlags, LockStatus};
use core::fmt;
use core::ptr;
use core::time::Duration;
use pyparking::primitive::{AtomicUsize, Ordering};
use pyparking::{Deadline, fatal};
use wait::Wish;

fn is_write_locked(seen: usize) -> bool {
    seen & WRITE_LOCKED != 0
}

fn has_parked(seen: usize) -> bool {
    seen & RW_HAS_PARKED != 0
}

fn is_upgradable(seen: usize) -> bool {
    seen & UPGRADABLE != 0
}

fn readers(seen: usize) -> usize {
    seen >> UP_READER_SHIFT
}

/// Who is inside, without the bits about who waits.
fn holders(seen: usize) -> usize {
    seen & !(RW_HAS_PARKED | WRITER_WAITS)
}

/// A word with so many readers that no more get in: guards that were forgotten. Half of what there is, so that a grant
/// to all who wait cannot overflow.
const MOST: usize = usize::MAX >> 1;

/// A read-write mutex of one word with an upgradable reader.
///
/// All-zero when fresh. It protects no data by itself: [`lock_api`](crate#lock_api) wrappers around it do. Readers share
/// it; one of them at a time may be upgradable, which means that it can become the writer without anybody writing in
/// between. Prefers writers: a reader that comes while one waits queues behind it, unless it reads recursively. No
/// poisoning.
///
/// Cost: one RMW to lock, to unlock, to upgrade and to downgrade, while nobody waits.
///
/// Ordering: a write unlock happens before every later lock, any unlock before every later write lock; an upgrade is
/// such a lock, a downgrade such an unlock.
///
/// ```
/// use pysync::UpgradableRwMutex;
///
/// let mutex = UpgradableRwMutex::new();
/// mutex.upgradable_lock();
/// assert!(mutex.try_read_lock(), "others may read meanwhile");
/// assert!(!mutex.try_upgrade());
/// mutex.read_unlock();
/// assert!(mutex.try_upgrade());
/// assert!(!mutex.try_read_lock(), "nobody may beside the writer");
/// mutex.write_unlock();
/// ```
#[repr(transparent)]
pub struct UpgradableRwMutex {
    word: AtomicUsize,
}

impl UpgradableRwMutex {
    pyparking::const_fn! {
        /// A free mutex.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::UpgradableRwMutex;
        ///
        /// static TABLE: UpgradableRwMutex = UpgradableRwMutex::new();
        /// assert_eq!(TABLE.bits(), 0);
        /// assert_eq!(size_of::<UpgradableRwMutex>(), size_of::<usize>());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicUsize::new(0) }
        }
    }

    /// Locks for reading, sleeping if need be; a thread of a runtime detaches while it sleeps.
    ///
    /// A thread that holds the mutex already must use [`read_lock_recursive`](Self::read_lock_recursive): behind a
    /// writer that waits for it, this waits for ever.
    ///
    /// Cost: one RMW if the mutex is free; among other readers two and a load; otherwise some turns, one RMW by the
    /// first who waits, and a park.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// assert_eq!(mutex.reader_count(), 1);
    /// mutex.read_unlock();
    /// ```
    #[inline]
    pub fn read_lock(&self) {
        // The word is guessed, as in `RwMutex::read_lock`.
        if self.take(Wish::Read, 0).is_err() {
            self.lock_contended(Wish::Read);
        }
    }

    /// Locks for reading, also past a waiting writer: for a thread that may hold the mutex already.
    ///
    /// Threads that do nothing but this can keep a writer out for ever.
    ///
    /// Cost: as [`read_lock`](Self::read_lock).
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// // Whoever waits to write now, this does not wait.
    /// mutex.read_lock_recursive();
    /// mutex.read_unlock();
    /// mutex.read_unlock();
    /// ```
    #[inline]
    pub fn read_lock_recursive(&self) {
        if self.take(Wish::ReadAgain, 0).is_err() {
            self.lock_contended(Wish::ReadAgain);
        }
    }

    /// Locks for reading if no writer holds the mutex or waits for it. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if readers may enter.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// assert!(!mutex.try_read_lock());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_read_lock(&self) -> bool {
        self.try_take(Wish::Read)
    }

    /// Locks for reading if no writer holds the mutex. Never blocks.
    ///
    /// Cost: as [`try_read_lock`](Self::try_read_lock).
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// assert!(mutex.try_read_lock_recursive());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_read_lock_recursive(&self) -> bool {
        self.try_take(Wish::ReadAgain)
    }

    /// Locks for reading within `timeout` (`None`: for ever; zero: one attempt).
    ///
    /// Cost: as [`try_read_lock`](Self::try_read_lock) if readers may enter; otherwise a clock read for the
    /// deadline, then as [`read_lock`](Self::read_lock).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, UpgradableRwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.read_lock_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// ```
    pub fn read_lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.lock_timed(Wish::Read, timeout, flags)
    }

    /// [`read_lock_recursive`](Self::read_lock_recursive) within `timeout`.
    ///
    /// Cost: as [`read_lock_timed`](Self::read_lock_timed).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, UpgradableRwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.read_lock_recursive_timed(wait, LockFlags::DETACH), LockStatus::Acquired);
    /// ```
    pub fn read_lock_recursive_timed(
        &self,
        timeout: Option<Duration>,
        flags: LockFlags,
    ) -> LockStatus {
        self.lock_timed(Wish::ReadAgain, timeout, flags)
    }

    /// Locks for writing, sleeping if need be; a thread of a runtime detaches while it sleeps.
    ///
    /// Cost: one RMW if the mutex is free; otherwise some turns, one RMW by the first who waits, and a park.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// assert!(mutex.is_write_locked());
    /// mutex.write_unlock();
    /// ```
    #[inline]
    pub fn write_lock(&self) {
        if self.take(Wish::Write, 0).is_err() {
            self.lock_slow(Wish::Write);
        }
    }

    /// Locks for writing if nobody holds the mutex. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if nobody holds the mutex.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// assert!(!mutex.try_write_lock());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_write_lock(&self) -> bool {
        self.try_take(Wish::Write)
    }

    /// Locks for writing within `timeout` (`None`: for ever; zero: one attempt).
    ///
    /// A writer that gives up leaves no trace: readers that waited behind it go on.
    ///
    /// Cost: as [`try_write_lock`](Self::try_write_lock) if nobody holds the mutex; otherwise a clock read for the
    /// deadline, then as [`write_lock`](Self::write_lock).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, UpgradableRwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.write_lock_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// assert_eq!(mutex.bits(), 16);
    /// ```
    pub fn write_lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.lock_timed(Wish::Write, timeout, flags)
    }

    /// Locks as the upgradable reader, sleeping if need be; a thread of a runtime detaches while it sleeps.
    ///
    /// Cost: as [`read_lock`](Self::read_lock).
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// assert!(!mutex.try_upgradable_lock() && mutex.try_read_lock());
    /// ```
    #[inline]
    pub fn upgradable_lock(&self) {
        if self.take(Wish::Upgradable, 0).is_err() {
            self.lock_contended(Wish::Upgradable);
        }
    }

    /// Locks as the upgradable reader if there is none, and no writer holds the mutex or waits for it. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if the reader may enter.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// assert!(mutex.try_upgradable_lock());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_upgradable_lock(&self) -> bool {
        self.try_take(Wish::Upgradable)
    }

    /// Locks as the upgradable reader within `timeout` (`None`: for ever; zero: one attempt).
    ///
    /// Cost: as [`read_lock_timed`](Self::read_lock_timed).
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, UpgradableRwMutex};
    /// use std::time::Duration;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// let wait = Some(Duration::from_millis(1));
    /// assert_eq!(mutex.upgradable_lock_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// ```
    pub fn upgradable_lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        self.lock_timed(Wish::Upgradable, timeout, flags)
    }

    /// Whether anybody holds the mutex, at some moment during the call. For assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// assert!(mutex.is_locked());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        holders(self.bits()) != 0
    }

    /// Whether a writer holds the mutex, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// assert!(!mutex.is_write_locked());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_write_locked(&self) -> bool {
        is_write_locked(self.bits())
    }

    /// How many readers hold the mutex beside the upgradable one, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.read_lock();
    /// assert_eq!(mutex.reader_count(), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn reader_count(&self) -> usize {
        readers(self.bits())
    }

    /// Whether others are queued for the mutex, or about to be, at some moment during the call: whether a fair unlock
    /// would serve somebody.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// assert!(!mutex.has_waiters());
    /// ```
    #[inline]
    #[must_use]
    pub fn has_waiters(&self) -> bool {
        has_parked(self.bits())
    }

    /// The bits, at some moment during the call. For tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// assert_eq!(mutex.bits(), 4);
    /// mutex.read_lock();
    /// assert_eq!(mutex.bits(), 20);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> usize {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        self.word.load(Ordering::Relaxed)
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
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
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

    /// One attempt to get `wish` out of `seen`, which does not block it.
    #[inline]
    fn take(&self, wish: Wish, seen: usize) -> Result<(), usize> {
        if seen > MOST {
            self.misuse("too many readers", "fewer than half of what the word can count");
        }
        let next = wish.granted_in(seen);
        // ORD: Acquire, pairs with the Release of every holder before (UPRW-2). Relaxed on failure: the caller looks
        // again.
        let taken = self.word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed);
        taken.map(|_| ())
    }

    /// Gets `wish` unless it is blocked.
    #[inline]
    fn try_take(&self, wish: Wish) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        while !wish.is_blocked_by(seen) {
            match self.take(wish, seen) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    fn lock_timed(&self, wish: Wish, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        if self.try_take(wish) {
            return LockStatus::Acquired;
        }
        self.lock_until(wish, Deadline::from_timeout(timeout), flags)
    }

    /// Joins those inside, or waits.
    #[inline(never)]
    fn lock_contended(&self, wish: Wish) {
        if !self.try_take(wish) {
            self.lock_slow(wish);
        }
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    #[cold]
    fn misuse(&self, found: &str, expected: &str) -> ! {
        fatal("UpgradableRwMutex", self, found, expected)
    }
}

impl Default for UpgradableRwMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for UpgradableRwMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.bits();
        f.debug_struct("UpgradableRwMutex")
            .field("write_locked", &is_write_locked(seen))
            .field("upgradable", &is_upgradable(seen))
            .field("readers", &readers(seen))
            .field("has_parked", &has_parked(seen))
            .finish()
    }
}

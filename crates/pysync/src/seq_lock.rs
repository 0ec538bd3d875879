//! A sequence lock: readers never write, and repeat what a writer disturbed.
//!
//! | sequence | meaning |
//! |---|---|
//! | even | nobody writes; the data belongs to this number |
//! | odd | a writer is inside |
//!
//! | transition | who |
//! |---|---|
//! | even n → n+1 | a writer enters, by compare-exchange |
//! | odd n → n+1 | it leaves, the data has changed |
//! | odd n → n−1 | it leaves, nothing has changed (abandon) |
//!
//! Invariants:
//!
//! * SEQ-1: at most one writer is inside.
//! * SEQ-2: a read between `begin_read` and a true `end_read` saw the data of one sequence number, if all data
//!   is read and written by relaxed atomics. The acquire *fence* in `end_read` keeps the data's loads before
//!   the second look at the sequence; an acquire load there would not (CPython issue 121368).
//! * SEQ-3: the release fence after entering keeps the data's stores behind the odd number: a reader that saw
//!   one of them also sees that a writer is, or was, inside.
//! * SEQ-4: a writer never sleeps and never detaches inside; readers and writers that meet one turn.
//!
//! Port of: `_PySeqLock` (Include/internal/pycore_lock.h, Python/lock.c)

use core::fmt;
use pyparking::primitive::{AtomicU32, Ordering, fence, seeded};
use pyparking::{fatal, spin};

fn is_writing(seen: u32) -> bool {
    seen & 1 != 0
}

/// A sequence lock of four bytes.
///
/// All-zero when fresh. The data is the caller's, and must be read and written through relaxed atomics;
/// [`SeqCell`](crate::SeqCell) does that for plain data.
///
/// Cost: a read is two loads and a fence (free on x86); a write is one RMW and a store.
///
/// Ordering: a read that succeeds sees everything that happened before the write it saw. The sequence has 32 bits:
/// a read during which exactly a multiple of 2^31 writes come and go is not noticed.
///
/// ```
/// use pysync::SeqLock;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// static LOCK: SeqLock = SeqLock::new();
/// static PAIR: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
///
/// LOCK.lock_write();
/// PAIR.iter().for_each(|half| half.store(7, Relaxed));
/// LOCK.unlock_write();
///
/// let [left, right] = loop {
///     let sequence = LOCK.begin_read();
///     let pair = [PAIR[0].load(Relaxed), PAIR[1].load(Relaxed)];
///     if LOCK.end_read(sequence) {
///         break pair;
///     }
/// };
/// assert_eq!(left, right);
/// ```
///
/// Port of: `_PySeqLock` (Include/internal/pycore_lock.h)
#[repr(transparent)]
pub struct SeqLock {
    sequence: AtomicU32,
}

impl SeqLock {
    pyparking::const_fn! {
        /// A lock with sequence 0.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::SeqLock;
        ///
        /// static TYPE_CACHE: SeqLock = SeqLock::new();
        /// assert_eq!(TYPE_CACHE.sequence(), 0);
        /// assert_eq!(size_of::<SeqLock>(), 4);
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { sequence: AtomicU32::new(0) }
        }
    }

    /// Begins a read: the sequence to give to [`end_read`](Self::end_read). Turns while a writer is inside.
    ///
    /// Cost: one acquire load; while a writer is inside, yields.
    ///
    /// ```
    /// use pysync::SeqLock;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let (lock, data) = (SeqLock::new(), AtomicU64::new(7));
    /// let begun = lock.begin_read();
    /// let seven = data.load(Relaxed);
    /// assert!(lock.end_read(begun) && seven == 7);
    /// ```
    ///
    /// Port of: `_PySeqLock_BeginRead` (Python/lock.c)
    #[inline]
    #[must_use]
    pub fn begin_read(&self) -> u32 {
        self.try_begin_read().unwrap_or_else(|| self.begin_read_slow())
    }

    /// Begins a read, or says that a writer is inside. Never blocks.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// assert_eq!(lock.try_begin_read(), Some(0));
    /// lock.lock_write();
    /// assert_eq!(lock.try_begin_read(), None);
    /// ```
    #[inline]
    #[must_use]
    pub fn try_begin_read(&self) -> Option<u32> {
        // ORD: Acquire, pairs with the Release of the write that made this number (SEQ-2).
        let seen = self.sequence.load(Ordering::Acquire);
        (!is_writing(seen)).then_some(seen)
    }

    #[cold]
    fn begin_read_slow(&self) -> u32 {
        loop {
            spin::yield_now();
            if let Some(begun) = self.try_begin_read() {
                return begun;
            }
        }
    }

    /// Ends a read: whether what was read since `begin_read` is whole.
    ///
    /// Cost: a fence (free on x86) and a relaxed load.
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// let begun = lock.begin_read();
    /// lock.lock_write();
    /// lock.unlock_write();
    /// assert!(!lock.end_read(begun), "a write came between: what was read may be torn");
    /// ```
    ///
    /// Port of: `_PySeqLock_EndRead` (Python/lock.c)
    #[inline]
    #[must_use]
    pub fn end_read(&self, begun: u32) -> bool {
        if !seeded("121368") {
            // ORD: Acquire fence, pairs with the Release fence in `lock_write`: if a load of the data saw a
            // store of a later write, the load below sees that write's number (SEQ-2, SEQ-3).
            fence(Ordering::Acquire);
        }
        // ORD: Relaxed, ordered by the fence.
        self.sequence.load(Ordering::Relaxed) == begun
    }

    /// Reads until it was not disturbed: calls `read`, which must only load, until it is whole.
    ///
    /// Cost: as [`begin_read`](Self::begin_read) and [`end_read`](Self::end_read), and `read`; again, after a
    /// yield, for each writer that comes between. No RMW.
    ///
    /// ```
    /// use pysync::SeqLock;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// static LOCK: SeqLock = SeqLock::new();
    /// static PAIR: [AtomicU64; 2] = [const { AtomicU64::new(1) }; 2];
    /// let [left, right] = LOCK.read(|| [PAIR[0].load(Relaxed), PAIR[1].load(Relaxed)]);
    /// assert_eq!(left, right);
    /// ```
    #[inline]
    pub fn read<R>(&self, mut read: impl FnMut() -> R) -> R {
        loop {
            let begun = self.begin_read();
            let result = read();
            if self.end_read(begun) {
                return result;
            }
            spin::yield_now();
        }
    }

    /// Enters as the writer, turning while another is inside.
    ///
    /// Cost: one relaxed load, one RMW and a fence (free on x86); while another writer is inside, yields.
    ///
    /// ```
    /// use pysync::SeqLock;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// static LOCK: SeqLock = SeqLock::new();
    /// static PAIR: [AtomicU64; 2] = [const { AtomicU64::new(1) }; 2];
    /// LOCK.lock_write();
    /// PAIR.iter().for_each(|half| half.store(2, Relaxed));
    /// LOCK.unlock_write();
    /// assert_eq!(LOCK.sequence(), 2);
    /// ```
    ///
    /// Port of: `_PySeqLock_LockWrite` (Python/lock.c)
    #[inline]
    pub fn lock_write(&self) {
        while !self.try_lock_write() {
            spin::yield_now();
        }
    }

    /// Enters as the writer if nobody is inside.
    ///
    /// Cost: one relaxed load; if nobody is inside, one RMW and a fence (free on x86).
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// assert!(lock.try_lock_write());
    /// assert!(!lock.try_lock_write());
    /// lock.unlock_write();
    /// ```
    #[inline]
    #[must_use]
    pub fn try_lock_write(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let seen = self.sequence.load(Ordering::Relaxed);
        if is_writing(seen) {
            return false;
        }
        // ORD: Acquire, pairs with the Release of the last writer (SEQ-1). Relaxed on failure.
        let entered = self.sequence.compare_exchange(
            seen,
            seen.wrapping_add(1),
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        // ORD: Release fence, pairs with the Acquire fence in `end_read` (SEQ-3): the stores that follow stay
        // behind the odd number.
        fence(Ordering::Release);
        entered.is_ok()
    }

    /// Leaves; the data has changed. Fatal if no writer is inside.
    ///
    /// Cost: a relaxed load and a release store; no RMW.
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// lock.lock_write();
    /// assert_eq!(lock.sequence(), 1);
    /// lock.unlock_write();
    /// assert_eq!(lock.sequence(), 2);
    /// ```
    ///
    /// Port of: `_PySeqLock_UnlockWrite` (Python/lock.c)
    #[inline]
    pub fn unlock_write(&self) {
        self.leave(1, "unlock_write");
    }

    /// Leaves; nothing has changed, and reads under way stay whole. Fatal if no writer is inside.
    ///
    /// Cost: a relaxed load and a release store; no RMW.
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// let begun = lock.begin_read();
    /// lock.lock_write();
    /// // The entry is there already: nothing to write.
    /// lock.abandon_write();
    /// assert!(lock.end_read(begun));
    /// ```
    ///
    /// Port of: `_PySeqLock_AbandonWrite` (Python/lock.c)
    #[inline]
    pub fn abandon_write(&self) {
        self.leave(u32::MAX, "abandon_write");
    }

    #[inline]
    fn leave(&self, step: u32, call: &'static str) {
        // ORD: Relaxed, the writer's own number, which nobody else changes (SEQ-1).
        let seen = self.sequence.load(Ordering::Relaxed);
        if !is_writing(seen) {
            self.not_writing(call);
        }
        // ORD: Release, pairs with the Acquire of `begin_read` and of the next writer (SEQ-2).
        self.sequence.store(seen.wrapping_add(step), Ordering::Release);
    }

    #[cold]
    fn not_writing(&self, call: &'static str) -> ! {
        let found = match call {
            "unlock_write" => "unlock_write without a writer inside",
            _ => "abandon_write without a writer inside",
        };
        fatal("SeqLock", self, found, "a lock_write before it")
    }

    /// The sequence, at some moment during the call. For tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// lock.lock_write();
    /// assert!(lock.sequence() % 2 == 1, "a writer is inside");
    /// ```
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u32 {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        self.sequence.load(Ordering::Relaxed)
    }

    /// Frees the lock in the child of a fork. True if a write was under way: the data may be torn, and is to
    /// be cleared.
    ///
    /// Cost: one relaxed load; if a write was under way, another and a relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and is not inside a write.
    ///
    /// ```
    /// use pysync::SeqLock;
    ///
    /// let lock = SeqLock::new();
    /// // In the parent, some thread was writing at the moment of the fork.
    /// lock.lock_write();
    /// // In the child:
    /// // SAFETY: no other thread runs, and this one is not writing.
    /// let torn = unsafe { lock.after_fork_child() };
    /// assert!(torn && lock.try_lock_write());
    /// ```
    ///
    /// Port of: `_PySeqLock_AfterFork` (Python/lock.c)
    pub unsafe fn after_fork_child(&self) -> bool {
        let torn = is_writing(self.sequence());
        if torn {
            // ORD: Relaxed, there is no other thread.
            self.sequence.store(self.sequence().wrapping_add(1), Ordering::Relaxed);
        }
        torn
    }
}

impl Default for SeqLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SeqLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqLock").field("sequence", &self.sequence()).finish()
    }
}

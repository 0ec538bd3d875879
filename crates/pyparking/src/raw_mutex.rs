//! A lock of one word that needs nothing below it but the system: the parking lot's own.
//!
//! The waiters stand on their stacks, linked from the word itself. It has no timeout, no hand-off and no
//! fairness: what it protects is a few dozen instructions.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free |
//! | `LOCKED` 1 | held, nobody waits |
//! | node \| `LOCKED` | held; `node` is the newest of a stack of waiters |
//! | node | free, and a woken waiter is on its way; the rest still waits |
//!
//! | who | may change |
//! |---|---|
//! | anyone | free to held (bit 0), keeping the node |
//! | a waiter | push its node, while bit 0 is set |
//! | the holder | clear bit 0 and pop one node in the same step |
//!
//! Invariants:
//!
//! * RAW-1: at most one thread is between its acquiring and its releasing step.
//! * RAW-2: a node is in the stack from its push to its pop; only the holder pops, so the top cannot change
//!   under a pop except by a push, which the compare-exchange sees (no ABA).
//! * RAW-3: a waiter leaves `lock_slow` with its node popped *and* signalled: it sleeps until a real wake, so
//!   the node outlives the waker's use of it (CPython issue 148820).
//! * RAW-4: a release with waiters wakes one; it or a faster thread takes the lock and releases again. So
//!   nobody is left behind.
//!
//! Port of: `_PyRawMutex` (Python/lock.c)
//! PORT: spins a little before it queues; CPython queues at once. The sections here are shorter than a sleep.

use crate::fatal::fatal;
use crate::os::{self, Desk};
use crate::primitive::{AtomicUsize, Ordering, RaceCell, thread};
use crate::sleeper::Sleeper;
use crate::spin;
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

const LOCKED: usize = 1;

/// A waiter, on its own stack. Aligned, so that bit 0 of its address is free.
#[repr(align(8))]
struct Node {
    next: RaceCell<usize>,
    sleeper: Sleeper,
    desk: Desk,
}

fn is_locked(seen: usize) -> bool {
    seen & LOCKED != 0
}

/// The address of the newest waiter, 0 if there is none.
fn top(seen: usize) -> usize {
    seen & !LOCKED
}

/// A word-sized mutex that does not use the parking lot.
///
/// All-zero when fresh. Not re-entrant, not fair, no timeout. An unlock that nobody locked is fatal.
///
/// Cost: one RMW to lock, one to unlock while nobody waits.
///
/// Ordering: `unlock` happens before the `lock` that follows it.
///
/// ```
/// use pyparking::RawMutex;
///
/// static TABLE: RawMutex = RawMutex::new();
/// {
///     let _held = TABLE.guard();
///     assert!(!TABLE.try_lock());
/// }
/// let held = TABLE.try_guard();
/// assert!(held.is_some());
/// ```
///
/// Port of: `_PyRawMutex` (Python/lock.c)
#[repr(transparent)]
pub struct RawMutex {
    word: AtomicUsize,
}

impl RawMutex {
    crate::const_fn! {
        /// A free mutex.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pyparking::RawMutex;
        ///
        /// static LIST: RawMutex = RawMutex::new();
        /// assert!(!LIST.is_locked());
        /// assert_eq!(size_of::<RawMutex>(), size_of::<usize>());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicUsize::new(0) }
        }
    }

    /// Locks, sleeping if need be.
    ///
    /// Cost: one RMW if the mutex is free; otherwise some turns, then a sleep on a word of its own frame. No heap.
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// let mutex = RawMutex::new();
    /// mutex.lock();
    /// assert!(mutex.is_locked());
    /// // SAFETY: locked above.
    /// unsafe { mutex.unlock() };
    /// ```
    ///
    /// Port of: `_PyRawMutex_Lock` (Include/internal/pycore_lock.h)
    #[inline]
    pub fn lock(&self) {
        if !self.try_lock_fresh() {
            self.lock_slow();
        }
    }

    /// Takes the word from 0 to `LOCKED`.
    #[inline]
    fn try_lock_fresh(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `unlock` and `unlock_slow` (RAW-1). Relaxed on failure:
        // nothing is read behind it.
        let taken = self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// Locks if the mutex is free, waiters or not. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if the mutex is free.
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// let mutex = RawMutex::new();
    /// if mutex.try_lock() {
    ///     assert!(!mutex.try_lock(), "not re-entrant");
    ///     // SAFETY: locked above.
    ///     unsafe { mutex.unlock() };
    /// }
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_lock(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        while !is_locked(seen) {
            match self.take(seen) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// One attempt to go from free to held, keeping the stack.
    #[inline]
    fn take(&self, seen: usize) -> Result<(), usize> {
        // ORD: Acquire, pairs with the Release of `unlock` and `unlock_slow` (RAW-1). Relaxed on failure:
        // the caller looks again.
        let taken =
            self.word.compare_exchange(seen, seen | LOCKED, Ordering::Acquire, Ordering::Relaxed);
        taken.map(|_| ())
    }

    /// Unlocks.
    ///
    /// Fatal if the mutex is found not to be locked.
    ///
    /// Cost: one RMW when nobody waits; otherwise three, a load and at most one system call.
    ///
    /// # Safety
    ///
    /// The caller, or somebody who leaves it to the caller, has locked the mutex: an unlock beside the holder's own
    /// would read the node of a waiter that is gone (RAW-2). The safe form is [`guard`](Self::guard).
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// static MUTEX: RawMutex = RawMutex::new();
    /// MUTEX.lock();
    /// let other = std::thread::spawn(|| drop(MUTEX.guard()));
    /// // SAFETY: locked above, by this thread; the other one waits.
    /// unsafe { MUTEX.unlock() };
    /// other.join().unwrap();
    /// ```
    ///
    /// Port of: `_PyRawMutex_Unlock` (Include/internal/pycore_lock.h)
    #[inline]
    pub unsafe fn unlock(&self) {
        // ORD: Release, pairs with the Acquire of the next lock (RAW-1). Relaxed on failure: the slow path
        // loads again.
        let freed = self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed);
        if freed.is_err() {
            // SAFETY: handed on to the caller.
            unsafe { self.unlock_slow() };
        }
    }

    /// Locks, and unlocks when the guard is dropped.
    ///
    /// Cost: as [`lock`](Self::lock), and [`unlock`](Self::unlock) for the guard's end.
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// let mutex = RawMutex::new();
    /// let held = mutex.guard();
    /// assert!(mutex.is_locked());
    /// drop(held);
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    pub fn guard(&self) -> RawMutexGuard<'_> {
        self.lock();
        RawMutexGuard { mutex: self, _not_send: PhantomData }
    }

    /// Locks if the mutex is free; unlocks when the guard is dropped. Never blocks.
    ///
    /// Cost: as [`try_lock`](Self::try_lock), and [`unlock`](Self::unlock) for the guard's end.
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// let mutex = RawMutex::new();
    /// if let Some(_held) = mutex.try_guard() {
    ///     assert!(mutex.try_guard().is_none());
    /// }
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    #[must_use]
    pub fn try_guard(&self) -> Option<RawMutexGuard<'_>> {
        self.try_lock().then(|| RawMutexGuard { mutex: self, _not_send: PhantomData })
    }

    /// Whether somebody holds the mutex, at some moment during the call. For assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// static LIST: RawMutex = RawMutex::new();
    ///
    /// fn push_locked() {
    ///     debug_assert!(LIST.is_locked(), "the caller locks the list");
    /// }
    /// let _held = LIST.guard();
    /// push_locked();
    /// ```
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        is_locked(self.word.load(Ordering::Relaxed))
    }

    /// Makes the mutex free in the child of a fork, whatever it was.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process: waiters and holder are gone.
    ///
    /// ```
    /// use pyparking::RawMutex;
    ///
    /// let mutex = RawMutex::new();
    /// // In the parent, some thread held it at the moment of the fork.
    /// mutex.lock();
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { mutex.after_fork_child() };
    /// assert!(mutex.try_lock());
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // ORD: Relaxed, there is no other thread.
        self.word.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn lock_slow(&self) {
        let node = Node { next: RaceCell::new(0), sleeper: Sleeper::new(), desk: os::desk() };
        let mut turns = spin::RAW_TURNS;
        loop {
            // ORD: Relaxed, the compare-exchanges below decide.
            let seen = self.word.load(Ordering::Relaxed);
            if !is_locked(seen) {
                if self.take(seen).is_ok() {
                    return;
                }
            } else if top(seen) == 0 && turns > 0 {
                turns -= 1;
                thread::spin_loop();
            } else if self.push(seen, &node) {
                node.sleeper.sleep_until_signalled(&node.desk);
            }
        }
    }

    /// Puts `node` on the stack, armed; false if the word has changed.
    fn push(&self, seen: usize, node: &Node) -> bool {
        // SAFETY: the node is not in the stack (RAW-3), so this thread alone uses it.
        unsafe { node.next.set(top(seen)) };
        node.sleeper.arm();
        // Exposed, because what is popped may be this address put back by a thread that saw an earlier node there.
        let pushed = ptr::from_ref(node).expose_provenance() | LOCKED;
        // ORD: Release, publishes the node to the holder's Acquire load in `unlock_slow` (RAW-2). Relaxed on
        // failure: the caller looks again.
        let done = self.word.compare_exchange(seen, pushed, Ordering::Release, Ordering::Relaxed);
        done.is_ok()
    }

    /// # Safety
    ///
    /// As [`unlock`](Self::unlock).
    #[cold]
    unsafe fn unlock_slow(&self) {
        loop {
            // ORD: Acquire, pairs with the Release of every push in the stack (they are RMWs of one release
            // sequence), so the top's `next` may be read (RAW-2).
            let seen = self.word.load(Ordering::Acquire);
            if !is_locked(seen) {
                fatal("RawMutex", self, "unlock of a mutex that is not locked", "a locked mutex");
            }
            let waiter = ptr::with_exposed_provenance::<Node>(top(seen));
            // SAFETY: null, or exposed in `push`; this thread is the holder, so the top stays in the stack, alive
            // and unchanged (RAW-2).
            let next = unsafe { waiter.as_ref().map_or(0, |waiter| waiter.next.get()) };
            // ORD: Release, pairs with the Acquire of the next lock (RAW-1); as an RMW it also keeps the
            // pushes below published. Relaxed on failure: the loop loads again.
            let freed =
                self.word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed);
            if freed.is_ok() {
                if !waiter.is_null() {
                    // SAFETY: popped by this thread alone; the node lives until it is signalled (RAW-3), and
                    // the desk is copied before (SLEEPER-3).
                    unsafe {
                        let desk = Clone::clone(&(*waiter).desk);
                        Sleeper::signal(&raw const (*waiter).sleeper, &desk);
                    }
                }
                return;
            }
        }
    }
}

impl Default for RawMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex").field("locked", &self.is_locked()).finish()
    }
}

/// Unlocks a [`RawMutex`] when dropped, also on unwind.
///
/// ```
/// use pyparking::RawMutex;
/// use std::panic::catch_unwind;
///
/// static MUTEX: RawMutex = RawMutex::new();
/// let unwound = catch_unwind(|| {
///     let _held = MUTEX.guard();
///     panic!("with the mutex held");
/// });
/// assert!(unwound.is_err() && !MUTEX.is_locked());
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
#[derive(Debug)]
pub struct RawMutexGuard<'a> {
    mutex: &'a RawMutex,
    _not_send: PhantomData<*const ()>,
}

impl Drop for RawMutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard was made by a lock, and nobody else unlocks for it.
        unsafe { self.mutex.unlock() };
    }
}

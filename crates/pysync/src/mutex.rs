//! The one-byte mutex: barging by default, hand-off after a millisecond.
//!
//! | bits | meaning | `LOCKED` set by | `HAS_PARKED` set by |
//! |---|---|---|---|
//! | 0 | free | | |
//! | 1 `LOCKED` | held, nobody queued | who finds it clear | |
//! | 3 `LOCKED \| HAS_PARKED` | held, waiters queued or about to be | as above, or a hand-off | a waiter, while `LOCKED` is set; who moves a waiter here |
//! | 2 `HAS_PARKED` | free, a woken waiter is on its way, more are queued | | left by the unlocker; who wakes a waiter of a condition variable and moves others here |
//!
//! | transition | who | how |
//! |---|---|---|
//! | 0→1, 2→3 | any thread (barging) | compare-exchange, Acquire |
//! | 1→3 | a waiter before it parks | compare-exchange |
//! | 1→3, 0→2 | a notification of a [condition variable](crate::Condvar) that moves waiters here, under the bucket lock; 0→2 only if it wakes one too | compare-exchange |
//! | 1→0 | the holder | compare-exchange, Release |
//! | 3→{0, 1, 2, 3} | the holder, under the bucket lock | swap, Release: `LOCKED` stays on a hand-off, `HAS_PARKED` if more wait |
//! | 3→1, 2→0 | the last waiter that gives up, under the bucket lock | RMW |
//!
//! Invariants:
//!
//! * MUTEX-1: at most one thread holds the mutex; it got it by a compare-exchange that set `LOCKED`, or by a
//!   hand-off.
//! * MUTEX-2: what a holder did is seen by the next holder.
//! * MUTEX-3: a thread is queued only while `HAS_PARKED` is set: it validates "3" under the bucket lock, and
//!   the bit is cleared only under that lock when nobody else is queued. Who moves a waiter here sets the bit under
//!   that lock too. So an unlock that sees 1 may ignore the lot.
//! * MUTEX-4: whoever frees the mutex while threads are queued wakes the first; the woken thread takes the
//!   mutex, or finds it taken by a thread that will do the same. Nobody is stranded, also when the woken
//!   thread unwinds out of its attach hook: it passes the wake on (HOOK-3).
//! * MUTEX-5: a waiter's millisecond starts when it begins to wait, with its first turn or its first park, and is
//!   kept over later parks; an unlock that finds the first waiter past it hands the mutex over. So a first waiter
//!   past his millisecond is not overtaken at an unlock. For one that was moved here it starts with the unlock that wakes it.
//! * MUTEX-6: the mutex's memory is not touched after the releasing store: it may be freed by then.
//!
//! Port of: `PyMutex` (Include/cpython/pylock.h, Python/lock.c)
//! PORT: the last waiter that gives up clears `HAS_PARKED` (CPython leaves it to the next unlock); the fairness
//! clock is not read while the lock is free, and by the unlocker before the bucket lock; a zero timeout never spins
//! (CPython issue 135871); `has_more` is per address (135641); `unlock_fair` is new.

mod entry;
mod guard;

pub(crate) use entry::Entry;
pub use guard::MutexGuard;

use crate::bits::{HAS_PARKED, LOCKED};
use crate::interrupted;
use crate::status::{LockFlags, LockStatus, NotLocked};
use core::fmt;
use core::ptr;
use core::time::Duration;
use pyparking::primitive::{AtomicU8, Ordering, seeded};
use pyparking::spin::Spin;
use pyparking::{
    Deadline, ParkOptions, ParkStatus, Queue, fatal, monotonic_nanos, park, with_queue,
};

/// Nanoseconds after which a waiter is handed the mutex. Port of: `TIME_TO_BE_FAIR_NS` (Python/lock.c)
pub(crate) const FAIR_AFTER: u64 = 1_000_000;

fn is_locked(seen: u8) -> bool {
    seen & LOCKED != 0
}

fn has_parked(seen: u8) -> bool {
    seen & HAS_PARKED != 0
}

/// A mutual exclusion lock of one byte.
///
/// All-zero when fresh, so that it can stand in an object header. It protects no data by itself; see
/// [`MutexCell`](crate::MutexCell) for the form that does. Not re-entrant: a second lock by the holder waits
/// for ever. No poisoning: a panic while it is held through a guard just unlocks it.
///
/// A thread that unlocks while others wait wakes the first of them, but anybody may take the mutex
/// meanwhile (barging). A thread that has waited for a millisecond is handed the mutex instead.
///
/// Cost: one RMW to lock and one to unlock while nobody waits.
///
/// Ordering: an unlock happens before the lock that follows it.
///
/// ```
/// use pysync::Mutex;
///
/// static LIST: Mutex = Mutex::new();
/// {
///     let _held = LIST.guard();
///     assert!(LIST.is_locked());
/// }
/// LIST.lock();
/// assert!(!LIST.try_lock());
/// LIST.unlock();
/// ```
///
/// Port of: `PyMutex` (Include/cpython/pylock.h)
#[repr(transparent)]
pub struct Mutex {
    word: AtomicU8,
}

impl Mutex {
    pyparking::const_fn! {
        /// A free mutex.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::Mutex;
        ///
        /// struct Object {
        ///     lock: Mutex,
        ///     count: u32,
        /// }
        /// let object = Object { lock: Mutex::new(), count: 0 };
        /// assert!(!object.lock.is_locked());
        /// assert_eq!(size_of::<Mutex>(), 1);
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicU8::new(0) }
        }
    }

    /// Locks, sleeping if need be; a thread of a runtime detaches while it sleeps.
    ///
    /// Cost: one RMW if the mutex is free; otherwise some turns, one RMW by the first who waits, and a park.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// let mutex = Mutex::new();
    /// mutex.lock();
    /// assert!(mutex.is_locked());
    /// mutex.unlock();
    /// ```
    ///
    /// Port of: `PyMutex_Lock` (Include/cpython/pylock.h)
    #[inline]
    pub fn lock(&self) {
        if !self.try_lock_fresh() {
            self.lock_slow();
        }
    }

    /// Takes the word from 0 to `LOCKED`: the fast path of [`lock`](Self::lock), for crates that have a slow path of
    /// their own. Fails also when the mutex is free and a woken waiter is on its way.
    ///
    /// Cost: one RMW.
    ///
    /// Port of: `PyMutex_LockFast` (Include/internal/pycore_lock.h)
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn try_lock_fresh(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `unlock` and `release` (MUTEX-2). Relaxed on failure:
        // nothing is read behind it.
        self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Locks if the mutex is free, also past waiters. Never blocks.
    ///
    /// Cost: one relaxed load, and one RMW if the mutex is free.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// static CACHE: Mutex = Mutex::new();
    /// if CACHE.try_lock() {
    ///     // Tidy the cache up; if somebody uses it, that can wait.
    ///     CACHE.unlock();
    /// }
    /// assert!(!CACHE.is_locked());
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

    /// One attempt to go from free to held, keeping `HAS_PARKED`.
    #[inline]
    fn take(&self, seen: u8) -> Result<(), u8> {
        // ORD: Acquire, pairs with the Release of `unlock` and `release` (MUTEX-2). Relaxed on failure: the
        // caller looks again.
        let taken =
            self.word.compare_exchange(seen, seen | LOCKED, Ordering::Acquire, Ordering::Relaxed);
        taken.map(|_| ())
    }

    /// Locks within `timeout` (`None`: for ever; zero: one attempt that neither spins nor sleeps).
    ///
    /// `flags` say whether the thread detaches while it sleeps and what an interrupt does. The time is
    /// measured from this call on, whatever interrupts come between.
    ///
    /// Cost: one relaxed load and one RMW if the mutex is free; otherwise a clock read for the deadline, then as
    /// [`lock`](Self::lock). A zero timeout costs two relaxed loads if the mutex is held.
    ///
    /// ```
    /// use pysync::{LockFlags, LockStatus, Mutex};
    /// use std::time::Duration;
    ///
    /// let mutex = Mutex::new();
    /// let wait = Some(Duration::from_millis(2));
    /// assert_eq!(mutex.lock_timed(wait, LockFlags::DETACH), LockStatus::Acquired);
    /// assert_eq!(mutex.lock_timed(wait, LockFlags::DETACH), LockStatus::Failure);
    /// mutex.unlock();
    /// ```
    ///
    /// Port of: `_PyMutex_LockTimed` (Python/lock.c)
    pub fn lock_timed(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        if self.try_lock() {
            return LockStatus::Acquired;
        }
        self.lock_until(Deadline::from_timeout(timeout), flags)
    }

    /// Unlocks.
    ///
    /// Fatal if the mutex is not locked. That the caller is the one who locked it is not checked.
    ///
    /// Cost: one RMW when nobody waits; otherwise a clock read, five RMW (two for the bucket lock, one to wake) and at
    /// most one system call.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// static MUTEX: Mutex = Mutex::new();
    /// MUTEX.lock();
    /// // Another thread may unlock: what counts is that the holder wants it.
    /// std::thread::spawn(|| MUTEX.unlock()).join().unwrap();
    /// assert!(MUTEX.try_lock());
    /// ```
    ///
    /// Port of: `PyMutex_Unlock` (Include/cpython/pylock.h)
    #[inline]
    pub fn unlock(&self) {
        // ORD: Release, pairs with the Acquire of the next lock (MUTEX-2). Relaxed on failure: the slow path
        // loads again.
        let freed = self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed);
        if freed.is_err() {
            self.unlock_slow();
        }
    }

    /// Unlocks, or says that the mutex is not locked.
    ///
    /// Cost: one relaxed load, and one RMW when nobody waits; no RMW if the mutex is not locked; otherwise as
    /// [`unlock`](Self::unlock).
    ///
    /// # Errors
    ///
    /// [`NotLocked`]; nothing has changed.
    ///
    /// ```
    /// use pysync::{Mutex, NotLocked};
    ///
    /// let mutex = Mutex::new();
    /// mutex.lock();
    /// assert_eq!(mutex.try_unlock(), Ok(()));
    /// assert_eq!(mutex.try_unlock(), Err(NotLocked));
    /// ```
    ///
    /// Port of: `_PyMutex_TryUnlock` (Python/lock.c)
    pub fn try_unlock(&self) -> Result<(), NotLocked> {
        self.unlock_by(|| self.release(monotonic_nanos()))
    }

    /// Unlocks, with `release` if others wait.
    fn unlock_by(&self, release: impl FnOnce()) -> Result<(), NotLocked> {
        // ORD: Relaxed, the holder itself asks; the compare-exchange or the bucket lock decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if !is_locked(seen) {
                return Err(NotLocked);
            }
            if has_parked(seen) {
                release();
                return Ok(());
            }
            // ORD: Release, pairs with the Acquire of the next lock (MUTEX-2). Relaxed on failure: the loop
            // looks at what was found.
            match self.word.compare_exchange(seen, 0, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Unlocks, and hands the mutex to the first waiter whether or not it has waited for a millisecond.
    ///
    /// For a holder that locks again at once and wants the others to have their turn. Fatal if the mutex is not locked.
    ///
    /// Cost: as [`unlock`](Self::unlock), without the clock read.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// let mutex = Mutex::new();
    /// mutex.lock();
    /// mutex.unlock_fair();
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    pub fn unlock_fair(&self) {
        // ORD: Release, pairs with the Acquire of the next lock (MUTEX-2). Relaxed on failure: the slow path
        // loads again.
        let freed = self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed);
        if freed.is_err() {
            self.unlock_fair_slow();
        }
    }

    /// Whether somebody holds the mutex, at some moment during the call. For assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// static LIST: Mutex = Mutex::new();
    ///
    /// fn push_locked() {
    ///     debug_assert!(LIST.is_locked(), "the caller locks the list");
    /// }
    /// let _held = LIST.guard();
    /// push_locked();
    /// ```
    ///
    /// Port of: `PyMutex_IsLocked` (Include/cpython/pylock.h)
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        is_locked(self.bits())
    }

    /// Whether others are queued for the mutex, or about to be, at some moment during the call: whether a fair unlock
    /// would serve somebody.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// let mutex = Mutex::new();
    /// mutex.lock();
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
    /// use pysync::Mutex;
    ///
    /// let mutex = Mutex::new();
    /// assert_eq!(mutex.bits(), 0);
    /// mutex.lock();
    /// assert_eq!(mutex.bits(), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u8 {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        self.word.load(Ordering::Relaxed)
    }

    /// Locks, and unlocks when the guard is dropped.
    ///
    /// Cost: as [`lock`](Self::lock), and [`unlock`](Self::unlock) for the guard's end.
    ///
    /// ```
    /// use pysync::Mutex;
    ///
    /// let mutex = Mutex::new();
    /// let held = mutex.guard();
    /// assert!(!mutex.try_lock());
    /// drop(held);
    /// assert!(mutex.try_lock());
    /// ```
    #[inline]
    pub fn guard(&self) -> MutexGuard<'_> {
        self.lock();
        MutexGuard::new(self)
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
    /// use pysync::Mutex;
    ///
    /// let mutex = Mutex::new();
    /// // In the parent, some thread held it at the moment of the fork.
    /// mutex.lock();
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { mutex.after_fork_child() };
    /// assert!(mutex.try_lock());
    /// ```
    ///
    /// Port of: `_PyMutex_at_fork_reinit` (Include/internal/pycore_lock.h)
    pub unsafe fn after_fork_child(&self) {
        // ORD: Relaxed, there is no other thread.
        self.word.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn lock_slow(&self) {
        // Without a deadline and without flags for interrupts, only the lock itself ends the wait.
        let _acquired = self.lock_until(Deadline::NEVER, LockFlags::DETACH);
    }

    /// Locks until `deadline`. `lock_timed` with an absolute time.
    #[cold]
    pub(crate) fn lock_until(&self, deadline: Deadline, flags: LockFlags) -> LockStatus {
        if deadline == Deadline::NOW && !seeded("135871") {
            return if self.try_lock() { LockStatus::Acquired } else { LockStatus::Failure };
        }
        self.lock_waiting(deadline, flags, None)
    }

    /// Locks for a thread that has waited already, is woken, and is to be treated fairly from `fair_at` on.
    #[cold]
    pub(crate) fn lock_again(&self, fair_at: u64) {
        // As in `lock_slow`.
        let _acquired = self.lock_waiting(Deadline::NEVER, LockFlags::DETACH, Some(fair_at));
    }

    fn lock_waiting(
        &self,
        deadline: Deadline,
        flags: LockFlags,
        fair_at: Option<u64>,
    ) -> LockStatus {
        let mut spin = Spin::new(deadline, flags.interruptible());
        // ORD: Relaxed, the compare-exchanges decide.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if !is_locked(seen) {
                match self.take(seen) {
                    Ok(()) => return LockStatus::Acquired,
                    Err(now) => seen = now,
                }
                continue;
            }
            if !has_parked(seen) && spin.turn() {
                // ORD: Relaxed, as above.
                seen = self.word.load(Ordering::Relaxed);
                continue;
            }
            if let Err(now) = self.mark_parked(seen) {
                seen = now;
                continue;
            }
            let reset = seeded("fair-deadline-reset");
            let began = if reset { monotonic_nanos() } else { spin.began() };
            let fair_at = fair_at.unwrap_or(began + FAIR_AFTER);
            if let Some(status) = self.wait(deadline, flags, fair_at) {
                return status;
            }
            // ORD: Relaxed, as above.
            seen = self.word.load(Ordering::Relaxed);
        }
    }

    /// Sets `HAS_PARKED` for a waiter that is about to be moved here; false if the mutex is free. If a thread is `coming`
    /// that was woken and will lock, the mutex may be free. Under the bucket lock.
    pub(crate) fn expect_waiter(&self, coming: bool) -> bool {
        if seeded("condvar-unmarked") {
            return coming || self.is_locked();
        }
        // ORD: Relaxed, the compare-exchange decides; a set bit stays while the bucket is locked (MUTEX-3).
        let mut seen = self.word.load(Ordering::Relaxed);
        while coming || is_locked(seen) {
            match self.mark_parked(seen) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Makes sure that `HAS_PARKED` is set beside what was seen.
    fn mark_parked(&self, seen: u8) -> Result<(), u8> {
        if has_parked(seen) {
            return Ok(());
        }
        // ORD: Relaxed, the bit itself is the message; the bucket lock orders the queue (MUTEX-3).
        let marked = self.word.compare_exchange(
            seen,
            seen | HAS_PARKED,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        marked.map(|_| ())
    }

    /// Parks once. `Some` if that ended the lock call.
    fn wait(&self, deadline: Deadline, flags: LockFlags, fair_at: u64) -> Option<LockStatus> {
        let entry = Entry::new(fair_at);
        let options = ParkOptions {
            deadline,
            arg: ptr::from_ref(&entry).cast_mut().cast(),
            detach: flags.contains(LockFlags::DETACH),
            interruptible: flags.interruptible(),
        };
        let unwinding = PassOnUnwind { mutex: self, entry: &entry };
        // ORD: Relaxed, under the bucket lock, which orders it with every clearing of the bit (MUTEX-3).
        let validate = || self.word.load(Ordering::Relaxed) == LOCKED | HAS_PARKED;
        // SAFETY: the address of a live mutex is used by this module alone; the callbacks only touch the word;
        // the entry outlives the call.
        let status =
            unsafe { park(self.address(), options, validate, |queue| self.gave_up(queue)) };
        core::mem::forget(unwinding);
        match status {
            ParkStatus::Ok if entry.was_handed_off() => Some(LockStatus::Acquired),
            ParkStatus::Timeout => Some(LockStatus::Failure),
            ParkStatus::Intr if interrupted::ends_wait(flags) => Some(LockStatus::Intr),
            ParkStatus::Ok | ParkStatus::Again | ParkStatus::Intr => None,
        }
    }

    /// Clears the bit behind the last waiter. Under the bucket lock.
    fn gave_up(&self, queue: &mut Queue<'_>) {
        if queue.is_empty() && !seeded("has-parked-leak") {
            // ORD: Relaxed, as an RMW it keeps a holder's Release visible to the next Acquire (MUTEX-2).
            self.word.fetch_and(!HAS_PARKED, Ordering::Relaxed);
        }
    }

    #[cold]
    fn unlock_slow(&self) {
        if self.try_unlock().is_err() {
            self.misuse();
        }
    }

    /// Unlocks at the end of time, when everybody has waited long enough.
    #[cold]
    fn unlock_fair_slow(&self) {
        if self.unlock_by(|| self.release(u64::MAX)).is_err() {
            self.misuse();
        }
    }

    fn misuse(&self) -> ! {
        fatal("Mutex", self, "unlock of a mutex that is not locked", "a locked mutex")
    }

    /// Frees the mutex, or hands it over, and wakes the first waiter (MUTEX-4, MUTEX-5).
    ///
    /// Port of: `mutex_unpark` (Python/lock.c)
    fn release(&self, now: u64) {
        let decide = |queue: &mut Queue<'_>| {
            let handed_off = queue.dequeue().is_some_and(|entry| {
                // SAFETY: every argument at this address is the entry of a waiter in `wait`, alive until it
                // is woken, which is after this callback.
                let entry = unsafe { &*entry.cast::<Entry>() };
                entry.offer(now)
            });
            if handed_off {
                queue.note_hand_off();
            }
            let parked = if queue.is_empty() { 0 } else { HAS_PARKED };
            let next = if handed_off { LOCKED | parked } else { parked };
            // ORD: Release, pairs with the Acquire of the next lock (MUTEX-2). An RMW, so that it is in one order
            // with the bits that waiters set outside the bucket lock; one whose bit is overwritten here fails to
            // validate.
            self.word.swap(next, Ordering::Release);
        };
        // SAFETY: the address is this mutex's own, and the callback only touches its word.
        unsafe { with_queue(self.address(), decide) };
    }

    pub(crate) fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

/// Passes the mutex, or the wake, to the next waiter if the attach hook unwinds (MUTEX-4).
struct PassOnUnwind<'a> {
    mutex: &'a Mutex,
    entry: &'a Entry,
}

impl Drop for PassOnUnwind<'_> {
    fn drop(&mut self) {
        if self.entry.was_handed_off() || self.mutex.try_lock() {
            self.mutex.unlock();
        }
    }
}

impl Default for Mutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.bits();
        f.debug_struct("Mutex")
            .field("locked", &is_locked(seen))
            .field("has_parked", &has_parked(seen))
            .finish()
    }
}

//! Run something once, whoever comes first; try again if it failed.
//!
//! | bits | meaning | who makes it so |
//! |---|---|---|
//! | 0 | fresh: not run, or failed | the runner, on an error or a panic |
//! | 1 `LOCKED` | running, nobody queued | who finds it fresh |
//! | 3 `LOCKED \| HAS_PARKED` | running, waiters queued or about to be | a waiter |
//! | 4 `DONE` | done; never left | the runner, on success |
//!
//! Invariants:
//!
//! * ONCE-1: at most one thread runs the function at a time; it made the word go from 0 to 1.
//! * ONCE-2: exactly one run succeeds; after it the word is 4 for ever, and whoever sees that sees what the
//!   run did.
//! * ONCE-3: a run that fails, by error or by panic, leaves the word 0 and wakes everybody who waits; one of
//!   them, or a newcomer, runs next.
//! * ONCE-4: a thread is queued only while the word is 3: it validates that under the bucket lock, under which the
//!   runner also ends a run that has waiters. So every waiter is dequeued or never queued.
//!
//! Port of: `_PyOnceFlag` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: a panic counts as a failure; CPython's functions cannot unwind.

use crate::bits::{DONE, HAS_PARKED, LOCKED};
use core::fmt;
use core::ptr;
use pyparking::primitive::{AtomicU8, Ordering, seeded};
use pyparking::{Deadline, ParkOptions, Queue, park, with_queue};

const FRESH: u8 = 0;

fn has_parked(seen: u8) -> bool {
    seen & HAS_PARKED != 0
}

/// A flag for something that must succeed once.
///
/// All-zero when fresh. A call from inside the function waits for ever.
///
/// Cost: one acquire load when done.
///
/// Ordering: what the successful run did is seen by every call that returns `Ok`, and after
/// [`is_done`](Self::is_done) said so.
///
/// ```
/// use pysync::OnceFlag;
///
/// let flag = OnceFlag::new();
/// assert_eq!(flag.call_once(|| Err("no luck")), Err("no luck"));
/// assert_eq!(flag.call_once(|| Ok::<(), &str>(())), Ok(()));
/// assert_eq!(flag.call_once(|| Err("not even called")), Ok(()));
/// ```
///
/// Port of: `_PyOnceFlag` (Include/internal/pycore_lock.h)
#[repr(transparent)]
pub struct OnceFlag {
    word: AtomicU8,
}

impl OnceFlag {
    pyparking::const_fn! {
        /// A flag for something that has not run.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::OnceFlag;
        ///
        /// static STARTED: OnceFlag = OnceFlag::new();
        /// assert!(!STARTED.is_done());
        /// assert_eq!(size_of::<OnceFlag>(), 1);
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicU8::new(FRESH) }
        }
    }

    /// Whether a run has succeeded.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// use pysync::OnceFlag;
    ///
    /// let flag = OnceFlag::new();
    /// assert!(flag.call_once(|| Err("no luck")).is_err() && !flag.is_done());
    /// assert!(flag.call_once(|| Ok::<(), &str>(())).is_ok() && flag.is_done());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `finish` (ONCE-2).
        self.word.load(Ordering::Acquire) == DONE
    }

    /// Runs `f` unless a run has succeeded; waits for a run that is under way. A thread of a runtime detaches
    /// while it waits.
    ///
    /// Cost: one acquire load when done; for the one who runs `f`, one RMW before and one after it. Whoever has to
    /// wait parks.
    ///
    /// # Errors
    ///
    /// What `f` returned, if it was called and failed; the flag is fresh again.
    ///
    /// # Panics
    ///
    /// If `f` does; the flag is fresh again.
    ///
    /// ```
    /// use pysync::OnceFlag;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// static FLAG: OnceFlag = OnceFlag::new();
    /// static RUNS: AtomicU32 = AtomicU32::new(0);
    /// let run = || {
    ///     RUNS.fetch_add(1, Relaxed);
    ///     Ok::<(), ()>(())
    /// };
    /// let threads = [(); 3].map(|()| std::thread::spawn(move || FLAG.call_once(run)));
    /// threads.map(|thread| assert_eq!(thread.join().unwrap(), Ok(())));
    /// assert_eq!(RUNS.load(Relaxed), 1);
    /// ```
    ///
    /// Port of: `_PyOnceFlag_CallOnce` (Include/internal/pycore_lock.h)
    #[inline]
    pub fn call_once<E>(&self, f: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if self.is_done() { Ok(()) } else { self.call_slow(f) }
    }

    /// The bits, at some moment during the call. For tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::OnceFlag;
    ///
    /// let flag = OnceFlag::new();
    /// assert_eq!(flag.bits(), 0);
    /// let running = flag.call_once(|| if flag.bits() == 1 { Ok(()) } else { Err(flag.bits()) });
    /// assert_eq!(running, Ok(()));
    /// assert_eq!(flag.bits(), 4);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u8 {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        self.word.load(Ordering::Relaxed)
    }

    /// Makes a flag that was running fresh again in the child of a fork: its runner is not there. A flag that
    /// is done stays done.
    ///
    /// Cost: one relaxed load, and one relaxed store unless done.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and is not inside this flag's function.
    ///
    /// ```
    /// use pysync::OnceFlag;
    ///
    /// let flag = OnceFlag::new();
    /// flag.call_once(|| Ok::<(), ()>(())).unwrap();
    /// // In the child:
    /// // SAFETY: no other thread runs, and this one is not inside the function.
    /// unsafe { flag.after_fork_child() };
    /// assert!(flag.is_done());
    /// ```
    pub unsafe fn after_fork_child(&self) {
        if self.bits() != DONE {
            // ORD: Relaxed, there is no other thread.
            self.word.store(FRESH, Ordering::Relaxed);
        }
    }

    /// Port of: `_PyOnceFlag_CallOnceSlow` (Python/lock.c)
    #[cold]
    fn call_slow<E>(&self, f: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        loop {
            // ORD: Acquire, pairs with the Release of `finish` (ONCE-2).
            match self.word.load(Ordering::Acquire) {
                DONE => return Ok(()),
                FRESH if self.begin() => break,
                FRESH => {}
                seen => self.wait(seen),
            }
        }
        let mut run = Run { flag: self, outcome: FRESH };
        let result = f();
        run.outcome = if result.is_ok() { DONE } else { FRESH };
        drop(run);
        result
    }

    /// Takes the word from fresh to running.
    fn begin(&self) -> bool {
        // ORD: Acquire, pairs with the Release of a run that failed: what it left behind is seen (ONCE-3).
        let begun = self.word.compare_exchange(FRESH, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        begun.is_ok()
    }

    /// Waits for the end of a run, once.
    fn wait(&self, seen: u8) {
        if !has_parked(seen) && !self.mark_parked() {
            return;
        }
        let options = ParkOptions { deadline: Deadline::NEVER, ..ParkOptions::default() };
        // SAFETY: the address of a live flag is used by this module alone; the callback only reads the word.
        // Whatever the status, the caller looks at the word again.
        let _ = unsafe {
            park(
                ptr::from_ref(self).addr(),
                options,
                // ORD: Relaxed, the bucket lock orders it with `finish`'s dequeueing (ONCE-4).
                || self.word.load(Ordering::Relaxed) == LOCKED | HAS_PARKED,
                |_| {},
            )
        };
    }

    /// Takes the word from running to running with waiters; false if it was something else.
    fn mark_parked(&self) -> bool {
        // ORD: Relaxed, the bit itself is the message; the bucket lock orders the queue (ONCE-4).
        let marked = self.word.compare_exchange(
            LOCKED,
            LOCKED | HAS_PARKED,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        marked.is_ok()
    }

    /// Ends a run. Port of: `unlock_once` (Python/lock.c)
    fn finish(&self, outcome: u8) {
        // ORD: Release, pairs with the Acquire of whoever sees the outcome (ONCE-2, ONCE-3). Relaxed on failure:
        // the runner knows what it left.
        let ended =
            self.word.compare_exchange(LOCKED, outcome, Ordering::Release, Ordering::Relaxed);
        if ended.is_err() {
            self.finish_for_waiters(outcome);
        }
    }

    #[cold]
    fn finish_for_waiters(&self, outcome: u8) {
        let decide = |queue: &mut Queue<'_>| {
            // ORD: Release, as in `finish`.
            self.word.store(outcome, Ordering::Release);
            while queue.dequeue().is_some() {}
        };
        // SAFETY: the address of a live flag is used by this module alone; the callback only touches the word.
        unsafe { with_queue(ptr::from_ref(self).addr(), decide) };
    }
}

/// A run under way; fresh again if it unwinds (ONCE-3).
struct Run<'a> {
    flag: &'a OnceFlag,
    outcome: u8,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if seeded("once-panic") && std::thread::panicking() {
            return;
        }
        self.flag.finish(self.outcome);
    }
}

impl Default for OnceFlag {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OnceFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceFlag").field("done", &(self.bits() == DONE)).finish()
    }
}

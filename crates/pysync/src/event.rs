//! A one-shot event: unset until somebody sets it, set for ever after.
//!
//! | bits | meaning | who makes it so |
//! |---|---|---|
//! | 0 | unset, nobody queued | fresh, or the last waiter that gives up (under the bucket lock) |
//! | 2 `HAS_PARKED` | unset, waiters queued or about to be | a waiter |
//! | 1 `LOCKED` | set | `notify`; never left |
//!
//! Invariants:
//!
//! * EVENT-1: a thread that sees the event set sees what happened before the `notify`.
//! * EVENT-2: a thread is queued only while the word is 2: it validates that under the bucket lock, and `notify`
//!   sets an event that has waiters under that lock. So every waiter is dequeued or never queued.
//! * EVENT-3: `notify` does not touch the event after the step that sets it, and dequeues in that same step: a
//!   waiter may free it at once, and whoever uses the address next is not woken by mistake.
//! * EVENT-4: a woken waiter takes no lock: it looks at the word and returns. A storm of waiters costs one
//!   bucket lock each to queue, and one in all to be woken.
//!
//! Port of: `PyEvent` (Include/internal/pycore_lock.h, Python/lock.c)
//! PORT: CPython exchanges the word before it takes the bucket lock, which can wake the address's next owner; the
//! last waiter that gives up takes the word back to 0; a wake without `notify` (an address used
//! anew) goes on waiting for the rest of the time, where CPython's timed form returns.

use crate::bits::{HAS_PARKED, LOCKED};
use crate::interrupted;
use crate::status::{LockFlags, LockStatus};
use core::fmt;
use core::ptr;
use core::time::Duration;
use pyparking::primitive::{AtomicU8, Ordering, seeded};
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue, park, with_queue};

const UNSET: u8 = 0;
const SET: u8 = LOCKED;

/// A one-shot event of one byte.
///
/// All-zero when fresh. To use one again, put a fresh one in its place while nobody waits.
///
/// Ordering: what happened before [`notify`](Self::notify) is seen after a wait, or [`is_set`](Self::is_set),
/// that found the event set.
///
/// ```
/// use pysync::Event;
///
/// static READY: Event = Event::new();
/// let waiter = std::thread::spawn(|| READY.wait());
/// READY.notify();
/// waiter.join().unwrap();
/// assert!(READY.is_set());
/// ```
///
/// Port of: `PyEvent` (Include/internal/pycore_lock.h)
#[repr(transparent)]
pub struct Event {
    word: AtomicU8,
}

impl Event {
    pyparking::const_fn! {
        /// An event that is not set.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::Event;
        ///
        /// static STARTED: Event = Event::new();
        /// assert!(!STARTED.is_set());
        /// assert_eq!(size_of::<Event>(), 1);
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicU8::new(UNSET) }
        }
    }

    /// Whether the event is set.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// use pysync::Event;
    ///
    /// static STOP: Event = Event::new();
    /// let worker = std::thread::spawn(|| {
    ///     let mut rounds = 0_u64;
    ///     while !STOP.is_set() {
    ///         rounds += 1;
    ///     }
    ///     rounds
    /// });
    /// STOP.notify();
    /// worker.join().unwrap();
    /// ```
    ///
    /// Port of: `_PyEvent_IsSet` (Include/internal/pycore_lock.h)
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `notify` (EVENT-1).
        self.word.load(Ordering::Acquire) == SET
    }

    /// Sets the event and wakes everybody who waits. Does nothing the second time.
    ///
    /// Cost: one RMW when nobody waits; otherwise four, and for each waiter one RMW and at most one system call.
    ///
    /// ```
    /// use pysync::Event;
    /// use std::thread;
    ///
    /// static READY: Event = Event::new();
    /// let waiters = [(); 3].map(|()| thread::spawn(|| READY.wait()));
    /// READY.notify();
    /// waiters.map(|waiter| waiter.join().unwrap());
    /// READY.notify();
    /// assert!(READY.is_set());
    /// ```
    ///
    /// Port of: `_PyEvent_Notify` (Python/lock.c)
    pub fn notify(&self) {
        // ORD: Release, pairs with the Acquire of whoever sees it set (EVENT-1). Relaxed on failure: who sees it
        // set by another `notify` has nothing to add.
        let set = self.word.compare_exchange(UNSET, SET, Ordering::Release, Ordering::Relaxed);
        if set == Err(HAS_PARKED) {
            self.notify_waiters();
        }
    }

    #[cold]
    fn notify_waiters(&self) {
        let decide = |queue: &mut Queue<'_>| {
            // ORD: Release, as in `notify`. An RMW, so that it is in one order with the bits that waiters set outside
            // the bucket lock.
            self.word.swap(SET, Ordering::Release);
            while !seeded("event-lost-wake") && queue.dequeue().is_some() {}
        };
        // SAFETY: the address of a live event is used by this module alone; the callback only touches the word.
        unsafe { with_queue(ptr::from_ref(self).addr(), decide) };
    }

    /// Waits until the event is set; a thread of a runtime detaches while it sleeps.
    ///
    /// Cost: one acquire load if the event is set; otherwise a park, and one RMW by the first who waits.
    ///
    /// ```
    /// use pysync::Event;
    ///
    /// static LOADED: Event = Event::new();
    /// std::thread::spawn(|| LOADED.notify());
    /// LOADED.wait();
    /// assert!(LOADED.is_set());
    /// ```
    ///
    /// Port of: `PyEvent_Wait` (Python/lock.c)
    #[inline]
    pub fn wait(&self) {
        if !self.is_set() {
            // Without a deadline and without flags for interrupts, only the event ends the wait.
            let _set = self.wait_until(Deadline::NEVER, LockFlags::DETACH);
        }
    }

    /// Waits until the event is set, at most `timeout` (`None`: for ever), or until an interrupt. Returns
    /// whether the event is set.
    ///
    /// Cost: as [`wait`](Self::wait); where it has to wait, a clock read for the deadline.
    ///
    /// ```
    /// use pysync::Event;
    /// use std::time::Duration;
    ///
    /// let event = Event::new();
    /// assert!(!event.wait_timed(Some(Duration::from_millis(1))));
    /// event.notify();
    /// assert!(event.wait_timed(Some(Duration::ZERO)));
    /// ```
    ///
    /// Port of: `PyEvent_WaitTimed` (Python/lock.c)
    #[must_use]
    pub fn wait_timed(&self, timeout: Option<Duration>) -> bool {
        self.wait_with(timeout, LockFlags::DETACH | LockFlags::FAIL_IF_INTERRUPTED)
    }

    /// [`wait_timed`](Self::wait_timed) with a choice of what the wait does about the runtime and interrupts.
    ///
    /// Cost: as [`wait_timed`](Self::wait_timed).
    ///
    /// ```
    /// use pysync::{Event, LockFlags};
    /// use std::time::Duration;
    ///
    /// // A thread that no runtime knows of: nothing to detach, and interrupts are not for it.
    /// let done = Event::new();
    /// assert!(!done.wait_with(Some(Duration::from_millis(1)), LockFlags::EMPTY));
    /// ```
    #[must_use]
    pub fn wait_with(&self, timeout: Option<Duration>, flags: LockFlags) -> bool {
        let status = self.wait_status(timeout, flags);
        status == LockStatus::Acquired || self.is_set()
    }

    /// [`wait_with`](Self::wait_with) that tells a timeout, `Failure`, from an interrupt, `Intr`. `Acquired` means that
    /// the event is set; it may be set after `Intr` too.
    ///
    /// Cost: as [`wait_timed`](Self::wait_timed).
    ///
    /// ```
    /// use pysync::{Event, LockFlags, LockStatus};
    /// use std::time::Duration;
    ///
    /// let done = Event::new();
    /// let wait = || done.wait_status(Some(Duration::from_millis(1)), LockFlags::DETACH);
    /// assert_eq!(wait(), LockStatus::Failure);
    /// done.notify();
    /// assert_eq!(wait(), LockStatus::Acquired);
    /// ```
    pub fn wait_status(&self, timeout: Option<Duration>, flags: LockFlags) -> LockStatus {
        if self.is_set() {
            return LockStatus::Acquired;
        }
        self.wait_until(Deadline::from_timeout(timeout), flags)
    }

    /// The bits, at some moment during the call. For tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::Event;
    ///
    /// let event = Event::new();
    /// assert_eq!(event.bits(), 0);
    /// event.notify();
    /// assert_eq!(event.bits(), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u8 {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        self.word.load(Ordering::Relaxed)
    }

    /// Makes a fresh event of this one in the child of a fork. The same as zeroing it.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    ///
    /// ```
    /// use pysync::Event;
    ///
    /// let event = Event::new();
    /// event.notify();
    /// // In the child:
    /// // SAFETY: no other thread runs.
    /// unsafe { event.after_fork_child() };
    /// assert!(!event.is_set());
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // ORD: Relaxed, there is no other thread.
        self.word.store(UNSET, Ordering::Relaxed);
    }

    #[cold]
    fn wait_until(&self, deadline: Deadline, flags: LockFlags) -> LockStatus {
        if deadline == Deadline::NOW {
            return self.status_after_timeout();
        }
        loop {
            // ORD: Acquire, pairs with the Release of `notify` (EVENT-1).
            match self.word.load(Ordering::Acquire) {
                SET => return LockStatus::Acquired,
                UNSET if !self.mark_parked() => continue,
                _ => {}
            }
            let options = ParkOptions {
                deadline,
                arg: ptr::null_mut(),
                detach: flags.contains(LockFlags::DETACH),
                interruptible: flags.interruptible(),
            };
            // SAFETY: the address of a live event is used by this module alone; the callbacks only touch the
            // word.
            let status = unsafe {
                park(
                    ptr::from_ref(self).addr(),
                    options,
                    // ORD: Relaxed, the bucket lock orders it with `notify`'s dequeueing (EVENT-2).
                    || self.word.load(Ordering::Relaxed) == HAS_PARKED,
                    |queue| self.gave_up(queue),
                )
            };
            match status {
                ParkStatus::Timeout => return self.status_after_timeout(),
                ParkStatus::Intr if interrupted::ends_wait(flags) => return LockStatus::Intr,
                ParkStatus::Ok | ParkStatus::Again | ParkStatus::Intr => {}
            }
        }
    }

    fn status_after_timeout(&self) -> LockStatus {
        if self.is_set() { LockStatus::Acquired } else { LockStatus::Failure }
    }

    /// Takes the word from unset to "waiters"; false if it was something else.
    fn mark_parked(&self) -> bool {
        // ORD: Relaxed, the value itself is the message; the bucket lock orders the queue (EVENT-2).
        let marked =
            self.word.compare_exchange(UNSET, HAS_PARKED, Ordering::Relaxed, Ordering::Relaxed);
        marked.is_ok()
    }

    /// Takes the word back behind the last waiter. Under the bucket lock.
    fn gave_up(&self, queue: &mut Queue<'_>) {
        if queue.is_empty() && !seeded("has-parked-leak") {
            // ORD: Relaxed, nothing is published: the event stays unset. Fails where it was set meanwhile.
            let _ =
                self.word.compare_exchange(HAS_PARKED, UNSET, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &(self.bits() == SET)).finish()
    }
}

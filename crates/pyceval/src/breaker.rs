//! The eval breaker: one word per thread that says "look up from the bytecode".
//!
//! | bits | event | set by | cleared by |
//! |---|---|---|---|
//! | 0 | [`Events::GIL_DROP_REQUEST`] | a thread that waits for the GIL | the holder when it takes or drops the GIL; a waiter that leaves |
//! | 1 | [`Events::SIGNALS_PENDING`] | a signal handler, on the main thread's word | the main thread before it delivers |
//! | 2 | [`Events::CALLS_TO_DO`] | who adds a pending call | the thread that runs them, before it does |
//! | 3 | [`Events::ASYNC_EXCEPTION`] | who sends an exception | the thread itself, with the exception |
//! | 4 | [`Events::GC_SCHEDULED`] | the allocator | the thread itself, before it collects |
//! | 5 | [`Events::PLEASE_STOP`] | who stops the world | the thread itself; who starts the world |
//! | 6 | [`Events::EXPLICIT_MERGE`] | who queues a reference count to merge | the thread itself, before it merges |
//! | 7 | [`Events::JIT_INVALIDATE_COLD`] | the optimiser | the thread itself, before it does so |
//! | 8 and up | instrumentation version | the thread on attach; who instruments, with the world stopped | |
//!
//! * BREAKER-1: the poll is one relaxed load and a test; what an event is about is read behind the acquire load of
//!   [`Breaker::take`] or [`Breaker::events`], which sees everything that happened before the bit was set.
//! * BREAKER-2: a bit is cleared before the thing that it stands for is looked at, so an event that comes
//!   meanwhile sets it again and none is lost.
//!
//! Port of: `_Py_set_eval_breaker_bit` (Include/internal/pycore_ceval.h)
//! PORT: the version field above the mask is what other sources call "monitoring version". There is no "profile
//! or trace" bit: a profiler is installed by a new version with the world stopped, which each thread compares with
//! the version that its code was instrumented for.

use core::fmt;
use core::ops::BitOr;
use pyparking::primitive::{AtomicUsize, Ordering};

/// Bits below the instrumentation version.
///
/// Port of: `_PY_EVAL_EVENTS_BITS` (Include/internal/pycore_ceval.h)
pub const VERSION_SHIFT: u32 = 8;

/// The events' bits. Port of: `_PY_EVAL_EVENTS_MASK` (Include/internal/pycore_ceval.h)
const EVENTS_MASK: usize = 0xff;

/// A set of events, with CPython's bits.
///
/// ```
/// use pyceval::Events;
///
/// let both = Events::SIGNALS_PENDING | Events::CALLS_TO_DO;
/// assert!(both.contains(Events::CALLS_TO_DO));
/// assert_eq!(both.bits(), 0b110);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Events(u8);

impl Events {
    /// No event.
    pub const NONE: Self = Self(0);
    /// Another thread wants the GIL. Port of: `_PY_GIL_DROP_REQUEST_BIT`
    pub const GIL_DROP_REQUEST: Self = Self(1 << 0);
    /// A signal was tripped. Port of: `_PY_SIGNALS_PENDING_BIT`
    pub const SIGNALS_PENDING: Self = Self(1 << 1);
    /// Pending calls are queued. Port of: `_PY_CALLS_TO_DO_BIT`
    pub const CALLS_TO_DO: Self = Self(1 << 2);
    /// An exception was sent to this thread. Port of: `_PY_ASYNC_EXCEPTION_BIT`
    pub const ASYNC_EXCEPTION: Self = Self(1 << 3);
    /// A garbage collection is due. Port of: `_PY_GC_SCHEDULED_BIT`
    pub const GC_SCHEDULED: Self = Self(1 << 4);
    /// The world is being stopped. Port of: `_PY_EVAL_PLEASE_STOP_BIT`
    pub const PLEASE_STOP: Self = Self(1 << 5);
    /// Reference counts wait to be merged by their owner. Port of: `_PY_EVAL_EXPLICIT_MERGE_BIT`
    pub const EXPLICIT_MERGE: Self = Self(1 << 6);
    /// Cold machine code is to be thrown away. Port of: `_PY_EVAL_JIT_INVALIDATE_COLD_BIT`
    pub const JIT_INVALIDATE_COLD: Self = Self(1 << 7);

    /// Whether all of `other` is set.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyceval::Events;
    /// assert!(!Events::NONE.contains(Events::PLEASE_STOP));
    /// ```
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is set.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyceval::Events;
    /// assert!(Events::NONE.is_empty());
    /// ```
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// CPython's number.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyceval::Events;
    /// assert_eq!(Events::JIT_INVALIDATE_COLD.bits(), 0x80);
    /// ```
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    fn word(self) -> usize {
        usize::from(self.0)
    }
}

impl BitOr for Events {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({:#010b})", self.0)
    }
}

/// The breaker of one thread.
///
/// Interpreters poll it through [`Attached::poll`](crate::Attached::poll); this type is for those who look at
/// the word from machine code, and for tests.
///
/// ```
/// use pyceval::{Breaker, Events};
///
/// let breaker = Breaker::new();
/// assert!(!breaker.is_tripped());
/// breaker.set(Events::GC_SCHEDULED);
/// assert!(breaker.is_tripped());
/// assert!(breaker.take(Events::GC_SCHEDULED));
/// assert!(!breaker.take(Events::GC_SCHEDULED));
/// ```
#[repr(transparent)]
pub struct Breaker {
    word: AtomicUsize,
}

impl Breaker {
    pyparking::const_fn! {
        /// A breaker without events, version 0.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// assert!(pyceval::Breaker::new().events().is_empty());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicUsize::new(0) }
        }
    }

    /// The poll: whether any event is set.
    ///
    /// Cost: one relaxed load and a test. Ordering: none; [`take`](Self::take) gives it.
    ///
    /// ```
    /// assert!(!pyceval::Breaker::new().is_tripped());
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        // ORD: Relaxed, the poll only decides whether to look closer (BREAKER-1).
        self.word.load(Ordering::Relaxed) & EVENTS_MASK != 0
    }

    /// The events that are set.
    ///
    /// Cost: one acquire load. Ordering: what happened before an event was set is seen after it was found here.
    ///
    /// ```
    /// use pyceval::{Breaker, Events};
    /// let breaker = Breaker::new();
    /// breaker.set(Events::CALLS_TO_DO);
    /// assert_eq!(breaker.events(), Events::CALLS_TO_DO);
    /// ```
    #[inline]
    #[must_use]
    pub fn events(&self) -> Events {
        // ORD: Acquire, pairs with the Release of `set` (BREAKER-1).
        let seen = self.word.load(Ordering::Acquire);
        Events((seen & EVENTS_MASK) as u8)
    }

    /// Sets events. Async-signal-safe, from any thread.
    ///
    /// Cost: one RMW. Ordering: what happened before is seen by the thread that takes or finds the event.
    ///
    /// ```
    /// use pyceval::{Breaker, Events};
    /// let breaker = Breaker::new();
    /// breaker.set(Events::SIGNALS_PENDING | Events::CALLS_TO_DO);
    /// assert!(breaker.events().contains(Events::SIGNALS_PENDING));
    /// ```
    ///
    /// Port of: `_Py_set_eval_breaker_bit` (Include/internal/pycore_ceval.h)
    #[inline]
    pub fn set(&self, events: Events) {
        // ORD: Release, pairs with the Acquire of `events` and `take` (BREAKER-1).
        self.word.fetch_or(events.word(), Ordering::Release);
    }

    /// Clears events, whoever set them.
    ///
    /// Cost: one RMW. Ordering: none.
    ///
    /// ```
    /// use pyceval::{Breaker, Events};
    /// let breaker = Breaker::new();
    /// breaker.set(Events::PLEASE_STOP);
    /// breaker.clear(Events::PLEASE_STOP);
    /// assert!(!breaker.is_tripped());
    /// ```
    ///
    /// Port of: `_Py_unset_eval_breaker_bit` (Include/internal/pycore_ceval.h)
    #[inline]
    pub fn clear(&self, events: Events) {
        // ORD: Relaxed, taking an event back tells nobody anything; as an RMW it keeps the Release of others visible.
        self.word.fetch_and(!events.word(), Ordering::Relaxed);
    }

    /// Clears events and says whether any of them was set: before the thing itself is looked at (BREAKER-2).
    ///
    /// Cost: one RMW. Ordering: as [`events`](Self::events).
    ///
    /// ```
    /// use pyceval::{Breaker, Events};
    /// let breaker = Breaker::new();
    /// assert!(!breaker.take(Events::ASYNC_EXCEPTION));
    /// ```
    #[inline]
    pub fn take(&self, events: Events) -> bool {
        // ORD: Acquire, pairs with the Release of `set` (BREAKER-1).
        self.word.fetch_and(!events.word(), Ordering::Acquire) & events.word() != 0
    }

    /// The instrumentation version that this thread runs with.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// assert_eq!(pyceval::Breaker::new().version(), 0);
    /// ```
    #[inline]
    #[must_use]
    pub fn version(&self) -> usize {
        // ORD: Relaxed, written by this thread, or with the world stopped.
        self.word.load(Ordering::Relaxed) >> VERSION_SHIFT
    }

    /// Replaces the version and keeps the events: by the thread itself on attach, or with the world stopped.
    pub(crate) fn set_version(&self, version: usize) {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let next = version << VERSION_SHIFT | seen & EVENTS_MASK;
            // ORD: Relaxed on both sides: the version is read by this thread; as an RMW it keeps the events' Release.
            match self.word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("events", &self.events())
            .field("version", &self.version())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_the_events() {
        let breaker = Breaker::new();
        breaker.set(Events::GC_SCHEDULED);
        breaker.set_version(7);
        assert_eq!((breaker.version(), breaker.events()), (7, Events::GC_SCHEDULED));
        breaker.clear(Events::GC_SCHEDULED);
        assert_eq!((breaker.version(), breaker.events()), (7, Events::NONE));
    }
}

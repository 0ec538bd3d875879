//! The signals that came and were not delivered: one bit each, in one word.
//!
//! | | the handler | the main thread |
//! |---|---|---|
//! | first | sets the signal's bit in the word | takes `SIGNALS_PENDING` from its breaker |
//! | then | sets `SIGNALS_PENDING` in the breaker | looks at the word, clears a bit, runs the callback |
//!
//! Why no signal is lost (SIGNAL-1): setting and taking `SIGNALS_PENDING` are read-modify-writes of one word, so one
//! comes first. If the handler's set is first, the take sees what came before it, the signal's bit too, and the
//! look behind the take finds it. If the take is first, the set stays, and the next poll takes it. The callback begins
//! after the signal's bit is cleared, so a signal that comes later sets the bit anew.
//!
//! A pass goes through the numbers once, upwards: a signal that comes again during the pass, and whose number has
//! been passed, is left to the next poll. So a callback that trips its own signal does not hold up the thread.

use super::{LAST, bit};
use crate::breaker::{Breaker, Events};
use core::fmt;
use pyparking::primitive::{AtomicU64, Ordering, seeded};

pub(super) struct Tripped {
    word: AtomicU64,
}

impl Tripped {
    pub(super) fn new() -> Self {
        Self { word: AtomicU64::new(0) }
    }

    /// Marks the signal. Who then looks for the main thread sees a main thread that was bound before [`look`].
    ///
    /// [`look`]: Self::look
    #[inline]
    pub(super) fn mark(&self, signal: i32) {
        // ORD: Release, pairs with the Acquire in `take_above`; Acquire, pairs with the Release in `look`: a
        // main thread that was bound before it and did not see this is seen by this thread.
        self.word.fetch_or(bit(signal), Ordering::AcqRel);
    }

    /// Whether a signal is tripped, for somebody who has just published a main thread.
    pub(super) fn look(&self) -> bool {
        // ORD: Release on an unchanged word: a `mark` comes before it and is found, or after it and sees what this
        // thread has published. What led to a signal is seen by `take_above`.
        self.word.fetch_or(0, Ordering::Release) != 0
    }

    /// Calls `each` with the signals that are tripped, upwards, until it fails.
    pub(super) fn deliver<E>(
        &self,
        breaker: &Breaker,
        mut each: impl FnMut(i32) -> Result<(), E>,
    ) -> Result<(), E> {
        if !seeded("signal-lost") {
            breaker.take(Events::SIGNALS_PENDING);
        }
        let mut rest = Rest { tripped: self, breaker, above: 0, done: false };
        while let Some(signal) = self.take_above(rest.above) {
            rest.above = signal;
            each(signal)?;
        }
        rest.done = true;
        if seeded("signal-lost") {
            breaker.clear(Events::SIGNALS_PENDING);
        }
        Ok(())
    }

    /// Clears the lowest bit of a signal above this one.
    fn take_above(&self, signal: i32) -> Option<i32> {
        if signal == LAST {
            return None;
        }
        // ORD: Relaxed, the bit that is found is taken below, by an RMW that orders.
        let seen = self.word.load(Ordering::Relaxed) >> signal << signal;
        if seen == 0 {
            return None;
        }
        let next = seen.trailing_zeros() as i32 + 1;
        // ORD: Acquire, pairs with the Release of `mark`: what led to the signal is seen by its callback, also if it was
        // marked again since the look, which this clears too.
        self.word.fetch_and(!bit(next), Ordering::Acquire);
        Some(next)
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        // ORD: Relaxed, for the child of a fork, which has one thread.
        self.word.store(0, Ordering::Relaxed);
    }
}

impl fmt::Debug for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORD: Relaxed, the answer is about one moment and orders nothing.
        write!(f, "Tripped({:#b})", self.word.load(Ordering::Relaxed))
    }
}

/// A pass; if it ends early, the main thread is told to come back (SIGNAL-3).
struct Rest<'a> {
    tripped: &'a Tripped,
    breaker: &'a Breaker,
    above: i32,
    done: bool,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        if !self.done && self.tripped.look() {
            self.breaker.set(Events::SIGNALS_PENDING);
        }
    }
}

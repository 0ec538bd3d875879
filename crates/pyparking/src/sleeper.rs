//! One place to sleep: a word that a waker and an interrupter may set, and the thread that looks at it.
//!
//! | bits of the word | meaning | set by | cleared by |
//! |---|---|---|---|
//! | `SIGNALLED` 1 | the one wake of this sleep has come | the waker, once a sleep | `arm` |
//! | `INTERRUPTED` 2 | an interrupt is waiting to be taken | `interrupt`, from anywhere | the thread that returns `Intr`, or `take_interrupt` |
//! | `SLEEPING` 4 | the thread is in the system's wait, or about to be | the sleeper | `arm` |
//! | from bit 3 | generation of a registered thread's word; 0 elsewhere | the register | – |
//!
//! Invariants:
//!
//! * SLEEPER-1: between `arm` and the end of `sleep` with [`Slept::Signalled`] there is exactly one `signal`;
//!   `sleep` reports it once and never reports it without one. A signal handler or a stray wake of the same
//!   address changes nothing (CPython issue 148820).
//! * SLEEPER-2: what the waker wrote before `signal` is seen after `sleep` said `Signalled`.
//! * SLEEPER-3: the waker does not touch the sleeper after the RMW that sets `SIGNALLED`; it copied the desk
//!   and the address before. The memory may be gone by then.
//! * SLEEPER-4: a waker that finds `SLEEPING` clear need not call the system: the sleeper sets `SLEEPING` by a
//!   compare-exchange that fails once `SIGNALLED` is there.

use crate::deadline::Deadline;
use crate::os::{self, Desk, Woken};
use crate::primitive::{AtomicU32, Ordering, native, seeded};
use core::time::Duration;

const SIGNALLED: u32 = 1;
const INTERRUPTED: u32 = 2;
const SLEEPING: u32 = 4;
const GENERATION_SHIFT: u32 = 3;

/// How often an interruptible sleep looks at its word where a wake cannot come from a signal handler.
const GLANCE: Duration = Duration::from_millis(10);

fn is_signalled(seen: u32) -> bool {
    seen & SIGNALLED != 0
}

fn is_interrupted(seen: u32) -> bool {
    seen & INTERRUPTED != 0
}

fn is_sleeping(seen: u32) -> bool {
    seen & SLEEPING != 0
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// The wake came.
    Signalled,
    /// The deadline passed, and no wake was seen.
    TimedOut,
    /// An interrupt is waiting, or a signal handler ran; no wake was seen.
    Interrupted,
}

/// A word to sleep on. The desk that goes with it is its thread's, handed in by whoever uses it.
#[derive(Debug)]
pub(crate) struct Sleeper {
    word: AtomicU32,
}

impl Sleeper {
    /// A word that is armed.
    #[inline]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU32::new(0) }
    }

    /// Forgets the last sleep. The thread itself, before it publishes the sleeper.
    pub(crate) fn arm(&self) {
        let forgotten = if seeded("interrupt-not-sticky") { INTERRUPTED } else { 0 };
        // ORD: Relaxed, nobody holds the sleeper yet; the lock that publishes it orders this (SLEEPER-1).
        self.word.fetch_and(!(SIGNALLED | SLEEPING | forgotten), Ordering::Relaxed);
    }

    /// Whether `sleep` would sleep: no wake has come, and no interrupt that would end it.
    #[inline]
    pub(crate) fn would_sleep(&self, interruptible: bool) -> bool {
        // ORD: Relaxed, a look ahead: `sleep` looks again.
        let seen = self.word.load(Ordering::Relaxed);
        !(is_signalled(seen) || interruptible && is_interrupted(seen))
    }

    /// Whether the thread has not announced its sleep, at some moment during the call.
    #[inline]
    pub(crate) fn is_awake(&self) -> bool {
        // ORD: Relaxed, a hint: `signal` looks again (SLEEPER-4).
        !is_sleeping(self.word.load(Ordering::Relaxed))
    }

    fn is_signalled(&self) -> bool {
        // ORD: Acquire, pairs with the Release in `signal` (SLEEPER-2).
        is_signalled(self.word.load(Ordering::Acquire))
    }

    /// Takes a waiting interrupt back; tells whether there was one.
    pub(crate) fn take_interrupt(&self) -> bool {
        // ORD: Acquire, pairs with the Release in `interrupt`: what led to the interrupt is seen.
        is_interrupted(self.word.fetch_and(!INTERRUPTED, Ordering::Acquire))
    }

    /// Sleeps until signalled. Wakes for any other reason go back to sleep (SLEEPER-1).
    pub(crate) fn sleep_until_signalled(&self, desk: &Desk) {
        while self.sleep(desk, Deadline::NEVER, false) != Slept::Signalled {
            if seeded("148820") {
                return;
            }
        }
    }

    /// Sleeps until signalled, until the deadline, or, if `interruptible`, until an interrupt.
    pub(crate) fn sleep(&self, desk: &Desk, deadline: Deadline, interruptible: bool) -> Slept {
        loop {
            // ORD: Acquire, pairs with the Release in `signal` (SLEEPER-2).
            let seen = self.word.load(Ordering::Acquire);
            if is_signalled(seen) {
                return Slept::Signalled;
            }
            if interruptible && is_interrupted(seen) {
                return Slept::Interrupted;
            }
            if !is_sleeping(seen) && !self.announce(seen) {
                continue;
            }
            match self.wait(seen | SLEEPING, desk, deadline, interruptible) {
                Woken::Signalled if interruptible => return self.after_handler(),
                Woken::TimedOut if deadline.passed() => return self.after_deadline(),
                _ if seeded("148820") => return Slept::Interrupted,
                _ => {}
            }
        }
    }

    /// Sets `SLEEPING`; false if the word is no longer what was seen (SLEEPER-4).
    fn announce(&self, seen: u32) -> bool {
        // ORD: Relaxed, the bit itself is the message; RMWs on one word are in one order.
        let set =
            self.word.compare_exchange(seen, seen | SLEEPING, Ordering::Relaxed, Ordering::Relaxed);
        set.is_ok()
    }

    fn wait(&self, expected: u32, desk: &Desk, deadline: Deadline, interruptible: bool) -> Woken {
        let glancing = interruptible && !os::SIGNAL_SAFE_WAKE;
        let until = if glancing { deadline.min(Deadline::after(GLANCE)) } else { deadline };
        os::wait(&self.word, expected, desk, until)
    }

    fn after_deadline(&self) -> Slept {
        if self.is_signalled() { Slept::Signalled } else { Slept::TimedOut }
    }

    fn after_handler(&self) -> Slept {
        if self.is_signalled() { Slept::Signalled } else { Slept::Interrupted }
    }

    /// Gives the sleeper, whose thread waits at `desk`, its one wake.
    ///
    /// # Safety
    ///
    /// `this` is valid, and armed, until the word says `SIGNALLED`: the sleeper's thread stays in `sleep`
    /// until then, however often it times out. `desk` is a copy, which does not go with it.
    pub(crate) unsafe fn signal(this: *const Self, desk: &Desk) {
        // SAFETY: valid by the caller's word until the RMW below; no reference is made.
        let word = unsafe { &raw const (*this).word };
        // ORD: Release, publishes what the waker decided and the end of its use of the sleeper (SLEEPER-2).
        // SAFETY: as above; the reference ends with the RMW (SLEEPER-3).
        let seen = unsafe { (*word).fetch_or(SIGNALLED, Ordering::Release) };
        if is_sleeping(seen) {
            os::wake(word, desk);
        }
    }

    /// Marks an interrupt, and ends the sleep if there is one, if the generation is still `generation`.
    ///
    /// Async-signal-safe: a compare-exchange loop and at most one system call, `errno` kept.
    pub(crate) fn interrupt(&self, desk: &Desk, generation: u32) -> bool {
        // ORD: Relaxed, the compare-exchange below decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if seen >> GENERATION_SHIFT != generation {
                return false;
            }
            // ORD: Release on success, pairs with the Acquire in `take_interrupt`; Relaxed on failure, as
            // the loop only compares again.
            match self.word.compare_exchange(
                seen,
                seen | INTERRUPTED,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if is_sleeping(seen) && os::SIGNAL_SAFE_WAKE {
            os::wake(&raw const self.word, desk);
        }
        true
    }

    /// The generation of the word.
    pub(crate) fn generation(&self) -> u32 {
        // ORD: Relaxed, only the thread itself asks, between its own register and retire.
        self.word.load(Ordering::Relaxed) >> GENERATION_SHIFT
    }
}

native! {
    impl Sleeper {
        /// Moves the word to the next generation, so that handles to this one are stale. False if there is none.
        pub(crate) fn retire(&self) -> bool {
            // ORD: Relaxed, the thread that ends is the only one to move it; handles compare whole words.
            let seen = self.word.load(Ordering::Relaxed);
            let next = (seen | ((1 << GENERATION_SHIFT) - 1)).wrapping_add(1);
            // ORD: Relaxed, as above.
            self.word.store(next, Ordering::Relaxed);
            next != 0
        }
    }
}

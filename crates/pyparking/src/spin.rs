//! How long a waiter turns before it sleeps.
//!
//! A turn pays off when the holder runs on another processor and is about to finish; under a GIL it never
//! does, because a waiter that runs is a holder that does not. Which of the two holds is the runtime's
//! knowledge, so it says so once: [`set_turns`] with 40 for free-threaded use (the value of a program without
//! a runtime too) or 0 under a GIL.

use crate::deadline::{Deadline, monotonic_nanos};
use crate::primitive::plain::AtomicU32;
use crate::primitive::{EXHAUSTIVE, MODELLED, Ordering, thread};
use crate::regime::{SOON, SOON_AMONG_READERS, keeps_away};

/// Turns of free-threaded use. Port of: `MAX_SPIN_COUNT` (Python/lock.c)
pub const FREE_THREADED: u32 = 40;

/// Turns under a GIL.
pub const GIL: u32 = 0;

/// Looks at a [`RawMutex`](crate::RawMutex) before queueing: its sections take tens of nanoseconds.
pub(crate) const RAW_TURNS: u32 = if MODELLED { 0 } else { 40 };

static TURNS: AtomicU32 = AtomicU32::new(FREE_THREADED);

/// Sets the number of turns for every lock of the process from now on.
///
/// Cost: one relaxed store.
///
/// ```
/// use pyparking::spin;
///
/// assert_eq!(spin::turns(), spin::FREE_THREADED);
/// spin::set_turns(spin::GIL);
/// assert_eq!(spin::turns(), 0);
/// ```
pub fn set_turns(turns: u32) {
    // ORD: Relaxed, a policy: a waiter that still uses the old number is as right.
    TURNS.store(turns, Ordering::Relaxed);
}

/// The number of turns in force.
///
/// Cost: one relaxed load.
///
/// ```
/// use pyparking::spin;
///
/// let under_a_gil = spin::turns() == spin::GIL;
/// assert!(!under_a_gil, "a program without a runtime turns as a free-threaded one");
/// ```
#[must_use]
pub fn turns() -> u32 {
    if MODELLED {
        return u32::from(!EXHAUSTIVE);
    }
    // ORD: Relaxed, as in `set_turns`.
    TURNS.load(Ordering::Relaxed)
}

/// Gives the processor to another thread that is ready, or comes straight back.
///
/// Cost: one system call, and the time that the other thread takes.
///
/// ```
/// use pyparking::spin;
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
///
/// static STARTED: AtomicBool = AtomicBool::new(false);
/// std::thread::spawn(|| STARTED.store(true, Relaxed));
/// while !STARTED.load(Relaxed) {
///     spin::yield_now();
/// }
/// ```
#[inline]
pub fn yield_now() {
    thread::yield_now();
}

/// Yields in the longest turn: about 20 µs, no more than it takes to wake a sleeper on an idle processor. A lock
/// that comes free during a turn is not looked at until its end, so a longer one would lose against sleeping.
const LONGEST_TURN: u32 = 32;

/// A yield that took longer than this let another thread run: there are more threads than processors.
const CROWDED_NANOS: u64 = 5_000;

/// Yields in a turn among a crowd: each of them already lets others run for a while.
const CROWDED_TURN: u32 = 8;

/// How long to turn on a processor that nobody else wants.
const ALONE_NANOS: u64 = 150_000;

/// How long to turn among a crowd, where turning costs nobody anything, but puts off the queue and its order: some
/// time slices of the others. Less makes hand-offs frequent and dear, more makes them rare and waits uneven.
const CROWDED_TOTAL_NANOS: u64 = 8_000_000;

/// Yields of a waiter that keeps away: about 30 µs, in which the other passes the lock some hundred times.
const AWAY_TURN: u32 = 64;

/// Turns of a few pauses before the first yield: a holder that is about to finish is not worth a system call.
const PAUSE_TURNS: u32 = 3;

/// The turns of one waiter, before it queues.
///
/// The waiter looks at the lock between turns only: every look takes the line away from the holder, who is
/// in the middle of using it. The first turns are some pauses, the next one yield, so that a short section is not
/// missed; then they double, so that a long one is not disturbed. A thread that meets others again and again within a
/// microsecond keeps away for a long first turn instead, and leaves the line to one of them: handing it to and fro would
/// cost more than taking turns. How long a yield takes says whether other threads want the processor; if
/// they do, yielding is all that helps, and the number of turns is what limits it, as in CPython. A wait with a
/// deadline, or one that an interrupt may end, does not turn among a crowd: it would not notice in time.
///
/// ```
/// use pyparking::Deadline;
/// use pyparking::spin::{self, Spin};
///
/// let mut spin = Spin::new(Deadline::NEVER, false);
/// let mut turns = 0;
/// while spin.turn() {
///     turns += 1;
/// }
/// assert!(turns <= spin::turns());
/// ```
#[derive(Debug)]
pub struct Spin {
    left: u32,
    pauses: u32,
    yields: u32,
    began: Option<u64>,
    crowded: bool,
    hurried: bool,
    /// Within how many nanoseconds it must meet others again to keep away; never if there is none.
    soon: Option<u64>,
    deadline: Deadline,
}

impl Spin {
    /// The turns that the policy gives to a wait that ends at `deadline`, or on an interrupt.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use pyparking::spin::{self, Spin};
    ///
    /// spin::set_turns(spin::GIL);
    /// let mut spin = Spin::new(Deadline::NEVER, false);
    /// assert!(!spin.turn(), "under a GIL a waiter queues at once");
    /// ```
    #[must_use]
    pub fn new(deadline: Deadline, interruptible: bool) -> Self {
        let hurried = interruptible || deadline != Deadline::NEVER;
        Self {
            left: turns(),
            pauses: 0,
            yields: 1,
            began: None,
            crowded: false,
            hurried,
            soon: Some(SOON),
            deadline,
        }
    }

    /// The turns of a waiter whom others wait for meanwhile: it never keeps away.
    ///
    /// Cost: as [`new`](Self::new).
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use pyparking::spin::Spin;
    ///
    /// let mut spin = Spin::near(Deadline::NOW, false);
    /// while spin.turn() {}
    /// assert!(!spin.turn(), "the time is up");
    /// ```
    #[must_use]
    pub fn near(deadline: Deadline, interruptible: bool) -> Self {
        Self { soon: None, ..Self::new(deadline, interruptible) }
    }

    /// The turns of a waiter at a lock that many pass without a wait: it keeps away where it meets others less often.
    ///
    /// Cost: as [`new`](Self::new).
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use pyparking::spin::{self, Spin};
    ///
    /// let mut spin = Spin::among_readers(Deadline::NEVER, false);
    /// let mut turns = 0;
    /// while spin.turn() {
    ///     turns += 1;
    /// }
    /// assert!(turns <= spin::turns());
    /// ```
    #[must_use]
    pub fn among_readers(deadline: Deadline, interruptible: bool) -> Self {
        Self { soon: Some(SOON_AMONG_READERS), ..Self::new(deadline, interruptible) }
    }

    /// When the wait began, in nanoseconds of [`monotonic_nanos`]: with its first turn, or else with the first call
    /// of this.
    ///
    /// Cost: one clock read, the first time, unless a turn has read it.
    ///
    /// ```
    /// use pyparking::spin::Spin;
    /// use pyparking::{Deadline, monotonic_nanos};
    ///
    /// let mut spin = Spin::new(Deadline::NEVER, false);
    /// let began = spin.began();
    /// while spin.turn() {}
    /// assert!(spin.began() == began && began <= monotonic_nanos());
    /// ```
    #[must_use]
    pub fn began(&mut self) -> u64 {
        *self.began.get_or_insert_with(monotonic_nanos)
    }

    /// Takes a turn; false if there are none left, or the time is up.
    ///
    /// Cost: some pauses, or a clock read and some yields, each a system call and a clock read. No atomic operation.
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use pyparking::spin::Spin;
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// static LOCKED: AtomicBool = AtomicBool::new(true);
    /// let holder = std::thread::spawn(|| LOCKED.store(false, Relaxed));
    /// let mut spin = Spin::new(Deadline::NEVER, false);
    /// while LOCKED.load(Relaxed) && spin.turn() {}
    /// // Here a lock is free, or the thread queues, which in this example is a join.
    /// holder.join().unwrap();
    /// assert!(!LOCKED.load(Relaxed));
    /// ```
    pub fn turn(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if MODELLED {
            yield_now();
        } else if self.pauses == 0 && self.keeps_away() {
            self.pauses = PAUSE_TURNS;
            self.yields = AWAY_TURN;
            self.burst();
        } else if self.pauses < PAUSE_TURNS {
            self.pauses += 1;
            (0..1 << self.pauses).for_each(|_| thread::spin_loop());
        } else {
            self.burst();
        }
        true
    }

    fn keeps_away(&mut self) -> bool {
        self.soon.is_some_and(|soon| keeps_away(self.began(), soon))
    }

    fn burst(&mut self) {
        let mut before = monotonic_nanos();
        let began = *self.began.get_or_insert(before);
        for _ in 0..self.yields {
            yield_now();
            let now = monotonic_nanos();
            self.crowded |= now.saturating_sub(before) > CROWDED_NANOS;
            before = now;
            if now.saturating_sub(began) > self.limit()
                || self.deadline.nanos().is_some_and(|at| at <= now)
            {
                self.left = 0;
                return;
            }
        }
        let doubled = (self.yields * 2).min(LONGEST_TURN);
        self.yields = if self.crowded { CROWDED_TURN } else { doubled };
    }

    /// How long to turn in all, by what is known of the processor.
    fn limit(&self) -> u64 {
        match (self.crowded, self.hurried) {
            (false, _) => ALONE_NANOS,
            (true, false) => CROWDED_TOTAL_NANOS,
            (true, true) => 0,
        }
    }
}

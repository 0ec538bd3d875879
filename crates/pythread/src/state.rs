//! How far a thread has come, with the process that it belongs to, in one word.
//!
//! | part of the word | meaning |
//! |---|---|
//! | bits 0, 1 | the stage: 0 fresh, 1 starting, 2 started |
//! | the rest | the generation of the process that claimed the handle, 0 while fresh |
//!
//! | transition | who | how |
//! |---|---|---|
//! | fresh→starting | a start call | compare-exchange: one wins (STAGE-1) |
//! | starting→started | the thread first thing, and its starter once the system has it | swap; the second changes nothing |
//!
//! That a thread has ended is not in the word: it is the event `ended` of its [`Life`](crate::life::Life), which joiners
//! sleep on.
//!
//! * STAGE-1: one start call claims a handle.
//! * STAGE-2: whoever sees "started" sees the ident and the name; who learnt of the thread from the thread itself sees
//!   "started".
//! * STAGE-3: a claim names its process: in the child of a fork the word itself tells that its thread is not there.
//!
//! Port of: `ThreadHandleState` (Modules/_threadmodule.c)
//! PORT: a word instead of a number under a mutex; "done" is the event.

use pyparking::primitive::{AtomicU64, Ordering};

/// How far a thread has come.
///
/// ```
/// use pythread::{Handle, State};
///
/// let thread = Handle::new();
/// assert_eq!(thread.state(), State::NotStarted);
/// thread.start(|| {}).unwrap();
/// thread.join().unwrap();
/// assert_eq!(thread.state(), State::Done);
/// assert!(State::Running < State::Done);
/// ```
///
/// Port of: `ThreadHandleState` (Modules/_threadmodule.c)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum State {
    /// Nobody has started it.
    NotStarted = 1,
    /// A start call is at work.
    Starting = 2,
    /// The thread runs, or is about to.
    Running = 3,
    /// It has ended, could not be started, or is not in this process since a fork.
    Done = 4,
}

const STAGE_BITS: u32 = 2;
const STAGE_MASK: u64 = (1 << STAGE_BITS) - 1;
const FRESH: u64 = 0;
const STARTING: u64 = 1;
const STARTED: u64 = 2;

/// The word.
#[derive(Debug)]
pub(crate) struct StateWord(AtomicU64);

/// What was seen in the word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl StateWord {
    pub(crate) fn fresh() -> Self {
        Self(AtomicU64::new(FRESH))
    }

    /// The word of a thread that ran before anybody thought of a handle.
    pub(crate) fn started(generation: u64) -> Self {
        Self(AtomicU64::new(generation << STAGE_BITS | STARTED))
    }

    /// Takes the word from fresh to starting (STAGE-1).
    pub(crate) fn claim(&self, generation: u64) -> bool {
        let next = generation << STAGE_BITS | STARTING;
        // ORD: Relaxed, the claim publishes nothing: what it is about is written after it.
        self.0.compare_exchange(FRESH, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The thread is there (STAGE-2).
    pub(crate) fn begin(&self, generation: u64) {
        // ORD: Release, pairs with the Acquire of `look` (STAGE-2). A swap, so that the second of the two that
        // come here hands on what the first released.
        self.0.swap(generation << STAGE_BITS | STARTED, Ordering::Release);
    }

    pub(crate) fn look(&self) -> Seen {
        // ORD: Acquire, pairs with the Release of `begin` (STAGE-2).
        Seen(self.0.load(Ordering::Acquire))
    }
}

impl Seen {
    pub(crate) fn is_fresh(self) -> bool {
        self.0 & STAGE_MASK == FRESH
    }

    pub(crate) fn is_started(self) -> bool {
        self.0 & STAGE_MASK == STARTED
    }

    /// The process that claimed it, 0 if nobody did.
    pub(crate) fn generation(self) -> u64 {
        self.0 >> STAGE_BITS
    }
}

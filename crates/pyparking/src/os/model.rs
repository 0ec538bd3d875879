//! Models: the checker's park and unpark, and a clock that moves when the model says so.
//!
//! The clock is plain thread-local data: a checker runs all threads of a model on one thread of the machine,
//! so it needs no atomics, and it adds no schedules of its own.

use super::Woken;
use crate::deadline::Deadline;
use crate::primitive::thread::{Thread, current, park};
use crate::primitive::{AtomicU32, Ordering};

/// The checker takes a wake anywhere.
pub(crate) const SIGNAL_SAFE_WAKE: bool = true;

/// A thread of the model.
pub(crate) type Desk = Thread;

/// The calling thread.
pub(crate) fn desk() -> Desk {
    current()
}

/// Parks while `word` is `expected`, until unparked or until the clock passes the deadline.
#[track_caller]
pub(crate) fn wait(word: &AtomicU32, expected: u32, desk: &Desk, deadline: Deadline) -> Woken {
    let timed = deadline != Deadline::NEVER;
    if timed {
        clock::watch(desk);
    }
    // ORD: Relaxed, the caller loads again; a wake that comes now leaves its token for the park below.
    if !deadline.passed() && word.load(Ordering::Relaxed) == expected {
        park();
    }
    if timed {
        clock::unwatch(desk);
    }
    if deadline.passed() { Woken::TimedOut } else { Woken::Changed }
}

/// Unparks the sleeper.
pub(crate) fn wake(_word: *const AtomicU32, desk: &Desk) {
    desk.unpark();
}

/// Nanoseconds of the model's clock.
pub(crate) fn now() -> u64 {
    clock::now()
}

/// Models have no system threads.
pub(crate) fn thread_id() -> u64 {
    0
}

/// Models do not fork.
pub(crate) fn after_fork_child() {}

/// The clock of the running model.
pub mod clock {
    use crate::primitive::thread::Thread;
    use crate::primitive::{AtomicU32, Cell, Ordering, global};

    std::thread_local! {
        static NOW: Cell<u64> = const { Cell::new(1) };
        static SLEEPERS: Cell<Vec<Thread>> = const { Cell::new(Vec::new()) };
    }

    global! {
        /// Touched by everybody who reads or moves the clock, for the checker's sake: it explores both orders of
        /// two steps only if they touch one object that it knows.
        fn hand() -> &'static AtomicU32 = AtomicU32::new(0)
    }

    /// Sets the clock back for a new schedule. The first line of every model that uses time.
    pub fn reset() {
        NOW.with(|cell| cell.set(1));
        SLEEPERS.with(|cell| cell.set(Vec::new()));
        // Made here, before there are threads: who makes it would be ordered before all others.
        hand();
    }

    /// The time.
    #[track_caller]
    pub fn now() -> u64 {
        // ORD: Relaxed, a place for the checker to switch threads, nothing else; the time itself is exact.
        hand().load(Ordering::Relaxed);
        NOW.with(Cell::get)
    }

    /// Lets `nanos` pass, and wakes every sleeper that has a deadline to look at it.
    pub fn advance(nanos: u64) {
        // ORD: Relaxed, as in `now`.
        hand().fetch_add(1, Ordering::Relaxed);
        NOW.with(|now| now.set(now.get() + nanos));
        for sleeper in SLEEPERS.with(Cell::take) {
            sleeper.unpark();
        }
    }

    pub(super) fn watch(sleeper: &Thread) {
        let mut all = SLEEPERS.with(Cell::take);
        all.push(sleeper.clone());
        SLEEPERS.with(|cell| cell.set(all));
    }

    /// A thread that waits for something else must not be woken by the clock.
    pub(super) fn unwatch(sleeper: &Thread) {
        let mut all = SLEEPERS.with(Cell::take);
        all.retain(|other| other.id() != sleeper.id());
        SLEEPERS.with(|cell| cell.set(all));
    }
}

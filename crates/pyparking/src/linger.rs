//! Whether a queued thread looks for its wake a while before it sleeps.
//!
//! For waits that another thread may end at any time, such as that for a notification: where two threads answer each other,
//! the wake comes within microseconds, and a sleep costs more than that. Where it does not come, lingering is wasted; where
//! it comes from a thread that had to be given the processor, a sleep would have given it too. So a thread remembers how
//! its last waits ended.
//!
//! | score | the next wait |
//! |---|---|
//! | above 0 | lingers |
//! | 0 | does not, but for one in `SELDOM` |
//!
//! | transition | when |
//! |---|---|
//! | to `HIGHEST` | the wake came while the thread lingered |
//! | − 1, not below 0 | it did not, or in a yield that let another thread run |
//! | to 0 | it did not, and others wanted the processor |
//!
//! Invariants:
//!
//! * LINGER-1: a thread whose wakes never come soon lingers in one wait of `SELDOM` at most, for `LONGEST_NANOS` and a
//!   yield.

use crate::deadline::{Deadline, monotonic_nanos};
use crate::primitive::Cell;
use crate::spin::{CROWDED_NANOS, turns, yield_now};
use crate::thread_slot;

/// How long to linger: somewhat more than it takes to wake a sleeper on an idle processor, who then answers.
const LONGEST_NANOS: u64 = 40_000;

/// A yield that took longer than this let another thread run.
const SWITCHED_NANOS: u64 = 1_500;

/// Waits of which one lingers, where it has not paid.
const SELDOM: u32 = 16;

/// Waits that linger after one that paid.
const HIGHEST: u32 = 3;

thread_slot! {
    static MINE: Cell<Patience> = Cell::new(Patience::FRESH)
}

/// How a wait that lingered ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Came,
    /// It did not come, or only once this thread had let another one run.
    Late,
    Crowded,
}

/// Looks for what `came` says, for a while, if that has paid for the calling thread.
pub(crate) fn until(deadline: Deadline, came: impl Fn() -> bool) {
    if turns() == 0 {
        return;
    }
    MINE.with(|slot| {
        let mut mine = slot.get();
        if mine.lingers() {
            mine.note(look(deadline, came));
        }
        slot.set(mine);
    });
}

fn look(deadline: Deadline, came: impl Fn() -> bool) -> Outcome {
    let began = monotonic_nanos();
    let mut before = began;
    loop {
        yield_now();
        let came = came();
        let now = monotonic_nanos();
        let took = now.saturating_sub(before);
        let over = now.saturating_sub(began) > LONGEST_NANOS
            || deadline.nanos().is_some_and(|at| at <= now);
        match (came, took) {
            (true, 0..=SWITCHED_NANOS) => return Outcome::Came,
            (false, CROWDED_NANOS..) => return Outcome::Crowded,
            (true, _) => return Outcome::Late,
            (false, _) if over => return Outcome::Late,
            (false, _) => before = now,
        }
    }
}

/// What a thread remembers of its waits.
#[derive(Clone, Copy, Debug)]
struct Patience {
    score: u32,
    /// Waits since the last one that lingered.
    passed: u32,
}

impl Patience {
    const FRESH: Self = Self { score: 1, passed: 0 };

    /// Whether the wait that begins lingers.
    fn lingers(&mut self) -> bool {
        self.passed += 1;
        self.score > 0 || self.passed >= SELDOM
    }

    fn note(&mut self, outcome: Outcome) {
        self.passed = 0;
        self.score = match outcome {
            Outcome::Came => HIGHEST,
            Outcome::Late => self.score.saturating_sub(1),
            Outcome::Crowded => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{HIGHEST, Outcome, Patience, SELDOM};

    /// How many of `waits` linger that all end in `outcome`.
    fn lingering(patience: &mut Patience, waits: u32, outcome: Outcome) -> u32 {
        let mut count = 0;
        for _ in 0..waits {
            if patience.lingers() {
                patience.note(outcome);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn what_pays_goes_on() {
        let mut patience = Patience::FRESH;
        assert_eq!(lingering(&mut patience, 100, Outcome::Came), 100);
    }

    #[test]
    fn what_does_not_pay_becomes_rare() {
        let mut patience = Patience::FRESH;
        lingering(&mut patience, 1, Outcome::Came);
        assert_eq!(lingering(&mut patience, HIGHEST, Outcome::Late), HIGHEST);
        assert_eq!(lingering(&mut patience, 10 * SELDOM, Outcome::Late), 10);
    }

    #[test]
    fn a_crowd_ends_it_at_once() {
        let mut patience = Patience::FRESH;
        lingering(&mut patience, 1, Outcome::Came);
        assert_eq!(lingering(&mut patience, SELDOM, Outcome::Crowded), 1);
    }

    #[test]
    fn one_that_pays_again_is_noticed() {
        let mut patience = Patience::FRESH;
        lingering(&mut patience, 1, Outcome::Crowded);
        assert_eq!(lingering(&mut patience, SELDOM + 9, Outcome::Came), 10);
    }
}

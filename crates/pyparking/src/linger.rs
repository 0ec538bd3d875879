//! Whether a queued thread looks for its wake a while before it sleeps.
//!
//! For waits that another thread may end at any time, such as that for a notification: where two threads answer each other,
//! the wake comes within microseconds, and a sleep costs more than that. On one processor it is the yield that lets the
//! other thread answer, and two yields for a round cost less than a sleep and a wake. Where the wake does not come, lingering
//! is wasted. Where others want the processor it is worse: a sleeper is given it soon after its wake, and who has yielded only
//! behind them. So a thread remembers how its last waits ended.
//!
//! | score | the next wait |
//! |---|---|
//! | above 0 | lingers, unless the thread rests |
//! | 0 | does not, but for one in `SELDOM`, unless the thread rests |
//!
//! | transition | when |
//! |---|---|
//! | to `HIGHEST` | the wake came while the thread lingered |
//! | − 1, not below 0 | it did not |
//! | − 1, not below 0, and a rest | one yield took as long as `LONGEST_NANOS`: others had the processor, whether the wake came or not |
//!
//! The first rest is as long as that yield was; each further one is twice as long for its yield, up to `RESTS` times; wakes
//! that come bring it down again.
//!
//! Invariants:
//!
//! * LINGER-1: a thread whose wakes never come soon lingers in one wait of `SELDOM` at most, for `LONGEST_NANOS` and a
//!   yield.
//! * LINGER-2: a thread that loses the processor whenever it lingers soon lingers no more for `RESTS` times as long as it had
//!   lost it: beside busy threads it loses that part of its time.

use crate::deadline::{Deadline, monotonic_nanos};
use crate::primitive::Cell;
use crate::spin::{turns, yield_now};
use crate::thread_slot;

/// How long to linger: somewhat more than it takes to wake a sleeper on an idle processor, who then answers.
const LONGEST_NANOS: u64 = 40_000;

/// Waits of which one lingers, where it has not paid.
const SELDOM: u32 = 16;

/// How many times as long as it had lost the processor a thread rests at most.
const RESTS: u64 = 64;

/// What stands for once as long. Each wake that comes takes as many parts off.
const HEED_UNIT: u64 = 16;

/// Waits that linger after one that paid.
const HIGHEST: u32 = 3;

thread_slot! {
    static MINE: Cell<Patience> = Cell::new(Patience::FRESH)
}

/// How a wait that lingered ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Came,
    Late,
    /// In a yield that gave the processor to others, until then and for so long.
    Crowded {
        now: u64,
        took: u64,
    },
}

/// Looks for what `came` says, for a while, if that has paid for the calling thread, which began to wait at `began`. What it
/// did from then on counts as part of the first yield: whom it woke may have had the processor.
pub(crate) fn until(began: u64, deadline: Deadline, came: impl Fn() -> bool) {
    if turns() == 0 || came() {
        return;
    }
    MINE.with(|slot| {
        let mut mine = slot.get();
        if mine.lingers(began) {
            mine.note(look(began, deadline, came));
        }
        slot.set(mine);
    });
}

fn look(began: u64, deadline: Deadline, came: impl Fn() -> bool) -> Outcome {
    let mut before = began;
    loop {
        yield_now();
        let came = came();
        let now = monotonic_nanos();
        let over = now.saturating_sub(began) > LONGEST_NANOS
            || deadline.nanos().is_some_and(|at| at <= now);
        match (now.saturating_sub(before), came) {
            (took @ LONGEST_NANOS.., _) => return Outcome::Crowded { now, took },
            (_, true) => return Outcome::Came,
            (_, false) if over => return Outcome::Late,
            (_, false) => before = now,
        }
    }
}

/// What a thread remembers of its waits.
#[derive(Clone, Copy, Debug)]
struct Patience {
    score: u32,
    /// Waits since the last one that lingered.
    passed: u32,
    /// When it may linger again.
    rested: u64,
    /// How many times as long as it loses the processor it rests, in parts of 1/[`HEED_UNIT`].
    heed: u64,
}

impl Patience {
    const FRESH: Self = Self { score: 1, passed: 0, rested: 0, heed: HEED_UNIT };

    /// Whether the wait that begins now lingers.
    fn lingers(&mut self, now: u64) -> bool {
        self.passed = self.passed.saturating_add(1);
        now >= self.rested && (self.score > 0 || self.passed >= SELDOM)
    }

    fn note(&mut self, outcome: Outcome) {
        self.passed = 0;
        self.score = match outcome {
            Outcome::Came => {
                self.heed = (self.heed - self.heed / HEED_UNIT).max(HEED_UNIT);
                HIGHEST
            }
            Outcome::Late => self.score.saturating_sub(1),
            Outcome::Crowded { now, took } => {
                self.rested = now.saturating_add(took.saturating_mul(self.heed) / HEED_UNIT);
                self.heed = (self.heed * 2).min(RESTS * HEED_UNIT);
                self.score.saturating_sub(1)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{HEED_UNIT, HIGHEST, Outcome, Patience, RESTS, SELDOM};

    const CROWDED: Outcome = Outcome::Crowded { now: 1_000, took: 10 };
    const CROWD_GONE: u64 = 1_000 + 10 * RESTS;

    /// How many of `waits` linger that all end in `outcome`, at `now`.
    fn lingering(patience: &mut Patience, waits: u32, now: u64, outcome: Outcome) -> u32 {
        let mut count = 0;
        for _ in 0..waits {
            if patience.lingers(now) {
                patience.note(outcome);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn what_pays_goes_on() {
        let mut patience = Patience::FRESH;
        assert_eq!(lingering(&mut patience, 100, 0, Outcome::Came), 100);
    }

    /// LINGER-1.
    #[test]
    fn what_does_not_pay_becomes_rare() {
        let mut patience = Patience::FRESH;
        lingering(&mut patience, 1, 0, Outcome::Came);
        assert_eq!(lingering(&mut patience, HIGHEST, 0, Outcome::Late), HIGHEST);
        assert_eq!(lingering(&mut patience, 10 * SELDOM, 0, Outcome::Late), 10);
    }

    /// LINGER-2.
    #[test]
    fn a_crowd_is_left_to_itself_for_longer_and_longer() {
        let mut patience = Patience::FRESH;
        let mut now = 0;
        let mut rest = || {
            let began = now;
            while !patience.lingers(now) {
                now += 1;
            }
            patience.note(Outcome::Crowded { now, took: 1_000 });
            now - began
        };
        let rests: Vec<u64> = (0..8).map(|_| rest() / 1_000).collect();
        assert_eq!(rests, [0, 1, 2, 4, 8, 16, 32, RESTS]);
        assert_eq!(rest() / 1_000, RESTS);
    }

    #[test]
    fn a_crowd_that_is_gone_is_forgotten() {
        let mut patience = Patience::FRESH;
        lingering(&mut patience, 1, 0, CROWDED);
        lingering(&mut patience, SELDOM, CROWD_GONE, CROWDED);
        assert!(patience.heed > HEED_UNIT);
        lingering(&mut patience, SELDOM + 100, 2 * CROWD_GONE, Outcome::Came);
        assert_eq!(patience.heed, HEED_UNIT);
    }

    #[test]
    fn one_that_pays_again_is_noticed() {
        let mut patience = Patience::FRESH;
        lingering(&mut patience, 1, 0, CROWDED);
        assert_eq!(lingering(&mut patience, SELDOM + 9, CROWD_GONE, Outcome::Came), 10);
    }
}

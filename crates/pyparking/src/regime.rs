//! Whether a thread meets others at its locks so often that sharing them costs more than taking turns.
//!
//! A lock whose line goes to and fro between two processors for sections and pauses of some tens of nanoseconds
//! passes slower than one thread alone would pass it. There, who finds it held should keep away for a while and
//! let the other run; with more work outside the lock, keeping away wastes the processor. The two differ in how
//! soon a thread that met somebody meets somebody again: measured with one addition under the lock and 50 outside,
//! more than half of the intervals are below [`SOON`]; with 100 outside, less than a quarter.
//!
//! | score | the next wait |
//! |---|---|
//! | below `KEEP_AWAY` | looks at the lock soon and often |
//! | from `KEEP_AWAY` on | keeps away first |
//!
//! | transition | when |
//! |---|---|
//! | + `STEP`, up to `HIGHEST` | a wait begins within `SOON` of the last one, which looked |
//! | − `STEP` | a wait begins later than that |
//! | − 1 | a wait begins and the last one kept away: what lies between says nothing |
//!
//! A score belongs to a thread, not to a lock: a thread waits for one at a time, and a lock has one byte.
//!
//! Invariants:
//!
//! * SPIN-1: three waits in quick succession are needed before a thread keeps away, and after two waits that kept away
//!   one looks again, so that a lock that has become quiet is noticed.

use crate::primitive::Cell;
use crate::thread_slot;

/// Nanoseconds within which a thread that meets somebody again does so soon.
pub(crate) const SOON: u64 = 1_000;

/// The same at a lock that is mostly passed without a wait: among readers a line goes to and fro many times between two
/// waits. Measured with one upgrade in ten passes and nothing outside, two threads pass such a lock 2.3 times as fast as with
/// `SOON`.
pub(crate) const SOON_AMONG_READERS: u64 = 4 * SOON;

/// What an interval adds to the score, or takes from it.
const STEP: u32 = 3;

/// From here on a thread keeps away.
const KEEP_AWAY: u32 = 3 * STEP;

/// One more than that: two waits that keep away, then one that looks.
const HIGHEST: u32 = KEEP_AWAY + 1;

thread_slot! {
    static MINE: Cell<Regime> = Cell::new(Regime::FRESH)
}

/// What a thread remembers of its waits.
#[derive(Clone, Copy, Debug)]
struct Regime {
    last: u64,
    score: u32,
}

/// Notes that the calling thread begins to wait at `now`, in nanoseconds; whether it should keep away from the lock first.
pub(crate) fn keeps_away(now: u64, soon: u64) -> bool {
    MINE.with(|slot| {
        let mut mine = slot.get();
        let away = mine.keeps_away(now, soon);
        slot.set(mine);
        away
    })
}

impl Regime {
    const FRESH: Self = Self { last: 0, score: 0 };

    fn keeps_away(&mut self, now: u64, soon: u64) -> bool {
        let soon = now.saturating_sub(self.last) < soon;
        self.last = now;
        self.score = match (self.score >= KEEP_AWAY, soon) {
            (true, _) => self.score - 1,
            (false, true) => (self.score + STEP).min(HIGHEST),
            (false, false) => self.score.saturating_sub(STEP),
        };
        self.score >= KEEP_AWAY
    }
}

#[cfg(test)]
mod tests {
    use super::{Regime, SOON};

    /// Which of some waits keep away, given the intervals before them.
    fn waits(intervals: &[u64]) -> Vec<bool> {
        let mut regime = Regime::FRESH;
        let mut now = 1_000_000;
        let wait = |interval: &u64| {
            now += interval;
            regime.keeps_away(now, SOON)
        };
        intervals.iter().map(wait).collect()
    }

    #[test]
    fn three_in_quick_succession_keep_away() {
        assert_eq!(waits(&[SOON, 1, 1, 1]), [false, false, false, true]);
    }

    #[test]
    fn a_quiet_lock_is_noticed() {
        let long = 100 * SOON;
        let found = waits(&[SOON, 1, 1, 1, long, long, long, long]);
        assert_eq!(found[3..], [true, false, false, false, false]);
    }

    #[test]
    fn a_busy_one_is_looked_at_now_and_then() {
        let mut intervals = vec![1; 40];
        intervals[0] = SOON;
        let found = waits(&intervals);
        let away = found.iter().filter(|away| **away).count();
        assert!((15..30).contains(&away), "{found:?}");
    }

    #[test]
    fn intervals_of_which_a_quarter_is_short_hardly_ever_keep_away() {
        let intervals: Vec<_> = (0..400).map(|wait| if wait % 4 == 0 { 1 } else { SOON }).collect();
        assert!(waits(&intervals).iter().all(|away| !away));
    }
}

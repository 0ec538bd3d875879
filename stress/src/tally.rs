//! What each row did: operations, time-outs, interrupts and the longest wait, per row and per
//! worker slot.

use crate::gauge::{Counter, Peak};
use std::time::Duration;

/// One worker slot's share of one row, on lines of its own so that counting does not become the
/// contention.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Share {
    /// Operations that completed.
    pub operations: Counter,
    /// Waits that ran into their deadline.
    pub timeouts: Counter,
    /// Waits that ended because of an interrupt.
    pub interrupts: Counter,
    /// The longest single wait, in nanoseconds.
    pub longest: Peak,
}

/// One row's books.
#[derive(Debug)]
pub struct Tally {
    shares: Box<[Share]>,
    notes: Box<[(&'static str, Counter)]>,
}

impl Tally {
    /// Empty books for `slots` workers and the row's own notes.
    pub fn new(slots: usize, notes: &[&'static str]) -> Self {
        Self {
            shares: (0..slots).map(|_| Share::default()).collect(),
            notes: notes.iter().map(|&name| (name, Counter::new())).collect(),
        }
    }

    /// The share of one slot.
    pub fn share(&self, slot: usize) -> &Share {
        &self.shares[slot]
    }

    /// The row's own counter number `index`, in the order of
    /// [`Row::notes`](crate::row::Row::notes).
    pub fn note(&self, index: usize) -> &Counter {
        &self.notes[index].1
    }

    /// The row's own counters with their names.
    pub fn notes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.notes.iter().map(|(name, counter)| (*name, counter.get()))
    }

    /// Operations of all slots.
    pub fn operations(&self) -> u64 {
        self.shares.iter().map(|share| share.operations.get()).sum()
    }

    /// Time-outs of all slots.
    pub fn timeouts(&self) -> u64 {
        self.shares.iter().map(|share| share.timeouts.get()).sum()
    }

    /// Interrupts of all slots.
    pub fn interrupts(&self) -> u64 {
        self.shares.iter().map(|share| share.interrupts.get()).sum()
    }

    /// The longest wait of any slot.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.shares.iter().map(|share| share.longest.get()).max().unwrap_or(0))
    }

    /// Jain's fairness index over the slots' operations: 1 when all did the same, 1/n when one did
    /// everything.
    pub fn jain(&self) -> f64 {
        jain(self.shares.iter().map(|share| share.operations.get()))
    }
}

/// Jain's fairness index: (sum x)^2 / (n * sum x^2); 1 for nothing at all.
pub fn jain(amounts: impl Iterator<Item = u64>) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for amount in amounts {
        let x = amount as f64;
        n += 1.0;
        sum += x;
        squares += x * x;
    }
    if squares == 0.0 { 1.0 } else { sum * sum / (n * squares) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let tally = Tally::new(2, &["children"]);
        tally.share(0).operations.add(3);
        tally.share(1).operations.add(4);
        tally.share(1).timeouts.add(2);
        tally.share(0).longest.raise(9);
        tally.note(0).add(1);
        assert_eq!((tally.operations(), tally.timeouts(), tally.interrupts()), (7, 2, 0));
        assert_eq!(tally.longest(), Duration::from_nanos(9));
        assert_eq!(tally.notes().collect::<Vec<_>>(), [("children", 1)]);
    }

    #[test]
    fn jain_is_one_for_equal_shares_and_one_nth_for_a_hog() {
        assert!((jain([5, 5, 5, 5].into_iter()) - 1.0).abs() < 1e-9);
        assert!((jain([9, 0, 0, 0].into_iter()) - 0.25).abs() < 1e-9);
        assert!((jain([0, 0].into_iter()) - 1.0).abs() < 1e-9);
    }
}

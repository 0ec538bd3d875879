//! What a row is: one primitive, or one way of using several, that the run hammers.
//!
//! A layer that is built later adds a file under `rows/` with a type that implements [`Row`] and
//! names it in [`rows::all`](crate::rows::all). The run then does the rest: in every round it asks
//! the row for a fresh [`Arena`] and sends its workers to visit it, mixed with visits to all other
//! rows.

use crate::findings::Findings;
use crate::rng::Rng;
use crate::tally::Tally;
use crate::worker::Worker;

/// What a round tells a row when it asks for an arena.
#[derive(Debug)]
pub struct Setup {
    /// The arena's own random stream.
    pub rng: Rng,
    /// How many worker slots there are.
    pub slots: usize,
}

/// What an arena may look at, and complain to, when all is quiet.
#[derive(Debug, Clone, Copy)]
pub struct Quiet<'a> {
    /// The row's name.
    pub row: &'static str,
    /// Where violations go.
    pub findings: &'a Findings,
    /// The row's books.
    pub tally: &'a Tally,
}

impl Quiet<'_> {
    /// Notes a violation unless `holds`.
    pub fn expect(
        &self,
        holds: bool,
        rule: crate::findings::Rule,
        detail: impl FnOnce() -> String,
    ) {
        if !holds {
            self.findings.note(self.row, rule, detail());
        }
    }
}

/// One row of the final table.
pub trait Row: Send + Sync {
    /// The name in the table and for `--only`.
    fn name(&self) -> &'static str;

    /// One line for `--help` and the documentation.
    fn about(&self) -> &'static str;

    /// Names of the row's own counters, for what the common columns do not say.
    fn notes(&self) -> &'static [&'static str] {
        &[]
    }

    /// How often a mixed round sends a worker here, beside the other rows. Slow rows ask for less.
    fn weight(&self) -> u32 {
        8
    }

    /// A fresh arena for one round.
    fn open(&self, setup: Setup) -> Box<dyn Arena>;
}

/// A row's shared state for one round.
///
/// A visit must end by itself once [`Worker::stopping`] and [`Arena::close`] have been called,
/// whatever the other workers are doing: locks are released by whoever holds them, so waiting for
/// one needs nothing; waiting for *another visit* needs a permit ([`Worker::permit`]) so that some
/// workers always stay awake.
pub trait Arena: Sync {
    /// One worker's visit: a handful of operations.
    fn visit(&self, worker: &mut Worker<'_>);

    /// Lets go of every worker that waits for another visit. Called once, when the round is over,
    /// while visits are still under way; it must not wake anything twice, or it would hide a lost
    /// wake-up.
    fn close(&self) {}

    /// All workers have left: check what must hold when nobody is inside.
    fn settle(&mut self, quiet: Quiet<'_>);
}

//! One cell of the bench: what is compared under which conditions, and what is wanted of it.

use crate::contest::Plan;
use crate::crew::Lineup;
use crate::goal::Goal;
use crate::solo::Solo;

/// The coordinates of a cell in a matrix of threads and work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// Threads at work.
    pub threads: usize,
    /// Additions while holding the lock.
    pub section: u32,
    /// Additions between giving the lock back and taking it again.
    pub outside: u32,
}

/// The contestants, ready to run.
pub enum Contestants {
    /// One thread, no contention.
    Solo(Solo),
    /// Several threads.
    Crew(Lineup),
    /// The cell cannot run on this machine; says why.
    Absent(String),
}

/// One cell. Its contestants are only built when their turn comes, since some bring threads or memory of their own.
pub struct Cell {
    /// The row it belongs to.
    pub row: &'static str,
    /// What is particular about it.
    pub label: String,
    /// Its coordinates, if it is part of a matrix.
    pub place: Option<Place>,
    /// What one operation is.
    pub operation: &'static str,
    /// Whether all threads do the same, so that the shares they get can be compared.
    pub even: bool,
    /// What is wanted.
    pub goal: Goal,
    /// Blocks and rounds.
    pub plan: Plan,
    /// Builds the contestants.
    pub contestants: Box<dyn Fn() -> Contestants>,
}

//! One contestant: what it is called, which part it plays, and the work its threads do in a block.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use serde::Serialize;

/// The part an arm plays in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The primitive under test; exactly one arm of a cell.
    Ours,
    /// The primitive under test once more, to show what two equal things look like in this run.
    Control,
    /// Somebody else's primitive.
    Peer,
    /// What the hardware or the system allows at best; not a usable primitive.
    Limit,
}

/// An arm's name and part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The name in a report.
    pub name: String,
    /// The part it plays.
    pub role: Role,
}

impl Label {
    /// A label.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role }
    }
}

/// The flag that ends a block, on a cache line of its own so that testing it costs every arm the same.
#[derive(Debug, Default)]
pub struct Stop(CachePadded<AtomicBool>);

impl Stop {
    /// Whether the block is over.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        // ORD: Relaxed, the flag guards no data; results travel through a channel, which orders them.
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, over: bool) {
        // ORD: Relaxed, as in `is_set`; a block that ends some nanoseconds late is no harm.
        self.0.store(over, Ordering::Relaxed);
    }
}

/// What one thread did in one block.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Operations finished.
    pub operations: u64,
    /// The time they took, where the arm times itself instead of being timed by the block.
    pub busy: Option<Duration>,
    /// The longest wait noticed, where the arm samples its waits.
    pub longest_wait: Option<Duration>,
    /// Every wait, where the arm is about them.
    pub waits: Vec<Duration>,
}

impl Tally {
    /// So many operations, timed by the block.
    #[must_use]
    pub fn of(operations: u64) -> Self {
        Self { operations, ..Self::default() }
    }
}

/// A contestant that several threads work on at once.
pub trait Arm: Send + Sync {
    /// Name and part.
    fn label(&self) -> Label;

    /// Called by the leader before every block, while no thread is at work.
    fn prepare(&self) {}

    /// Thread number `thread`'s work until `stop` is set.
    fn work(&self, thread: usize, stop: &Stop) -> Tally;

    /// Sleeps and wakes that this arm's kind has asked of the system since the process began, where it counts them.
    fn futex_calls(&self) -> Option<u64> {
        None
    }
}

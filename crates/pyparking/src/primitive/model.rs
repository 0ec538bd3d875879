//! The shim inside a model checker: its atomics and cells, with orderings that one run may weaken.

use super::checker;
use super::weaken::{failure_down, step_down};
use core::panic::Location;
use core::sync::atomic::Ordering;

pub use super::watched::RaceCell;

/// Scheduling calls of the checker.
pub mod thread {
    use super::checker;
    pub use checker::hint::spin_loop;
    pub use checker::thread::{Thread, current, park, yield_now};
}

macro_rules! success {
    ($order:ident) => {
        step_down($order, Location::caller())
    };
}
macro_rules! failure {
    ($order:ident) => {
        failure_down($order, Location::caller())
    };
}

use super::atomics::atomics;
atomics! { checker::sync::atomic, [], success, failure }

/// A mark on memory that one thread may give back while others look at it: every touch reads a cell that the end
/// writes.
#[derive(Debug)]
pub struct Watch(RaceCell<bool>);

// SAFETY: an access that races is what the cell is there to report.
unsafe impl Sync for Watch {}

impl Watch {
    /// A mark on memory that is in use.
    #[track_caller]
    pub fn new() -> Self {
        Self(RaceCell::new(false))
    }

    /// The memory is looked at.
    #[track_caller]
    pub fn touch(&self) {
        // SAFETY: nobody writes but the end, which comes after every touch, or the model fails.
        assert!(!unsafe { self.0.get() }, "memory is touched that was given back");
    }

    /// The memory is given back.
    #[track_caller]
    pub fn end(&self) {
        self.touch();
        // SAFETY: nobody looks any more, or the model fails.
        unsafe { self.0.set(true) };
    }
}

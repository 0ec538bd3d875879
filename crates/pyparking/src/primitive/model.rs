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

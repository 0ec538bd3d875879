//! Every public item of the crate, from outside, with its edge cases.
//!
//! Signals, hooks, fatal errors and forks need processes of their own: see the files beside this folder.

mod deadline;
mod ident;
mod interrupt;
mod lot;
#[path = "../own_lot/mod.rs"]
mod own_lot;
mod panics;
mod park;
mod process;
mod queue;
mod raw_mutex;
mod requeue;
mod snapshot;
mod surface;

//! Every public item of the crate, from outside, with its edge cases.
//!
//! Hooks, fatal errors, forks and exact counts need processes of their own: see the files beside this folder.

mod cells;
mod event;
mod mutex;
mod once;
mod recursive;
mod rw;
mod seq;
mod surface;

//! Linearizability: is there an order of the calls, each at some moment between its beginning and
//! its end, in which a sequential specification allows all their results?
//!
//! * [`history`]: what happened: calls with results, stamped by one clock.
//! * [`search`]: looks for such an order.
//! * one file for each kind of object: its specification, and how a few threads use it.
//! * [`crew`]: a few threads that play many short windows and have each one judged.
//!
//! A window is short (two to four threads, at most a couple of dozen calls) because the search is
//! exponential in how many calls overlap; there are many windows instead.

pub mod crew;
pub mod event;
pub mod history;
pub mod mutex;
pub mod once;
pub mod parking;
pub mod register;
pub mod rw_mutex;
pub mod search;
pub mod upgradable;

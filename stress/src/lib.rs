//! The stress run: real threads hammer every primitive at once while checkers stand inside and
//! beside them.
//!
//! # How a run goes
//!
//! A run is a sequence of [rounds](round). Each round opens a fresh [arena](row::Arena) of every
//! [row](row::Row) and lets loose its [workers](worker::Worker), many more than there are
//! processors. A worker goes from arena to arena, does a handful of operations in each, interrupts
//! and disturbs others now and then, and dies after a while; a successor takes its place. When the
//! round is over everybody is let go, and with nobody inside the arenas look whether anything was
//! left behind. Most rounds mix all rows; every third belongs to a single row, so that what the lot
//! counts (parks, hand-offs) can be attributed to it.
//!
//! Everything random comes from one printed [seed](rng). The schedule does not: the seed repeats
//! the plan, not the interleaving.
//!
//! # What is checked
//!
//! The [rules](findings::Rule), each by a checker in the row concerned or under [`check`]. Each
//! checker says in its file why it cannot accuse wrongly, whatever the scheduler does, and has a
//! test in which a primitive that breaks the promise is caught. Beside them [`lincheck`] records
//! short histories of concurrent calls and looks for an order in which a sequential specification
//! allows them, and the [`watchdog`] ends a run in which nothing moves.
//!
//! # How to add a row
//!
//! Implement [`row::Row`] and [`row::Arena`] in a file under `rows/`, and name it in [`rows::all`].

pub mod check;
pub mod config;
pub mod findings;
pub mod gauge;
pub mod life;
pub mod lincheck;
pub mod noise;
pub mod pause;
pub mod progress;
pub mod repeat;
pub mod report;
pub mod rng;
pub mod round;
pub mod row;
pub mod rows;
pub mod run;
pub mod runtime;
pub mod tally;
pub mod watchdog;
pub mod worker;

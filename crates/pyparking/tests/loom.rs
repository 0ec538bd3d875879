//! Models of the lot, its bucket lock and its sleeper, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty: the models need the checker's atomics in place of the machine's.
//!
//! Each model says which invariants it is about, how many threads it has (the main thread is one of them) and
//! how far it is explored. `every_schedule` has no bound. `bounded` allows so many preemptions a schedule as
//! `LOOM_MAX_PREEMPTIONS` says, 2 if it says nothing: what passes there has passed up to that bound, no further.
#![cfg(loom)]

#[path = "loom/interrupts.rs"]
mod interrupts;
#[path = "loom/lot.rs"]
mod lot;
#[path = "loom/parking.rs"]
mod parking;
#[path = "loom/queues.rs"]
mod queues;
#[path = "loom/raw_mutex.rs"]
mod raw_mutex;
#[path = "loom/requeue.rs"]
mod requeue;
#[path = "loom/timeouts.rs"]
mod timeouts;

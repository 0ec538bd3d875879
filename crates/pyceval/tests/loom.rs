//! Models of what is around an eval loop, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty: the models need the checker's atomics in place of the machine's.
//!
//! Each model says which invariants it is about, how many threads it has (the main thread is one of them) and
//! how far it is explored, as in pyparking's models, whose means these borrow.
#![cfg(loom)]

#[path = "loom/calls.rs"]
mod calls;
#[path = "loom/gil.rs"]
mod gil;
#[path = "loom/gil_seat.rs"]
mod gil_seat;
#[path = "loom/gil_time.rs"]
mod gil_time;
#[path = "loom/gil_toggle.rs"]
mod gil_toggle;
#[path = "loom/pending.rs"]
mod pending;
#[path = "loom/references.rs"]
mod references;
#[path = "loom/signals.rs"]
mod signals;
#[path = "loom/signals_main.rs"]
mod signals_main;
#[path = "loom/world.rs"]
mod world;

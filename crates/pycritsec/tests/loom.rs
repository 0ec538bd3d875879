//! Models of critical sections, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty: the models need the checker's atomics in place of the machine's.
//!
//! Each model says which invariants it is about, how many threads it has (the main thread is one of them) and
//! how far it is explored, as in pyparking's models, whose means these borrow. All use the checker's own mutex as the
//! bucket lock. A deadlock fails a model, so the ones with opposite orders show that there is none.
#![cfg(loom)]

#[path = "loom/pairs.rs"]
mod pairs;
#[path = "loom/runtime.rs"]
mod runtime;
#[path = "loom/sections.rs"]
mod sections;
#[path = "loom/shared.rs"]
mod shared;

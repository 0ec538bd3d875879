//! Models of reference counts, quiescent states and slots, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty: the models need the checker's atomics in place of the machine's.
//!
//! Each model says which invariants it is about, how many threads it has (the main thread is one of them) and
//! how far it is explored. A value that is dropped twice, read after its drop, or freed while a header is looked at, fails
//! the model: the values have a cell that loom watches, and so has each header in a build for models.
#![cfg(loom)]

#[path = "loom/broken.rs"]
mod broken;
#[path = "loom/counts.rs"]
mod counts;
#[path = "loom/quiescence.rs"]
mod quiescence;
#[path = "loom/slots.rs"]
mod slots;
#[path = "loom/value.rs"]
mod value;

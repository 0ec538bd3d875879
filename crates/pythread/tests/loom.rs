//! Models of threads and storage keys, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty: the models need the checker's atomics in place of the machine's.
//!
//! Each model says which invariants it is about, how many threads it has (the main thread is one of them) and
//! how far it is explored. The system's threads are the checker's; the bucket lock is the checker's mutex.
#![cfg(loom)]

#[path = "loom/keys.rs"]
mod keys;
#[path = "loom/native.rs"]
mod native;
#[path = "loom/threads.rs"]
mod threads;
#[path = "loom/threads_start.rs"]
mod threads_start;
#[path = "loom/threads_time.rs"]
mod threads_time;

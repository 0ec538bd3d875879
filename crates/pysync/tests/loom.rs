//! Models of the lock primitives, explored by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`, or `cargo xtask loom`. In an ordinary test run this
//! file is empty: the models need the checker's atomics in place of the machine's.
//!
//! Each model says which invariants it is about, how many threads it has (the main thread is one of them) and
//! how far it is explored, as in pyparking's models, whose means these borrow. Most use the checker's own mutex
//! as the bucket lock; those that say "real bucket" use the true one.
#![cfg(loom)]

#[path = "loom/cells.rs"]
mod cells;
#[path = "loom/condvar.rs"]
mod condvar;
#[path = "loom/event.rs"]
mod event;
#[path = "loom/mutex.rs"]
mod mutex;
#[path = "loom/mutex_time.rs"]
mod mutex_time;
#[path = "loom/once_flag.rs"]
mod once_flag;
#[path = "loom/queue.rs"]
mod queue;
#[path = "loom/recursive_mutex.rs"]
mod recursive_mutex;
#[path = "loom/rw_mutex.rs"]
mod rw_mutex;
#[path = "loom/rw_mutex_time.rs"]
mod rw_mutex_time;
#[path = "loom/seq_lock.rs"]
mod seq_lock;
#[path = "loom/upgradable.rs"]
mod upgradable;
#[path = "loom/upgradable_time.rs"]
mod upgradable_time;

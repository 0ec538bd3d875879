//! The lock module over `parking_lot`: the same file, the same scenarios.

/// Their raw locks.
pub mod raw {
    pub use parking_lot::{RawMutex, RawRwLock, RawThreadId};
}

#[path = "../src/lock.rs"]
pub mod lock;
mod scenarios;

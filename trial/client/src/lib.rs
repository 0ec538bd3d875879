//! A lock module as an interpreter in Rust has it, to show what it costs to put our locks under it: one line.
//!
//! `raw` names three types. Everything else is in `lock.rs`, which the tests compile once over these and once over
//! `parking_lot`'s.

mod raw {
    pub use pysync::lock_api::v04::{RawMutex, RawRwLock, RawThreadId};
}

pub mod lock;

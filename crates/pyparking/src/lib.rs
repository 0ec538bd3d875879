//! Address-keyed waiting and waking for language runtimes: the parking lot under CPython 3.14's locks.
//!
//! A lock that has to sleep needs a queue of threads, but most locks are never slept on. A parking lot keeps
//! the queues elsewhere, in a table keyed by the lock's address, so that the lock itself can be one byte.
//! This crate is that table, and what stands below it.
//!
//! # Parking in three steps
//!
//! A thread that wants to sleep says what it waits for ([`park`]) and how to see that it no longer needs to.
//! The check and the enqueueing are one step under the lock of a bucket, so a wake-up cannot fall between
//! them. A thread that wakes says what changed, in a callback under the same lock ([`unpark`]):
//!
//! ```
//! use pyparking::{ParkOptions, ParkStatus, park, unpark};
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! static READY: AtomicBool = AtomicBool::new(false);
//! let address = (&raw const READY).addr();
//!
//! let sleeper = std::thread::spawn(move || {
//!     while !READY.load(Ordering::Acquire) {
//!         // SAFETY: READY is ours, and nobody else parks on its address.
//!         let status = unsafe {
//!             park(address, ParkOptions::default(), || !READY.load(Ordering::Relaxed), |_| {})
//!         };
//!         assert!(matches!(status, ParkStatus::Ok | ParkStatus::Again));
//!     }
//! });
//!
//! // SAFETY: as above; the callback only stores.
//! unsafe { unpark(address, |_waiter, _has_more| READY.store(true, Ordering::Release)) };
//! sleeper.join().unwrap();
//! ```
//!
//! # What else is here
//!
//! * [`Deadline`]: absolute and monotonic; [`RawMutex`]: a word-sized lock that does not need the lot.
//! * [`ThreadHandle`]: interrupts a parked thread, from a signal handler too.
//! * [`hooks`]: how a runtime detaches threads that sleep; [`spin`]: how long they turn before.
//! * [`snapshot()`]: who waits for what; [`after_fork_child`]: a clean table in the child.
//!
//! # Promises
//!
//! FIFO per address. `has_more` is about the address and nothing else. `Ok` exactly if an unpark dequeued the
//! thread, where it parked or where it was moved to. No heap in a park (the std fallback makes one sleeper per thread). The static table is 257 × 64 bytes and usable before and after `main`.
//! On unwind out of a callback or a hook, nobody stays queued or asleep.

pub mod hooks;
pub mod ident;
#[doc(hidden)]
pub mod primitive;
pub mod spin;

mod bucket;
mod deadline;
mod fatal;
mod fork;
mod linger;
mod lot;
mod os;
mod park;
mod queue;
mod raw_mutex;
mod regime;
mod register;
mod requeue;
mod sleeper;
mod snapshot;
mod status;
mod unpark;
mod waiter;

pub use bucket::Totals;
pub use deadline::{Deadline, monotonic_nanos};
pub use fatal::fatal;
pub use fork::after_fork_child;
pub use lot::Lot;
pub use park::ParkOptions;
pub use queue::Queue;
pub use raw_mutex::{RawMutex, RawMutexGuard};
pub use register::{ThreadHandle, interrupt, take_interrupt};
pub use requeue::Requeue;
pub use snapshot::{Snapshot, WaiterInfo, snapshot, visit_waiters};
pub use status::ParkStatus;
pub use unpark::{park, park_releasing, totals, unpark, unpark_all, with_queue};

primitive::modelled! {
    pub use os::clock;
}

/// What must not compile, as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/compile_fail.md")]
struct CompileFail;

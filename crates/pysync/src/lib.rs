//! The lock primitives of CPython 3.14, for any language runtime: small enough for object headers, fair after
//! a millisecond, aware of a runtime that wants its threads detached while they sleep.
//!
//! | primitive | size | for |
//! |---|---|---|
//! | [`Mutex`] | 1 byte | one thread at a time |
//! | [`Event`] | 1 byte | tell everybody, once |
//! | [`OnceFlag`] | 1 byte | do something until it has succeeded once |
//! | [`RecursiveMutex`] | 24 bytes | a mutex that its owner may lock again |
//! | [`RwMutex`] | 1 word | many readers or one writer, writers first |
//! | [`SeqLock`] | 4 bytes | reads that do not write, of data that seldom changes |
//! | [`UpgradableRwMutex`] | 1 word | readers of which one may become the writer, recursive reads, downgrades |
//! | [`Condvar`] | 1 byte | wait until another thread says that something has changed |
//! | [`RawMutex`] | 1 word | where the parking lot itself must not be used |
//!
//! These are the raw forms: all-zero when fresh, `const`-constructible, without data, locked and unlocked by
//! separate calls where an interpreter needs that, by guards where not. Everyone else takes the forms that
//! carry their data: [`MutexCell`], [`RwCell`], [`OnceCell`], [`SeqCell`].
//!
//! ```
//! use pysync::{Event, MutexCell};
//! use std::thread;
//!
//! static TOTAL: MutexCell<u64> = MutexCell::new(0);
//! static GO: Event = Event::new();
//!
//! let adders: Vec<_> = (1..=4)
//!     .map(|share| {
//!         thread::spawn(move || {
//!             GO.wait();
//!             *TOTAL.lock() += share;
//!         })
//!     })
//!     .collect();
//! GO.notify();
//! adders.into_iter().for_each(|adder| adder.join().unwrap());
//! assert_eq!(*TOTAL.lock(), 10);
//! ```
//!
//! # lock_api
//!
//! With the feature `lock_api_04` or `lock_api_05` the module `lock_api` has raw locks for the wrappers of that crate, under
//! the names that `parking_lot` gives to its own: `use pysync::lock_api::v04::{RawMutex, RawRwLock, RawThreadId};`
//! replaces the same three names. `Mutex`, `RwLock`, `ReentrantMutex` and `Condvar` with data are there too.
//!
//! # Waiting
//!
//! Timed calls take a timeout and [`LockFlags`]: whether the thread detaches from its runtime while it sleeps,
//! and what an interrupt does. Plain calls detach and ignore interrupts. What "detach" and "interrupt" mean is
//! the runtime's, told once through [`pyparking::hooks`]; without a runtime they mean nothing.
//!
//! # No poisoning
//!
//! A panic while a guard is held unlocks, and the next holder finds the data as it was left.
//!
//! # Misuse
//!
//! Unlocking what is not locked, or what another thread owns, ends the process with a message that names the
//! primitive, its address and what was expected; the `try_unlock` forms return an error instead.
//!
//! # Fork
//!
//! In the child call [`pyparking::after_fork_child`] first, then `after_fork_child` of each primitive that
//! another thread may have held. Zeroing it does the same.

mod bits;
mod condvar;
mod entry;
mod event;
mod interrupted;
#[cfg(any(feature = "lock_api_04", feature = "lock_api_05"))]
pub mod lock_api;
mod mutex;
mod mutex_cell;
mod once_cell;
mod once_flag;
mod recursive_mutex;
mod rw_cell;
mod rw_mutex;
mod seq_cell;
mod seq_lock;
mod status;
mod upgradable_rw_mutex;

pub use condvar::Condvar;
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use mutex_cell::{MutexCell, MutexCellGuard};
pub use once_cell::OnceCell;
pub use once_flag::OnceFlag;
pub use pyparking::{RawMutex, RawMutexGuard};
pub use recursive_mutex::{RecursiveMutex, RecursiveMutexGuard, SavedLevels};
pub use rw_cell::{RwCell, RwCellReadGuard, RwCellWriteGuard};
pub use rw_mutex::{RwMutex, RwReadGuard, RwWriteGuard};
pub use seq_cell::{PlainData, SeqCell};
pub use seq_lock::SeqLock;
pub use status::{LockFlags, LockStatus, NotLocked, NotOwner};
pub use upgradable_rw_mutex::UpgradableRwMutex;

mod layout;

/// What must not compile, as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/compile_fail.md")]
struct CompileFail;

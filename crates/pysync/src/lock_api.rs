//! Raw locks for the wrappers of the `lock_api` crate, versions 0.4 and 0.5, side by side.
//!
//! `lock_api` has the types with the data and the guards, and asks for the raw locks below them. Those of `parking_lot`
//! are the usual choice; here are ours, under the same names:
//!
//! ```
//! # #[cfg(feature = "lock_api_04")] {
//! use pysync::lock_api::v04::{RawMutex, RawRwLock, RawThreadId};
//! // Before: use parking_lot::{RawMutex, RawRwLock, RawThreadId};
//!
//! type PyMutex<T> = lock_api_04::Mutex<RawMutex, T>;
//! type PyRwLock<T> = lock_api_04::RwLock<RawRwLock, T>;
//! type PyReentrant<T> = lock_api_04::ReentrantMutex<RawMutex, RawThreadId, T>;
//!
//! static TABLE: PyRwLock<Vec<u8>> = PyRwLock::new(Vec::new());
//! TABLE.write().push(7);
//! assert_eq!(TABLE.read().len(), 1);
//! # let _ = (PyMutex::new(0), PyReentrant::new(0));
//! # }
//! ```
//!
//! | feature | module | the place of | needs |
//! |---|---|---|---|
//! | `lock_api_04` | `v04` | `parking_lot` 0.12 | Rust 1.85 |
//! | `lock_api_05` | `v05` | `parking_lot` 0.13 | Rust 1.95 |
//!
//! Both may be on; a lock belongs to the wrapper that it is in, of one version. The raw types are the same in both.
//!
//! | raw type | is a | size |
//! |---|---|---|
//! | [`RawMutex`] | [`Mutex`](crate::Mutex): timed, fair | 1 byte |
//! | [`RawRwLock`] | [`UpgradableRwMutex`](crate::UpgradableRwMutex): timed, fair, recursive, upgradable, with downgrades | 1 word |
//! | [`RawThreadId`] | [`ident`](pyparking::ident): the number of a thread, never used twice | 0 |
//! | [`RawCondvar`] | [`Condvar`](crate::Condvar) | 1 byte |
//!
//! # What is promised beside `lock_api`'s own contract
//!
//! * All-zero bytes are an unlocked lock: a child of a fork may zero them, or call `after_fork_child`.
//! * A thread that sleeps in any of these calls detaches from its runtime, through [`pyparking::hooks`].
//! * Fairness comes by itself: who has waited for a millisecond is served at the next release (MUTEX-5, UPRW-7).
//!   `parking_lot` 0.13 gave that up.
//! * A recursive read never waits for a writer that waits (UPRW-8). Under `lock_api` 0.5, whose traits have no recursive
//!   reads, `v05::ReadRecursive` brings them back.
//! * Guards stay with their thread: `GuardNoSend`.
//! * Misuse (an unlock of what is not locked) ends the process with a message instead of spoiling the word.
//!
//! # What differs from `parking_lot`
//!
//! * A writer that waits stops new readers at once, also while an upgradable reader is inside; there only once that has
//!   gone. A thread that lets others read while it holds an upgradable read, and waits for them, deadlocks here if a
//!   writer comes; let those read recursively.
//! * A reentrant mutex that a dead thread left locked stays locked; there the next thread with the same address of its
//!   thread-local data owns it.
//! * A condition variable may be used with several mutexes at a time; there that panics.

mod raw;

#[cfg(feature = "lock_api_04")]
pub mod v04;
#[cfg(feature = "lock_api_05")]
pub mod v05;

pub use raw::{RawCondvar, RawMutex, RawRwLock, RawThreadId};

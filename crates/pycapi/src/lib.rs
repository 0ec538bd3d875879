//! CPython's lock layer under its own C names: `PyMutex`, `PyEvent`, the parking lot, and the rest, over pysync and
//! pyparking.
//!
//! The interface is C's: `include/pycapi.h` declares it, says what each function does, and has what CPython's headers
//! inline as inline functions. `abi/symbols.txt` lists what the library exports, `abi/layout.txt` the sizes.
//!
//! | file | C names |
//! |---|---|
//! | `mutex.rs` | `PyMutex_*`, `_PyMutex_*` |
//! | `raw_mutex.rs`, `event.rs`, `once_flag.rs` | `_PyRawMutex_*`, `PyEvent_*`, `_PyOnceFlag_*` |
//! | `recursive_mutex.rs`, `rw_mutex.rs`, `seq_lock.rs` | `_PyRecursiveMutex_*`, `_PyRWMutex_*`, `_PySeqLock_*` |
//! | `parking_lot.rs`, `semaphore.rs` | `_PyParkingLot_*`, `_PySemaphore_*` |
//! | `critical_section.rs`, `embed.rs` | `PyCriticalSection_*`, `Py_AddPendingCall`, `pycapi_*` |
//!
//! # Three ways to use it
//!
//! * **From C**: link `libpycapi.a` or `libpycapi.so`. `pycapi_install_hooks` says how threads are detached while they sleep.
//! * **Beside pyceval** (feature `embed`, on by default): critical sections, pending calls and the eval breaker in C form. From
//!   Rust, `publish` the runtime; from C, start one.
//! * **Inside CPython** (feature `host-cpython`): in the place of `Python/lock.c` and `Python/parking_lot.c`.
//!   docs/inside-cpython.md has every step.
//!
//! Rust code links the names by naming the crate:
//!
//! ```
//! use core::ffi::c_int;
//! use pycapi as _;
//!
//! unsafe extern "C" {
//!     fn PyMutex_Lock(mutex: *mut u8);
//!     fn PyMutex_Unlock(mutex: *mut u8);
//!     fn _PyMutex_TryUnlock(mutex: *mut u8) -> c_int;
//! }
//!
//! let mut mutex = 0_u8;
//! // SAFETY: a byte that only these functions use, locked before it is unlocked.
//! unsafe {
//!     PyMutex_Lock(&raw mut mutex);
//!     PyMutex_Unlock(&raw mut mutex);
//!     assert_eq!(_PyMutex_TryUnlock(&raw mut mutex), -1);
//! }
//! ```
//!
//! # Where the versions differ
//!
//! | name | feature `py313` | feature `py314` | feature `py315` |
//! |---|---|---|---|
//! | `PyMutex_IsLocked` | inline only | exported, and inline | as 3.14 |
//! | `PyMutex_LockFast`, inline | takes the byte | takes the mutex | as 3.14 |
//! | `_PyRecursiveMutex_LockTimed`, `_PyRecursiveMutex_TryUnlock` | – | exported | as 3.14 |
//! | `_Py_yield` | – | – | exported |
//! | `_PySemaphore_Wait` | has the argument `detach` | as 3.13 | has not: a park detaches by itself |
//! | `_PY_FAIL_IF_INTERRUPTED` 4 | not in its header; works | as 3.13 | a flag |
//! | `_PY_LOCK_PYTHONLOCK` 8 | ignored | ignored | under finalisation the lock fails with an exception instead of waiting |
//! | where `PyThreadState` has its state (`host-cpython`) | byte 40 | byte 44 | byte 48 |
//!
//! # Promises
//!
//! No panic leaves a function. No lock, park or wait takes heap. Nothing runs at load time, and no thread needs to be
//! known to Rust. A null or misaligned pointer, a size that is none, an unlock without a lock end the process with
//! `Fatal Python error: <function>: <what>`.

mod boundary;
#[cfg(all(feature = "embed", not(feature = "host-cpython")))]
mod critical_section;
#[cfg(all(feature = "embed", not(feature = "host-cpython")))]
mod embed;
mod event;
mod host;
mod layout;
mod mutex;
mod once_flag;
mod parking_lot;
mod raw_mutex;
mod recursive_mutex;
mod rw_mutex;
mod semaphore;
mod seq_lock;

#[cfg(all(feature = "embed", not(feature = "host-cpython")))]
pub use embed::{AlreadyPublished, publish};
#[doc(hidden)]
pub use semaphore::Semaphore;

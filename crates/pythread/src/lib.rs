//! Threads as CPython 3.14 has them under `_thread` and `threading`, for any language runtime.
//!
//! ```
//! use pythread::{Outcome, start};
//! use std::time::Duration;
//!
//! let thread = start(|| println!("at work"))?;
//! // A handle is shared: as many threads as like may wait for the end.
//! let shared = thread.clone();
//! let watcher = start(move || assert!(shared.join().is_ok()))?;
//! assert!(thread.join_timed(Some(Duration::from_secs(60)))?.is_returned());
//! assert!(matches!(watcher.join()?, Outcome::Returned));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is here
//!
//! * [`start`], [`Builder`]: a thread with a name, a stack size, or a spawner of the embedder's own.
//! * [`Handle`]: joined by several threads at once, within a time, interruptibly; detached; asked for its ident, native
//!   number, name and state. Each joiner gets the same [`Outcome`]; a panic's message is everybody's, its payload the
//!   first taker's.
//! * [`at_exit`]: what a thread does last; [`exit_thread`]: ends it from anywhere.
//! * [`stack_size`], [`set_stack_size`]: the stacks of threads to come.
//! * [`TssKey`]: thread-specific storage with the life cycle of C's keys, without their undefined cases.
//! * [`acquire_timed_with_retries`]: takes a lock as `threading.Lock.acquire` does; [`TIMEOUT_MAX`], [`parse_timeout`].
//! * [`thread_info()`][]: `sys.thread_info`.
//!
//! # Runtimes
//!
//! Joins and acquisitions detach through [`pyparking::hooks`] while they sleep and run pending calls on an interrupt.
//! A thread may start others while it is attached: starting waits for nothing. A new thread is not attached; its body
//! does that.
//!
//! # Fork
//!
//! In the child call [`pyparking::after_fork_child`] and then [`after_fork_child`]: handles of threads that are not
//! there are done, as [`Outcome::Lost`] unless they had ended before.

mod builder;
mod current;
mod error;
mod exit;
mod fork;
mod handle;
mod info;
mod life;
mod main_body;
mod native_thread;
mod outcome;
mod retries;
mod stack;
mod state;
mod system;
mod timeout;
mod tss;

pub use builder::{Builder, start};
pub use error::{JoinError, KeysExhausted, NotAdopted, StackSizeError, StartError, TssError};
pub use exit::{NotStartedHere, at_exit, exit_thread};
pub use fork::after_fork_child;
pub use handle::Handle;
pub use info::{ThreadInfo, thread_info};
pub use main_body::MainBody;
pub use native_thread::NativeThread;
pub use outcome::{Outcome, Panic};
pub use retries::{Reading, TimedLock, Writing, acquire_timed_with_retries};
pub use stack::{MAX_STACK_SIZE, min_stack_size, set_stack_size, stack_size};
pub use state::State;
pub use timeout::{TIMEOUT_MAX, TimeoutError, parse_timeout};
pub use tss::TssKey;

/// What must not compile, as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/compile_fail.md")]
struct CompileFail;

//! Threads that may not run any more, and how they leave.
//!
//! * EXIT-1: once an interpreter has begun to end, no thread but the one that ends it attaches again.
//! * EXIT-2: a thread that was attached before and wants to be so again (after a sleep in a lock, after
//!   [`Attached::detached`](crate::Attached::detached), at a poll) unwinds instead, with [`ThreadExit`]: it passes on
//!   what locks have handed to it, ends its critical sections without touching them, and frees what it owns.
//! * EXIT-3: a thread that cannot unwind, because it is unwinding already or panics abort in this program, sleeps for
//!   ever.
//!
//! PORT: CPython lets such threads sleep for ever in every case, because C frames cannot be unwound.

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Why a thread was not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is attached already.
    Attached,
    /// The interpreter is ending.
    Finalising,
    /// The thread is not in this process.
    LeftBehind,
}

/// Why [`ThreadState::attach`](crate::ThreadState::attach) failed.
///
/// ```
/// assert!(pyceval::AttachError::AlreadyAttached.to_string().contains("detach it first"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachError {
    /// The calling thread is attached, with this or another state.
    AlreadyAttached,
    /// The interpreter has begun to end; its threads do not run any more.
    Finalising,
    /// A fork has left the state's thread behind: in the child there is only the thread that forked.
    LeftBehind,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyAttached => {
                "the calling thread is attached to an interpreter already; detach it first \
                 (Attached::detached)"
            }
            Self::Finalising => {
                "the interpreter is being finalised: its threads cannot attach any more"
            }
            Self::LeftBehind => {
                "the thread state is from before a fork, and its thread is not in this process: make \
                 a new one (Interpreter::new_thread)"
            }
        })
    }
}

impl core::error::Error for AttachError {}

/// What a thread unwinds with when its interpreter has ended. See [`until_exit`].
///
/// ```
/// assert_eq!(pyceval::ThreadExit.to_string(), "the thread's interpreter has ended");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadExit;

impl fmt::Display for ThreadExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread's interpreter has ended")
    }
}

impl core::error::Error for ThreadExit {}

/// Runs a thread's body, and returns quietly when the interpreter ends meanwhile.
///
/// Any other panic goes on. No panic message is printed for an exit.
///
/// # Errors
///
/// [`ThreadExit`] if the thread was not allowed to attach again.
///
/// Cost: what `catch_unwind` costs.
///
/// ```
/// assert_eq!(pyceval::until_exit(|| 1), Ok(1));
/// ```
pub fn until_exit<R>(body: impl FnOnce() -> R) -> Result<R, ThreadExit> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| match payload.downcast() {
        Ok(exit) => *exit,
        Err(other) => resume_unwind(other),
    })
}

/// Leaves the calling thread's code for good (EXIT-2, EXIT-3).
#[cold]
pub(crate) fn exit() -> ! {
    if std::thread::panicking() || cfg!(panic = "abort") {
        loop {
            std::thread::park();
        }
    }
    resume_unwind(Box::new(ThreadExit))
}

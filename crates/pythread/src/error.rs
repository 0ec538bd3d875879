//! What can go wrong, in sentences.

use core::fmt;
use std::io;

/// A thread was not started.
///
/// ```
/// use pythread::{Handle, StartError};
///
/// let thread = Handle::new();
/// thread.start(|| {}).unwrap();
/// let error = thread.start(|| {}).unwrap_err();
/// assert!(matches!(error, StartError::AlreadyStarted));
/// assert_eq!(error.to_string(), "the thread was started before: a handle is for one thread");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The handle has had its start; it is as it was.
    AlreadyStarted,
    /// The name has a zero byte; the handle may be started with another.
    BadName,
    /// The stack size asked for is out of bounds; the handle may be started with another.
    StackSize(StackSizeError),
    /// The system refused; the handle is done, as [`Outcome::NeverRan`](crate::Outcome::NeverRan).
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted => {
                f.write_str("the thread was started before: a handle is for one thread")
            }
            Self::BadName => f.write_str("the thread's name has a zero byte in it"),
            Self::StackSize(error) => error.fmt(f),
            Self::System(error) => write!(f, "can't start new thread: {error}"),
        }
    }
}

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            Self::StackSize(error) => Some(error),
            Self::AlreadyStarted | Self::BadName => None,
        }
    }
}

/// A join, or a detach, ended without the thread's outcome.
///
/// ```
/// use pythread::{Handle, JoinError};
///
/// let error = Handle::new().join().unwrap_err();
/// assert_eq!(error, JoinError::NotStarted);
/// assert_eq!(error.to_string(), "the thread has not been started");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JoinError {
    /// Nobody has started the thread, or a start call is still at work.
    NotStarted,
    /// The thread would wait for its own end.
    OwnThread,
    /// The time passed first.
    TimedOut,
    /// An interrupt ended the wait: a pending call failed, or any interrupt was to.
    Interrupted,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "the thread has not been started",
            Self::OwnThread => "cannot join the current thread: it would wait for its own end",
            Self::TimedOut => "the thread did not end in time",
            Self::Interrupted => "the join was interrupted",
        })
    }
}

impl core::error::Error for JoinError {}

/// The handle is not one that [`Handle::adopt_current`](crate::Handle::adopt_current) made: its thread ends by itself.
///
/// ```
/// use pythread::Handle;
///
/// let error = Handle::new().set_done().unwrap_err();
/// assert!(error.to_string().starts_with("the thread was not adopted"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAdopted;

impl fmt::Display for NotAdopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread was not adopted: one that is started here ends by itself")
    }
}

impl core::error::Error for NotAdopted {}

/// A stack size out of bounds.
///
/// ```
/// let error = pythread::set_stack_size(4096).unwrap_err();
/// assert_eq!(error.size, 4096);
/// assert!(error.to_string().starts_with("size not valid: 4096 bytes; a stack has between "));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackSizeError {
    /// What was asked for, in bytes.
    pub size: usize,
    /// The smallest stack, in bytes.
    pub min: usize,
    /// The largest stack, in bytes.
    pub max: usize,
}

impl fmt::Display for StackSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, min, max } = self;
        write!(
            f,
            "size not valid: {size} bytes; a stack has between {min} and {max} bytes, or 0 for the default"
        )
    }
}

impl core::error::Error for StackSizeError {}

/// There are as many storage keys as there can be at a time: 1024.
///
/// ```
/// assert!(pythread::KeysExhausted.to_string().contains("1024"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysExhausted;

impl fmt::Display for KeysExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all 1024 thread-specific storage keys are in use; delete one first")
    }
}

impl core::error::Error for KeysExhausted {}

/// A value was not stored under a key.
///
/// ```
/// use pythread::{TssError, TssKey};
///
/// let error = TssKey::new().set(std::ptr::null_mut()).unwrap_err();
/// assert_eq!(error, TssError::NotCreated);
/// assert_eq!(error.to_string(), "the key has not been created, or was deleted");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TssError {
    /// The key has not been created, or was deleted.
    NotCreated,
    /// The thread is ending, and its storage is gone.
    ThreadEnding,
}

impl fmt::Display for TssError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotCreated => "the key has not been created, or was deleted",
            Self::ThreadEnding => "the thread is ending, and its storage is gone",
        })
    }
}

impl core::error::Error for TssError {}

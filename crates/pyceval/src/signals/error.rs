//! Why a signal cannot be listened to.

use super::LAST;
use core::fmt;
use signal_hook::consts::FORBIDDEN;
use std::io;

/// Why a signal cannot be listened to, or tripped.
///
/// ```
/// use pyceval::{SignalError, Signals};
///
/// let signals = Signals::new();
/// assert!(matches!(signals.trip(65), Err(SignalError::OutOfRange(65))));
/// let error = signals.on(11, |_, _| Ok(())).unwrap_err();
/// assert!(error.to_string().starts_with("signal 11 must not be caught"));
/// ```
#[derive(Debug)]
pub enum SignalError {
    /// There is no signal of this number.
    OutOfRange(i32),
    /// The signal cannot be caught, or means that the program is broken.
    Forbidden(i32),
    /// Other [`Signals`](super::Signals) of this process have handlers, as long as they have a registration.
    OtherOwner,
    /// The system refused.
    System {
        /// The signal that was asked for.
        signal: i32,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(signal) => {
                write!(f, "signal {signal} does not exist: signals are numbered from 1 to {LAST}")
            }
            Self::Forbidden(signal) => {
                write!(f, "signal {signal} must not be caught; the following must not: ")?;
                write!(f, "{FORBIDDEN:?}")
            }
            Self::OtherOwner => f.write_str(
                "another runtime of this process listens to signals: only one can, until its last registration \
                 has ended",
            ),
            Self::System { signal, error } => {
                write!(f, "signal {signal} cannot be listened to: {error}")
            }
        }
    }
}

impl core::error::Error for SignalError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::System { error, .. } => Some(error),
            _ => None,
        }
    }
}

pub(super) fn check_range(signal: i32) -> Result<(), SignalError> {
    let inside = (1..=LAST).contains(&signal);
    inside.then_some(()).ok_or(SignalError::OutOfRange(signal))
}

pub(super) fn check_allowed(signal: i32) -> Result<(), SignalError> {
    check_range(signal)?;
    let allowed = !FORBIDDEN.contains(&signal);
    allowed.then_some(()).ok_or(SignalError::Forbidden(signal))
}

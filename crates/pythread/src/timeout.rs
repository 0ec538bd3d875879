//! Timeouts as Python code says them.

use core::fmt;
use core::time::Duration;

/// The longest timeout that a Python program may ask for: what C counts in microseconds without overflow, 292 years;
/// on Windows what its waits take, 49 days. The locks here take longer ones too, and clamp them.
///
/// Port of: `PY_TIMEOUT_MAX` (Python/thread.c)
pub const TIMEOUT_MAX: Duration = if cfg!(windows) {
    Duration::from_millis(0xFFFF_FFFE)
} else {
    Duration::from_micros(i64::MAX as u64 / 1000)
};

/// A timeout that makes no sense, with the words that Python has for it.
///
/// ```
/// use pythread::{TimeoutError, parse_timeout};
///
/// let error = parse_timeout(true, Some(-1.0)).unwrap_err();
/// assert_eq!(error, TimeoutError::Negative);
/// assert_eq!(error.to_string(), "timeout value must be a non-negative number");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutError {
    /// A call that does not block has no time to wait.
    NotBlocking,
    /// Less than nothing.
    Negative,
    /// Not a number.
    NotANumber,
    /// More than [`TIMEOUT_MAX`].
    TooLarge,
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBlocking => "can't specify a timeout for a non-blocking call",
            Self::Negative => "timeout value must be a non-negative number",
            Self::NotANumber => "timeout value must be a number",
            Self::TooLarge => "timeout value is too large",
        })
    }
}

impl core::error::Error for TimeoutError {}

/// The timeout that `acquire(blocking, timeout)` means, for the calls of this layer: `None` for ever, zero for one try.
/// Parts of a nanosecond are rounded up, so a wait is never shorter than what was asked for.
///
/// Cost: some floating-point arithmetic.
///
/// # Errors
///
/// [`TimeoutError`].
///
/// ```
/// use pythread::{TimeoutError, parse_timeout};
/// use std::time::Duration;
///
/// assert_eq!(parse_timeout(true, None), Ok(None));
/// assert_eq!(parse_timeout(false, None), Ok(Some(Duration::ZERO)));
/// assert_eq!(parse_timeout(true, Some(1.5)), Ok(Some(Duration::from_millis(1500))));
/// assert_eq!(parse_timeout(false, Some(1.5)), Err(TimeoutError::NotBlocking));
/// assert_eq!(parse_timeout(true, Some(1e100)), Err(TimeoutError::TooLarge));
/// ```
///
/// Port of: `PyThread_ParseTimeoutArg` (Python/thread.c)
pub fn parse_timeout(
    blocking: bool,
    seconds: Option<f64>,
) -> Result<Option<Duration>, TimeoutError> {
    let Some(seconds) = seconds else {
        return Ok((!blocking).then_some(Duration::ZERO));
    };
    if !blocking {
        return Err(TimeoutError::NotBlocking);
    }
    if seconds.is_nan() {
        return Err(TimeoutError::NotANumber);
    }
    if seconds < 0.0 {
        return Err(TimeoutError::Negative);
    }
    let rounded = Duration::try_from_secs_f64(seconds).map_err(|_| TimeoutError::TooLarge)?;
    // The conversion rounds to the nearest.
    let short = rounded.as_secs_f64() < seconds;
    let timeout = if short { rounded.saturating_add(Duration::from_nanos(1)) } else { rounded };
    if timeout > TIMEOUT_MAX { Err(TimeoutError::TooLarge) } else { Ok(Some(timeout)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maximum_is_cpythons() {
        // `threading.TIMEOUT_MAX`, which is this in whole seconds.
        let seconds = if cfg!(windows) { 4_294_967 } else { 9_223_372_036 };
        assert_eq!(TIMEOUT_MAX.as_secs(), seconds);
        assert_eq!(parse_timeout(true, Some(seconds as f64)).unwrap().unwrap().as_secs(), seconds);
        assert_eq!(parse_timeout(true, Some(seconds as f64 + 1.0)), Err(TimeoutError::TooLarge));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(parse_timeout(true, Some(f64::NAN)), Err(TimeoutError::NotANumber));
        assert_eq!(parse_timeout(true, Some(f64::INFINITY)), Err(TimeoutError::TooLarge));
        assert_eq!(parse_timeout(true, Some(f64::NEG_INFINITY)), Err(TimeoutError::Negative));
        assert_eq!(parse_timeout(true, Some(-f64::MIN_POSITIVE)), Err(TimeoutError::Negative));
        assert_eq!(parse_timeout(true, Some(-0.0)), Ok(Some(Duration::ZERO)));
    }

    #[test]
    fn a_trifle_is_not_nothing() {
        assert_eq!(parse_timeout(true, Some(1e-300)), Ok(Some(Duration::from_nanos(1))));
        assert_eq!(parse_timeout(true, Some(1.25e-9)), Ok(Some(Duration::from_nanos(2))));
    }
}

//! Points in time on the monotonic clock, with one value for "never" and one for "at once".
//!
//! A deadline is absolute, so a wait that is interrupted and begun again keeps it. Times too far away to be
//! written down become the farthest time there is: no call here panics or overflows.

use crate::os;
use core::time::Duration;

/// A moment on the monotonic clock.
///
/// Ordered by time; [`Deadline::NEVER`] is the greatest, [`Deadline::NOW`] the least.
///
/// ```
/// use pyparking::Deadline;
/// use std::time::Duration;
///
/// let soon = Deadline::after(Duration::from_secs(5));
/// assert!(!soon.passed() && soon < Deadline::NEVER);
/// assert!(Deadline::NOW.passed());
/// assert!(!Deadline::after(Duration::MAX).passed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(u64);

impl Deadline {
    /// No deadline.
    pub const NEVER: Self = Self(u64::MAX);

    /// A moment that has passed: a wait with it neither spins nor sleeps.
    pub const NOW: Self = Self(0);

    /// `wait` from now, clamped to the farthest moment short of [`NEVER`](Self::NEVER). A zero `wait` is
    /// [`NOW`](Self::NOW).
    ///
    /// Cost: one clock read, none for zero.
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use std::time::Duration;
    ///
    /// let soon = Deadline::after(Duration::from_millis(1));
    /// let late = Deadline::after(Duration::from_secs(3600));
    /// assert!(soon < late && !late.passed());
    /// assert_eq!(Deadline::after(Duration::ZERO), Deadline::NOW);
    /// ```
    #[must_use]
    pub fn after(wait: Duration) -> Self {
        if wait.is_zero() {
            return Self::NOW;
        }
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Self(os::now().saturating_add(nanos).min(u64::MAX - 1))
    }

    /// [`after`](Self::after) of a wait, [`NEVER`](Self::NEVER) without one.
    ///
    /// Cost: as [`after`](Self::after); none without a wait.
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Deadline::from_timeout(None), Deadline::NEVER);
    /// assert!(Deadline::from_timeout(Some(Duration::from_secs(60))) < Deadline::NEVER);
    /// ```
    #[must_use]
    pub fn from_timeout(timeout: Option<Duration>) -> Self {
        timeout.map_or(Self::NEVER, Self::after)
    }

    /// Whether the moment has come.
    ///
    /// Cost: one clock read, none for `NEVER` and `NOW`.
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use std::time::Duration;
    ///
    /// let soon = Deadline::after(Duration::from_millis(2));
    /// while !soon.passed() {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(soon.remaining(), Some(Duration::ZERO));
    /// ```
    #[must_use]
    pub fn passed(self) -> bool {
        match self {
            Self::NEVER => false,
            Self::NOW => true,
            Self(at) => os::now() >= at,
        }
    }

    /// The time left: `None` without a deadline, zero once it has passed.
    ///
    /// Cost: one clock read, none for `NEVER`.
    ///
    /// ```
    /// use pyparking::Deadline;
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// assert!(Deadline::after(minute).remaining() <= Some(minute));
    /// assert_eq!(Deadline::NOW.remaining(), Some(Duration::ZERO));
    /// assert_eq!(Deadline::NEVER.remaining(), None);
    /// ```
    #[must_use]
    pub fn remaining(self) -> Option<Duration> {
        self.nanos().map(|at| Duration::from_nanos(at.saturating_sub(os::now())))
    }

    /// The moment in nanoseconds of [`monotonic_nanos`], `None` without a deadline.
    ///
    /// Cost: a comparison; no clock read.
    ///
    /// ```
    /// use pyparking::{Deadline, monotonic_nanos};
    /// use std::time::Duration;
    ///
    /// let deadline = Deadline::after(Duration::from_secs(1));
    /// assert!(deadline.nanos().unwrap() <= monotonic_nanos() + 1_000_000_000);
    /// assert_eq!(Deadline::NEVER.nanos(), None);
    /// ```
    #[must_use]
    pub fn nanos(self) -> Option<u64> {
        (self != Self::NEVER).then_some(self.0)
    }
}

/// The monotonic clock in nanoseconds, from an origin that differs between systems.
///
/// Cost: one clock read (about 20 ns on Linux, no system call).
///
/// ```
/// use pyparking::monotonic_nanos;
///
/// let before = monotonic_nanos();
/// std::thread::sleep(std::time::Duration::from_millis(1));
/// assert!(monotonic_nanos() - before >= 1_000_000);
/// ```
#[must_use]
pub fn monotonic_nanos() -> u64 {
    os::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_passed_and_never_does_not() {
        assert_eq!(Deadline::after(Duration::ZERO), Deadline::NOW);
        assert!(Deadline::NOW.passed());
        assert!(!Deadline::NEVER.passed());
        assert_eq!(Deadline::NEVER.remaining(), None);
        assert_eq!(Deadline::NOW.remaining(), Some(Duration::ZERO));
    }

    #[test]
    fn huge_waits_clamp() {
        for wait in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_nanos(u64::MAX)] {
            let far = Deadline::after(wait);
            assert!(far < Deadline::NEVER && !far.passed());
            assert!(far.remaining() > Some(Duration::from_secs(500 * 365 * 24 * 3600)));
        }
    }

    #[test]
    fn order_is_time() {
        let near = Deadline::after(Duration::from_millis(1));
        let far = Deadline::after(Duration::from_secs(1));
        assert!(Deadline::NOW < near && near < far && far < Deadline::NEVER);
    }
}

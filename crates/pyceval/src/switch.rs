//! When a GIL changes hands although its holder would go on: the interval, and who comes first.
//!
//! | policy | who waits | asks the holder to drop | is served |
//! |---|---|---|---|
//! | [`SwitchPolicy::Classic`] | anybody | after an interval of waiting without a switch | first in, first out |
//! | [`SwitchPolicy::Responsive`] | a thread whose last release was asked for, or that is new | as above | first in, first out, behind the others |
//! | | a thread whose last release was its own wish | half an interval into a tenure | first in, first out, in front, on credit |
//!
//! The second policy is about threads that let go of the GIL for a short wait (a read, a sleep) among threads that
//! compute. First in, first out makes such a thread queue for a whole interval behind each of the others, every
//! time (the convoy effect of bpo-7946). Here it is passed to the front instead.
//!
//! * SWITCH-1: a request cuts a tenure no earlier than half an interval after it began: two hand-overs for a thread
//!   in front cost at most what two hand-overs cost, once in half an interval.
//! * SWITCH-2: those in front live on credit. They are preferred while less than an interval has passed since an
//!   ordinary thread last had the GIL, or began to wait for it first. When the credit is used up, the next pick is
//!   the first ordinary waiter, whose tenure, unless it ends by its own wish, lasts half an interval before it can
//!   be asked for (SWITCH-1). So the first ordinary waiter is picked at the first pick after an interval.
//!
//! Port of: `_PyEval_SetSwitchInterval`, `_PyEval_GetSwitchInterval` (Python/ceval_gil.c)
//! PORT: the interval is a `Duration`, and one that is too short is an error instead of being raised to a
//! microsecond. The second policy is new.

use core::fmt;
use core::time::Duration;

/// Nanoseconds of the interval of a fresh GIL. Port of: `DEFAULT_INTERVAL` (Python/ceval_gil.c)
pub(crate) const DEFAULT_INTERVAL: u64 = 5_000_000;

/// The shortest interval, in nanoseconds.
const SHORTEST_INTERVAL: u64 = 1_000;

/// Who gets the GIL next, and when it is asked for.
///
/// ```
/// use pyceval::{Gil, SwitchPolicy};
///
/// let gil = Gil::new(SwitchPolicy::Classic);
/// gil.set_policy(SwitchPolicy::Responsive);
/// assert_eq!(gil.policy(), SwitchPolicy::Responsive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum SwitchPolicy {
    /// CPython's: first in, first out, and a request after an interval without a switch.
    #[default]
    Classic,
    /// Without the convoy: a thread whose last release was its own wish is served before those that were asked to
    /// release, within one interval however many of them there are, and without starving them.
    Responsive,
}

/// Which row a waiter stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// In front of the others, on credit.
    Front,
    /// In order of arrival.
    Ordinary,
}

impl SwitchPolicy {
    pub(crate) const fn to_bits(self) -> u8 {
        self as u8
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        if bits == Self::Responsive as u8 { Self::Responsive } else { Self::Classic }
    }

    /// The row of a thread that comes now.
    pub(crate) fn class(self, was_asked: bool) -> Class {
        if self == Self::Responsive && !was_asked { Class::Front } else { Class::Ordinary }
    }
}

impl Class {
    /// How much of a tenure a waiter lets pass, of `interval`, both in nanoseconds.
    pub(crate) fn share(self, interval: u64) -> u64 {
        match self {
            Self::Front => interval / 2,
            Self::Ordinary => interval,
        }
    }

    /// When a waiter that came at `began` asks for the GIL, in a tenure that began at `since` (SWITCH-1).
    pub(crate) fn due(self, since: u64, began: u64, interval: u64) -> u64 {
        let from = match self {
            Self::Front => since,
            Self::Ordinary => since.max(began),
        };
        from.saturating_add(self.share(interval))
    }
}

/// The nanoseconds of a switch interval.
pub(crate) fn interval_nanos(interval: Duration) -> Result<u64, IntervalTooShort> {
    let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
    if nanos < SHORTEST_INTERVAL { Err(IntervalTooShort(interval)) } else { Ok(nanos) }
}

/// The switch interval would be less than a microsecond; nothing has changed.
///
/// ```
/// use pyceval::{Gil, SwitchPolicy};
/// use std::time::Duration;
///
/// let gil = Gil::new(SwitchPolicy::Classic);
/// let error = gil.set_interval(Duration::from_nanos(999)).unwrap_err();
/// assert_eq!(error.to_string(), "switch interval of 999ns: expected at least 1µs");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntervalTooShort(pub(crate) Duration);

impl fmt::Display for IntervalTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortest = Duration::from_nanos(SHORTEST_INTERVAL);
        write!(f, "switch interval of {:?}: expected at least {shortest:?}", self.0)
    }
}

impl core::error::Error for IntervalTooShort {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_asks_half_an_interval_into_a_tenure() {
        assert_eq!(Class::Front.due(100, 900, 1_000), 600);
        assert_eq!(Class::Ordinary.due(100, 900, 1_000), 1_900);
        assert_eq!(Class::Ordinary.due(1_100, 900, 1_000), 2_100);
        assert_eq!(Class::Ordinary.due(u64::MAX, 0, 1_000), u64::MAX);
    }

    #[test]
    fn intervals_have_a_least_and_no_greatest() {
        assert!(interval_nanos(Duration::ZERO).is_err());
        assert_eq!(interval_nanos(Duration::from_micros(1)), Ok(1_000));
        assert_eq!(interval_nanos(Duration::MAX), Ok(u64::MAX));
    }

    #[test]
    fn only_one_policy_has_a_front() {
        assert_eq!(SwitchPolicy::Classic.class(false), Class::Ordinary);
        assert_eq!(SwitchPolicy::Responsive.class(false), Class::Front);
        assert_eq!(SwitchPolicy::Responsive.class(true), Class::Ordinary);
    }
}

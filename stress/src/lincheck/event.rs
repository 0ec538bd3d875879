//! An event as a sequential object: unset, then set for ever.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::rng::Rng;
use pysync::Event;
use std::time::Duration;

/// The specification.
#[derive(Debug)]
pub struct EventSpec;

/// A call with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// It is set.
    Notify,
    /// A wait or a look that found it set.
    Set,
    /// A wait that gave up, or a look that found it unset.
    Unset,
}

impl Spec for EventSpec {
    /// Whether it is set.
    type State = bool;
    type Call = Call;

    fn start() -> bool {
        false
    }

    fn step(&set: &bool, call: &Call) -> Option<bool> {
        match call {
            Call::Notify => Some(true),
            Call::Set => set.then_some(true),
            Call::Unset => (!set).then_some(false),
        }
    }
}

impl Subject for Event {
    type Spec = EventSpec;

    fn fresh(_threads: usize) -> Self {
        Self::new()
    }

    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        let timeout = Some(rng.time_up_to(Duration::from_micros(40)));
        let write = |&set: &bool| if set { Call::Set } else { Call::Unset };
        match rng.below(8) {
            0 => scribe.record(|| self.notify(), |()| Call::Notify),
            1..=3 => drop(scribe.record(|| self.is_set(), write)),
            // The notify of the last thread to leave lets the others go, so the first thread does
            // not wait.
            4 if scribe.thread() > 0 => scribe.record(|| self.wait(), |()| Call::Set),
            _ => drop(scribe.record(|| self.wait_timed(timeout), write)),
        }
    }

    fn leave(&self, scribe: &mut Scribe<'_, Call>) {
        if scribe.thread() == 0 {
            scribe.record(|| self.notify(), |()| Call::Notify);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{Notify, Set, Unset};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts};

    #[test]
    fn being_let_go_before_the_notify_is_rejected() {
        assert!(!accepted::<EventSpec>(&[(0, Set, 0, 1), (1, Notify, 2, 3)]));
        assert!(accepted::<EventSpec>(&[(0, Set, 0, 3), (1, Notify, 1, 2)]));
    }

    #[test]
    fn an_event_that_does_not_stay_set_is_rejected() {
        assert!(!accepted::<EventSpec>(&[(0, Notify, 0, 1), (1, Unset, 2, 3)]));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<Event>(5);
    }
}

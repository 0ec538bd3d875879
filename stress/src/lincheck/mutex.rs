//! A mutex as a sequential object: held or not. A refusal, by `try_lock` or by the clock, needs a
//! moment at which it was held.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::pause::Pause;
use crate::rng::Rng;
use pysync::{LockFlags, LockStatus, Mutex};
use std::time::Duration;

/// The specification.
#[derive(Debug)]
pub struct MutexSpec;

/// A call with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A lock in any of the ways, which came.
    Lock,
    /// One that was refused.
    Refused,
    /// An unlock.
    Unlock,
}

impl Spec for MutexSpec {
    /// Whether it is held.
    type State = bool;
    type Call = Call;

    fn start() -> bool {
        false
    }

    fn step(&held: &bool, call: &Call) -> Option<bool> {
        match call {
            Call::Lock => (!held).then_some(true),
            Call::Refused => held.then_some(true),
            Call::Unlock => held.then_some(false),
        }
    }
}

impl Subject for Mutex {
    type Spec = MutexSpec;

    fn fresh(_threads: usize) -> Self {
        Self::new()
    }

    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        let way = rng.below(4);
        let timeout = Some(rng.time_up_to(Duration::from_micros(40)));
        let lock = || match way {
            0 => self.try_lock(),
            1 | 2 => self.lock_timed(timeout, LockFlags::EMPTY) == LockStatus::Acquired,
            _ => {
                self.lock();
                true
            }
        };
        if scribe.record(lock, |&came| if came { Call::Lock } else { Call::Refused }) {
            Pause::draw(rng, usize::MAX).spend();
            scribe.record(|| self.unlock(), |()| Call::Unlock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{Lock, Refused, Unlock};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts, rejects};

    #[test]
    fn two_holders_at_a_time_are_rejected() {
        assert!(!accepted::<MutexSpec>(&[(0, Lock, 0, 1), (1, Lock, 2, 3), (0, Unlock, 4, 5)]));
        assert!(accepted::<MutexSpec>(&[(0, Lock, 0, 1), (1, Lock, 2, 9), (0, Unlock, 4, 5)]));
    }

    #[test]
    fn a_refusal_by_a_free_mutex_is_rejected() {
        assert!(!accepted::<MutexSpec>(&[(0, Lock, 0, 1), (0, Unlock, 2, 3), (1, Refused, 4, 5)]));
        assert!(accepted::<MutexSpec>(&[(0, Lock, 0, 1), (0, Unlock, 2, 5), (1, Refused, 3, 4)]));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<Mutex>(4);
    }

    /// Refuses now and then for no reason.
    struct Moody(Mutex);

    impl Subject for Moody {
        type Spec = MutexSpec;

        fn fresh(_threads: usize) -> Self {
            Self(Mutex::new())
        }

        fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
            let mood = rng.one_in(4);
            let came = scribe
                .record(|| !mood && self.0.try_lock(), |&came| if came { Lock } else { Refused });
            if came {
                scribe.record(|| self.0.unlock(), |()| Unlock);
            }
        }
    }

    #[test]
    fn one_that_refuses_for_no_reason_is_rejected() {
        rejects::<Moody>(4);
    }
}

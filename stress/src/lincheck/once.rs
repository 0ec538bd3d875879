//! A once flag as a sequential object: fresh until a run succeeds, then done.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::pause::Pause;
use crate::rng::Rng;
use pysync::OnceFlag;

/// The specification.
#[derive(Debug)]
pub struct OnceSpec;

/// A call with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A call that ran its function, which succeeded.
    Succeeded,
    /// A call that ran its function, which failed.
    Failed,
    /// A call that did not run its function, or a look: done.
    Done,
    /// A look: not done.
    NotDone,
}

impl Spec for OnceSpec {
    /// Whether it is done.
    type State = bool;
    type Call = Call;

    fn start() -> bool {
        false
    }

    fn step(&done: &bool, call: &Call) -> Option<bool> {
        match call {
            Call::Succeeded => (!done).then_some(true),
            Call::Failed | Call::NotDone => (!done).then_some(false),
            Call::Done => done.then_some(true),
        }
    }
}

impl Subject for OnceFlag {
    type Spec = OnceSpec;

    fn fresh(_threads: usize) -> Self {
        Self::new()
    }

    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        if rng.one_in(3) {
            scribe.record(|| self.is_done(), |&done| if done { Call::Done } else { Call::NotDone });
            return;
        }
        let (fails, pause) = (rng.below(4) > 0, Pause::draw(rng, usize::MAX));
        let mut ran = false;
        let run = || {
            ran = true;
            pause.spend();
            if fails { Err(()) } else { Ok(()) }
        };
        let invoked = scribe.stamp();
        let result = self.call_once(run);
        let returned = scribe.stamp();
        let call = match (ran, result) {
            (true, Ok(())) => Call::Succeeded,
            (false, Ok(())) => Call::Done,
            (_, Err(())) => Call::Failed,
        };
        scribe.write(call, invoked, returned);
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{Done, Failed, NotDone, Succeeded};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts};

    #[test]
    fn two_successes_are_rejected() {
        assert!(!accepted::<OnceSpec>(&[(0, Succeeded, 0, 3), (1, Succeeded, 1, 2)]));
        assert!(accepted::<OnceSpec>(&[(0, Succeeded, 0, 3), (1, Failed, 1, 2)]));
    }

    #[test]
    fn done_before_any_success_is_rejected() {
        assert!(!accepted::<OnceSpec>(&[(0, Done, 0, 1), (1, Succeeded, 2, 3)]));
        assert!(!accepted::<OnceSpec>(&[(0, Succeeded, 0, 1), (1, NotDone, 2, 3)]));
        assert!(!accepted::<OnceSpec>(&[(0, Failed, 0, 1), (1, Done, 2, 3)]));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<OnceFlag>(5);
    }
}

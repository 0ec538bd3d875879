//! A sequence-locked cell as a sequential object: a register that is read, written and updated.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::pause::Pause;
use crate::rng::Rng;
use pysync::SeqCell;

/// The specification.
#[derive(Debug)]
pub struct RegisterSpec;

/// A call with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The value was read.
    Load(u64),
    /// The value was replaced.
    Store(u64),
    /// This value was found and one was added.
    Increment(u64),
}

impl Spec for RegisterSpec {
    type State = u64;
    type Call = Call;

    fn start() -> u64 {
        0
    }

    fn step(&value: &u64, call: &Call) -> Option<u64> {
        match *call {
            Call::Load(seen) => (seen == value).then_some(value),
            Call::Store(next) => Some(next),
            Call::Increment(seen) => (seen == value).then_some(value + 1),
        }
    }
}

/// A value of four words that must stay equal.
type Wide = [u64; 4];

/// What a torn value is recorded as: no call of a window stores it.
const TORN: u64 = u64::MAX;

fn narrow(wide: Wide) -> u64 {
    if wide == [wide[0]; 4] { wide[0] } else { TORN }
}

impl Subject for SeqCell<Wide> {
    type Spec = RegisterSpec;

    fn fresh(_threads: usize) -> Self {
        Self::new([0; 4])
    }

    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        match rng.below(6) {
            0 => {
                let value = 1_000 * (1 + scribe.stamp());
                scribe.record(|| self.store([value; 4]), |()| Call::Store(value));
            }
            1 | 2 => {
                let pause = if rng.one_in(4) { Pause::Yield } else { Pause::draw(rng, usize::MAX) };
                let increment = || {
                    let mut found = [0; 4];
                    self.update(|seen| {
                        found = seen;
                        pause.spend();
                        seen.map(|word| word + 1)
                    });
                    found
                };
                scribe.record(increment, |&found| Call::Increment(narrow(found)));
            }
            _ => drop(scribe.record(|| self.load(), |&seen| Call::Load(narrow(seen)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{Increment, Load, Store};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts};

    #[test]
    fn a_lost_update_is_rejected() {
        assert!(!accepted::<RegisterSpec>(&[(0, Increment(0), 0, 3), (1, Increment(0), 1, 2)]));
        assert!(accepted::<RegisterSpec>(&[(0, Increment(0), 0, 3), (1, Increment(1), 1, 2)]));
    }

    #[test]
    fn a_stale_or_torn_load_is_rejected() {
        assert!(!accepted::<RegisterSpec>(&[(0, Store(5), 0, 1), (1, Load(0), 2, 3)]));
        assert!(!accepted::<RegisterSpec>(&[
            (0, Store(5), 0, 3),
            (1, Load(narrow([5, 5, 0, 0])), 1, 2)
        ]));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<SeqCell<Wide>>(6);
    }
}

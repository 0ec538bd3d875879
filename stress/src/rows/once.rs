//! Row `once`: functions that run once, fail, panic, and are tried again by somebody else.

use crate::check::plain::Plain;
use crate::check::section::Section;
use crate::findings::Rule;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::OnceFlag;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The row.
#[derive(Debug)]
pub struct OnceRow;

impl Row for OnceRow {
    fn name(&self) -> &'static str {
        "once"
    }

    fn about(&self) -> &'static str {
        "OnceFlag: runs that succeed, fail and panic; exactly one success, one run at a time, \
         visibility"
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Onces::<OnceFlag>::open())
    }
}

/// A run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

/// A once, as the arena sees it.
pub trait Once: Send + Sync + 'static {
    /// One that has not run.
    fn fresh() -> Self;
    /// Runs `f` unless some run has succeeded.
    fn call_once(&self, f: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed>;
    /// Whether a run has succeeded.
    fn is_done(&self) -> bool;
    /// The word: 0 fresh, 4 done.
    fn word(&self) -> usize;
    /// Stays inside a run. A test's broken once lets others in meanwhile.
    fn dwell(&self, pause: Pause) {
        pause.spend();
    }
}

/// What happens in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Success,
    Failure,
    Panic,
}

/// One once and what it guards.
#[derive(Debug, Default)]
struct Deed<O> {
    once: O,
    inside: Section,
    successes: Plain<u64>,
}

/// One round's onces.
#[derive(Debug)]
pub struct Onces<O> {
    current: Mutex<Arc<Deed<O>>>,
}

impl<O: Once> Deed<O> {
    fn fresh() -> Arc<Self> {
        Arc::new(Self { once: O::fresh(), inside: Section::new(), successes: Plain::new(0) })
    }

    /// The body of a run.
    fn run(&self, worker: &Worker<'_>, pause: Pause, fate: Fate) -> Result<(), Failed> {
        // SAFETY: at most one run at a time, which is what is being checked.
        let (stay, intruder) = unsafe { self.inside.enter(worker.id) };
        self.once.dwell(pause);
        if fate == Fate::Success {
            // SAFETY: as above.
            unsafe { self.successes.set(self.successes.get() + 1) };
        }
        // SAFETY: as above.
        let intruder = intruder.or(unsafe { self.inside.leave(stay) });
        if let Some(intruder) = intruder {
            worker.violation(Rule::Exclusion, intruder);
        }
        match fate {
            Fate::Success => Ok(()),
            Fate::Failure => Err(Failed),
            Fate::Panic => resume_unwind(Box::new(Failed)),
        }
    }

    /// What must hold after a call that said "done".
    fn check_done(&self, worker: &Worker<'_>) {
        worker.expect(self.once.is_done(), Rule::ExactlyOnce, || {
            "a call returned, but nothing is done".into()
        });
        // SAFETY: done, so nobody runs any more.
        let successes = unsafe { self.successes.get() };
        worker.expect(successes == 1, Rule::ExactlyOnce, || {
            format!("done, with {successes} successful runs")
        });
        let word = self.once.word();
        worker.expect(word == 4, Rule::LeftBehind, || format!("done, but the word is {word}"));
    }
}

impl<O: Once> Onces<O> {
    /// One that has not run.
    pub fn open() -> Self {
        Self { current: Mutex::new(Deed::fresh()) }
    }

    fn current(&self) -> MutexGuard<'_, Arc<Deed<O>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(&self, worker: &mut Worker<'_>) {
        let deed = self.current().clone();
        let fate = worker.rng.pick(&[Fate::Success, Fate::Failure, Fate::Failure, Fate::Panic]);
        let pause = Pause::draw(&mut worker.rng, 2_000);
        let mut ran = false;
        let call = || {
            deed.once.call_once(|| {
                ran = true;
                deed.run(worker, pause, fate)
            })
        };
        let (outcome, _) = worker.wait(&"call_once", || catch_unwind(AssertUnwindSafe(call)));
        let legal = match outcome {
            Ok(Ok(())) => !ran || fate == Fate::Success,
            Ok(Err(Failed)) => ran && fate == Fate::Failure,
            Err(_) => ran && fate == Fate::Panic,
        };
        worker.expect(legal, Rule::Status, || {
            format!("ran: {ran}, fate: {fate:?}, outcome: {outcome:?}")
        });
        if matches!(outcome, Ok(Ok(()))) {
            deed.check_done(worker);
            if worker.rng.one_in(4) {
                self.replace(&deed);
            }
        }
    }

    /// Begins anew, unless somebody did.
    fn replace(&self, done: &Arc<Deed<O>>) {
        let mut current = self.current();
        if Arc::ptr_eq(&current, done) {
            *current = Deed::fresh();
        }
    }
}

impl<O: Once> Arena for Onces<O> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.one(worker);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let word = self.current().once.word();
        quiet.expect(word == 0 || word == 4, Rule::LeftBehind, || {
            format!("all is quiet, but the word is {word}")
        });
    }
}

impl Once for OnceFlag {
    fn fresh() -> Self {
        Self::new()
    }

    fn call_once(&self, f: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        Self::call_once(self, f)
    }

    fn is_done(&self) -> bool {
        Self::is_done(self)
    }

    fn word(&self) -> usize {
        usize::from(self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::{Forgetful, Open};
    use crate::rows::trial;

    #[test]
    fn two_runs_at_a_time_are_caught() {
        assert!(
            trial::until(Rule::Exclusion, &[], |_| Onces::<Open>::open()).broke(Rule::Exclusion)
        );
    }

    #[test]
    fn two_successes_are_caught() {
        assert!(
            trial::alone(Rule::ExactlyOnce, &[], |_| Onces::<Forgetful>::open())
                .broke(Rule::ExactlyOnce)
        );
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], |_| Onces::<OnceFlag>::open());
    }
}

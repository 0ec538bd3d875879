//! Row `threads`: births, deaths, joins from many, timeouts, interrupts, detaches.
//!
//! A thread that is born here leaves marks without atomics in its body and in an exit hook, and one in a destructor that
//! the system's thread runs. Whoever joins it must find the first two, and the third unless somebody detached it. It
//! returns, exits or panics as was drawn, and every joiner must hear the same.

use crate::check::plain::Plain;
use crate::findings::Rule;
use crate::gauge::{Counter, Switch};
use crate::row::{Arena, Quiet, Row, Setup};
use crate::runtime;
use crate::worker::Worker;
use pysync::LockFlags;
use pythread::{Handle, JoinError, Outcome, at_exit, exit_thread};
use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct ThreadsRow;

impl Row for ThreadsRow {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn about(&self) -> &'static str {
        "pythread: start, join by many with deadlines and interrupts, detach; outcomes, hooks and \
         destructors seen"
    }

    fn notes(&self) -> &'static [&'static str] {
        &["born", "joined", "detached"]
    }

    fn weight(&self) -> u32 {
        2
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Threads::<Handle>::open())
    }
}

/// A handle, as the arena sees it.
pub trait Joinable: Send + Sync + 'static {
    /// One that was not started.
    fn fresh() -> Self;
    /// Starts the thread; whether there is one.
    fn start(&self, body: Box<dyn FnOnce() + Send>) -> bool;
    /// Joins.
    fn join(&self, timeout: Option<Duration>, flags: LockFlags) -> Result<Outcome, JoinError>;
    /// Detaches.
    fn detach(&self) -> Result<(), JoinError>;
}

impl Joinable for Handle {
    fn fresh() -> Self {
        Self::new()
    }

    fn start(&self, body: Box<dyn FnOnce() + Send>) -> bool {
        Self::start(self, body).is_ok()
    }

    fn join(&self, timeout: Option<Duration>, flags: LockFlags) -> Result<Outcome, JoinError> {
        self.join_with(timeout, flags)
    }

    fn detach(&self) -> Result<(), JoinError> {
        Self::detach(self)
    }
}

/// How a thread is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Return,
    Exit,
    Panic,
}

/// What body and hook leave behind.
const MARK: u64 = 0xB0D1;

/// One thread and what is known of it.
#[derive(Debug)]
struct Life<J> {
    handle: J,
    end: End,
    begun: Switch,
    detached: Switch,
    body: Plain<u64>,
    hook: Plain<u64>,
    gone: Counter,
    payloads: Counter,
}

/// Counts its thread's end in a destructor of the system's thread.
struct Late(Arc<dyn Fn() + Send + Sync>);

impl Drop for Late {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    static LATE: Cell<Option<Late>> = const { Cell::new(None) };
}

impl<J: Joinable> Life<J> {
    fn fresh(end: End) -> Arc<Self> {
        Arc::new(Self {
            handle: J::fresh(),
            end,
            begun: Switch::new(),
            detached: Switch::new(),
            body: Plain::new(0),
            hook: Plain::new(0),
            gone: Counter::new(),
            payloads: Counter::new(),
        })
    }

    /// Starts the thread; whether there is one.
    fn start(self: &Arc<Self>) -> bool {
        let life = Arc::clone(self);
        let started = self.handle.start(Box::new(move || life.live()));
        self.begun.throw();
        started
    }

    /// What the thread does.
    fn live(self: Arc<Self>) {
        let late = Arc::clone(&self);
        LATE.set(Some(Late(Arc::new(move || late.gone.add(1)))));
        let last = Arc::clone(&self);
        let hooked = at_exit(move || {
            // SAFETY: the thread itself, before anybody has joined it.
            unsafe { last.hook.set(MARK) };
        });
        // SAFETY: as above.
        unsafe { self.body.set(if hooked.is_ok() { MARK } else { 1 }) };
        let end = self.end;
        drop(self);
        match end {
            End::Return => {}
            End::Exit => exit_thread(),
            End::Panic => resume_unwind(Box::new(MARK)),
        }
    }

    /// What is wrong with `outcome`, which a joiner just got.
    fn judge(&self, outcome: &Outcome) -> Option<String> {
        // SAFETY: the thread has ended, or the join is wrong.
        let marks = unsafe { (self.body.get(), self.hook.get()) };
        if marks != (MARK, MARK) {
            return Some(format!("joined, but body and hook left {marks:x?}"));
        }
        if self.gone.get() != 1 && !self.detached.is_on() {
            return Some("joined, but the system's thread has not ended".into());
        }
        if let Some(panic) = outcome.panic() {
            self.payloads.add(u64::from(panic.take_payload().is_some()));
        }
        let expected = match outcome {
            Outcome::Returned => self.end != End::Panic,
            Outcome::Panicked(_) => self.end == End::Panic && self.payloads.get() <= 1,
            Outcome::NeverRan | Outcome::Lost => false,
        };
        (!expected).then(|| format!("{outcome:?} of a thread that was to {:?}", self.end))
    }
}

/// One round's threads.
#[derive(Debug)]
pub struct Threads<J> {
    lives: Mutex<Vec<Arc<Life<J>>>>,
}

/// As many threads at a time; more births let the oldest go.
const CROWD: usize = 16;

impl<J: Joinable> Threads<J> {
    /// No threads yet.
    pub fn open() -> Self {
        Self { lives: Mutex::new(Vec::new()) }
    }

    fn lives(&self) -> MutexGuard<'_, Vec<Arc<Life<J>>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn any(&self, worker: &mut Worker<'_>) -> Option<Arc<Life<J>>> {
        let lives = self.lives();
        let which = worker.rng.below(lives.len().max(1));
        lives.get(which).cloned()
    }

    fn bear(&self, worker: &mut Worker<'_>) {
        let end = worker.rng.pick(&[End::Return, End::Return, End::Exit, End::Panic]);
        let life = Life::fresh(end);
        let early = worker.rng.one_in(2);
        if early {
            self.lives().push(Arc::clone(&life));
        }
        let (started, _) = worker.wait(&"start", || life.start());
        worker.expect(started, Rule::Status, || "a thread could not be started".into());
        worker.note(0).add(1);
        let mut lives = self.lives();
        if !early {
            lives.push(life);
        }
        let oldest = (lives.len() > CROWD).then(|| lives.remove(0));
        drop(lives);
        // The last handle, mostly: the thread is detached if nobody has joined it.
        drop(oldest);
    }

    fn join(&self, worker: &mut Worker<'_>) {
        let Some(life) = self.any(worker) else { return };
        let timeout = match worker.rng.below(4) {
            0 => Some(Duration::ZERO),
            1 => None,
            _ => Some(worker.rng.time_up_to(Duration::from_micros(400))),
        };
        let flags = LockFlags::from_bits_truncate(worker.rng.below(8) as u8);
        let begun = life.begun.is_on();
        runtime::let_pending_calls_fail(worker.rng.one_in(2));
        let (joined, took) = worker.wait(&"join", || life.handle.join(timeout, flags));
        match joined {
            Ok(outcome) => {
                worker.note(1).add(1);
                if let Some(wrong) = life.judge(&outcome) {
                    worker.violation(Rule::Event, wrong);
                }
            }
            Err(JoinError::TimedOut) => worker.timed_out(timeout, took),
            Err(JoinError::Interrupted) => worker.interrupted(),
            Err(JoinError::NotStarted) if !begun => {}
            Err(error) => worker.violation(Rule::Status, format!("a join said: {error}")),
        }
        worker.inbox.maybe_received();
    }

    fn detach(&self, worker: &mut Worker<'_>) {
        let Some(life) = self.any(worker) else { return };
        life.detached.throw();
        let begun = life.begun.is_on();
        let (done, _) = worker.wait(&"detach", || life.handle.detach());
        worker.expect(done.is_ok() || !begun, Rule::Status, || format!("a detach said: {done:?}"));
        worker.note(2).add(1);
        worker.inbox.maybe_received();
    }
}

impl<J: Joinable> Arena for Threads<J> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst().min(8) {
            if worker.stopping() {
                break;
            }
            match worker.rng.below(8) {
                0..=2 => self.bear(worker),
                3 => self.detach(worker),
                _ => self.join(worker),
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for life in self.lives().drain(..) {
            let wrong = match life.handle.join(None, LockFlags::EMPTY) {
                Ok(outcome) => life.judge(&outcome),
                Err(error) => Some(format!("the last join said: {error}")),
            };
            quiet.expect(wrong.is_none(), Rule::LeftBehind, || wrong.clone().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    const NOTES: &[&str] = &["born", "joined", "detached"];

    /// Joins without waiting.
    struct Hasty(Handle);

    impl Joinable for Hasty {
        fn fresh() -> Self {
            Self(Handle::new())
        }

        fn start(&self, body: Box<dyn FnOnce() + Send>) -> bool {
            Joinable::start(&self.0, body)
        }

        fn join(&self, _: Option<Duration>, _: LockFlags) -> Result<Outcome, JoinError> {
            Ok(Outcome::Returned)
        }

        fn detach(&self) -> Result<(), JoinError> {
            Ok(())
        }
    }

    /// Gives up too soon.
    struct Impatient(Handle);

    impl Joinable for Impatient {
        fn fresh() -> Self {
            Self(Handle::new())
        }

        fn start(&self, body: Box<dyn FnOnce() + Send>) -> bool {
            Joinable::start(&self.0, body)
        }

        fn join(&self, timeout: Option<Duration>, flags: LockFlags) -> Result<Outcome, JoinError> {
            let nothing = Some(Duration::ZERO);
            self.0.join_with(if timeout.is_some() { nothing } else { None }, flags)
        }

        fn detach(&self) -> Result<(), JoinError> {
            self.0.detach()
        }
    }

    #[test]
    fn a_join_that_does_not_wait_is_caught() {
        let found = trial::until(Rule::Event, NOTES, |_| Threads::<Hasty>::open());
        assert!(found.broke(Rule::Event));
    }

    #[test]
    fn a_join_that_gives_up_early_is_caught() {
        let found = trial::until(Rule::Early, NOTES, |_| Threads::<Impatient>::open());
        assert!(found.broke(Rule::Early));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(NOTES, |_| Threads::<Handle>::open());
    }
}

//! Row `gil`: the GIL by itself, under both policies, with requests, deadlines and a GIL that comes and goes; freed by
//! the last one through.

use crate::check::gate::Gate;
use crate::check::section::Section;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pyceval::{Gil, Seat, SwitchPolicy, Taken};
use pyparking::Deadline;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct GilRow;

const NOTES: &[&str] = &["drop requests honoured", "times disabled"];

/// Index of the note that counts requests.
const REQUESTS: usize = 0;

/// Index of the note that counts disablings.
const DISABLED: usize = 1;

impl Row for GilRow {
    fn name(&self) -> &'static str {
        "gil"
    }

    fn about(&self) -> &'static str {
        "Gil: take, timed take, requests, disable and enable, both policies; exclusion, forced \
         switches, freed by the last one through"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(House::<Gil>::open(setup))
    }
}

/// A GIL, as the arena sees it.
pub trait Turnstile: Send + Sync + 'static {
    /// One that nobody holds.
    fn fresh(policy: SwitchPolicy, interval: Duration) -> Self;
    /// Takes it until the deadline.
    ///
    /// # Safety
    ///
    /// The seat stays until it has been released.
    unsafe fn take(&self, seat: &Seat, deadline: Deadline) -> Taken;
    /// Releases it.
    fn release(&self, seat: &Seat);
    /// Disables and enables it by its holder; false if this kind cannot.
    fn toggle(&self, _seat: &Seat) -> bool {
        false
    }
    /// Changes of holder so far.
    fn switches(&self) -> u64 {
        0
    }
    /// How many wait.
    fn waiting(&self) -> usize {
        0
    }
}

/// A GIL that the last one through frees.
#[derive(Debug)]
struct Mortal<G> {
    gil: G,
    to_go: AtomicUsize,
}

/// One round's GIL.
#[derive(Debug)]
pub struct House<G> {
    gil: G,
    section: Section,
    stays: Counter,
    gate: Gate<Mortal<G>>,
    policy: SwitchPolicy,
    interval: Duration,
    /// Whether waiters may give up: then a request may be left to nobody, and a switch is not judged.
    timed: bool,
    toggled_one_in: usize,
    long_one_in: usize,
}

impl<G: Turnstile> House<G> {
    /// Either policy, a short interval, seldom or often disabled.
    pub fn open(mut setup: Setup) -> Self {
        let policy = setup.rng.pick(&[SwitchPolicy::Classic, SwitchPolicy::Responsive]);
        let interval = Duration::from_micros(setup.rng.pick(&[20, 200, 5_000]));
        Self {
            gil: G::fresh(policy, interval),
            section: Section::new(),
            stays: Counter::new(),
            gate: Gate::default(),
            policy,
            interval,
            timed: setup.rng.one_in(2),
            toggled_one_in: setup.rng.pick(&[200, 2_000]),
            long_one_in: setup.rng.pick(&[100, 3_000]),
        }
    }

    fn one(&self, worker: &mut Worker<'_>, seat: &Seat) {
        if worker.rng.one_in(24) {
            return self.let_die(worker);
        }
        if !self.take(worker, seat) {
            return;
        }
        self.stay(worker);
        if seat.breaker().is_tripped() {
            self.make_way(worker, seat);
        } else if worker.rng.one_in(self.toggled_one_in) && self.gil.toggle(seat) {
            worker.note(DISABLED).add(1);
        }
        self.gil.release(seat);
    }

    /// Takes the GIL in one of the ways; false if there is none, or the time was up.
    fn take(&self, worker: &mut Worker<'_>, seat: &Seat) -> bool {
        let timeout = match worker.rng.below(8) {
            0 => Some(Duration::ZERO),
            1 if self.timed => Some(worker.rng.time_up_to(Duration::from_millis(1))),
            _ => None,
        };
        let call = || {
            // SAFETY: the seat is the visit's own, which releases before it ends.
            unsafe { self.gil.take(seat, Deadline::from_timeout(timeout)) }
        };
        let (taken, took) = worker.wait(&"take", call);
        if taken == Taken::TimedOut {
            worker.timed_out(timeout, took);
        }
        taken == Taken::Held
    }

    /// A stay in the section, by the holder.
    fn stay(&self, worker: &mut Worker<'_>) {
        let pause = Pause::draw(&mut worker.rng, self.long_one_in);
        // SAFETY: this thread holds the GIL.
        let (stay, intruder) = unsafe { self.section.enter(worker.id) };
        pause.spend();
        // SAFETY: as above.
        let late = unsafe { self.section.leave(stay) };
        self.stays.add(1);
        for complaint in [intruder, late].into_iter().flatten() {
            worker.violation(Rule::Exclusion, complaint);
        }
    }

    /// Does what it is asked: releases, and takes again behind somebody else. The caller holds the GIL before and after.
    fn make_way(&self, worker: &mut Worker<'_>, seat: &Seat) {
        let before = self.gil.switches();
        self.gil.release(seat);
        // SAFETY: as in `take`.
        let call = || unsafe { self.gil.take(seat, Deadline::NEVER) };
        while worker.wait(&"take again", call).0 != Taken::Held {
            std::thread::yield_now();
        }
        let switches = self.gil.switches() - before;
        worker.expect(self.timed || switches >= 2, Rule::Overtaken, || {
            format!("a holder that was asked came back after {switches} switches")
        });
        worker.note(REQUESTS).add(1);
    }

    /// Passes through a GIL that the last one through frees, seats and all.
    fn let_die(&self, worker: &mut Worker<'_>) {
        let parties = 2 + worker.rng.below(4);
        let pause = Pause::draw(&mut worker.rng, self.long_one_in);
        let fresh = |parties| Mortal {
            gil: G::fresh(self.policy, self.interval),
            to_go: AtomicUsize::new(parties),
        };
        self.gate.pass(parties, fresh, |mortal| {
            let seat = Box::new(Seat::new());
            // SAFETY: boxed, and released below.
            let call = || unsafe { mortal.gil.take(&seat, Deadline::NEVER) };
            let (taken, _) = worker.wait(&"take of a mortal", call);
            worker.expect(taken == Taken::Held, Rule::Status, || format!("it was {taken:?}"));
            pause.spend();
            // ORD: AcqRel, the last one frees after what the others did before they counted.
            let last = mortal.to_go.fetch_sub(1, Ordering::AcqRel) == 1;
            mortal.gil.release(&seat);
            last
        });
    }
}

impl<G: Turnstile> Arena for House<G> {
    fn visit(&self, worker: &mut Worker<'_>) {
        let seat = Box::new(Seat::new());
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.one(worker, &seat);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let waiting = self.gil.waiting();
        quiet.expect(waiting == 0, Rule::LeftBehind, || format!("all is quiet, {waiting} wait"));
        let (counted, stays) = (self.section.total(), self.stays.get());
        quiet.expect(counted == stays, Rule::LostUpdate, || {
            format!("{stays} stays were completed, {counted} counted inside")
        });
    }
}

impl Turnstile for Gil {
    fn fresh(policy: SwitchPolicy, interval: Duration) -> Self {
        let gil = Self::new(policy);
        gil.set_interval(interval).expect("the arena's intervals are long enough");
        gil
    }

    unsafe fn take(&self, seat: &Seat, deadline: Deadline) -> Taken {
        // SAFETY: handed on to the caller.
        unsafe { self.take_until(seat, deadline) }
    }

    fn release(&self, seat: &Seat) {
        Self::release(self, seat);
    }

    fn toggle(&self, seat: &Seat) -> bool {
        // SAFETY: as when the caller took it.
        self.disable(seat) && unsafe { self.enable(seat) }
    }

    fn switches(&self) -> u64 {
        self.switch_number()
    }

    fn waiting(&self) -> usize {
        Self::waiting(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    /// Lets everybody in.
    struct Open;

    impl Turnstile for Open {
        fn fresh(_policy: SwitchPolicy, _interval: Duration) -> Self {
            Self
        }
        unsafe fn take(&self, _seat: &Seat, _deadline: Deadline) -> Taken {
            Taken::Held
        }
        fn release(&self, _seat: &Seat) {}
    }

    #[test]
    fn a_gil_that_lets_everybody_in_is_caught() {
        let findings = trial::until(Rule::Exclusion, NOTES, House::<Open>::open);
        assert!(findings.broke(Rule::Exclusion));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(NOTES, House::<Gil>::open);
    }
}

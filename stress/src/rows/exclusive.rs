//! What is the same for every lock that one thread holds at a time: the arena of the rows
//! `raw-mutex` and `mutex`.
//!
//! The locks of an arena lie 257 elements apart or side by side, so that two of them share a bucket
//! of the lot and others do not. Each lock guards a [`Section`]; where the lock parks in the lot,
//! the fairness bound is judged; where nobody else is inside a call, the lock's word must say so.

use crate::check::crowd::Crowd;
use crate::check::fairness::{Fairness, SETTLE_DOWN, announced};
use crate::check::gate::Gate;
use crate::check::plain::Plain;
use crate::check::section::Section;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Setup};
use crate::rows::patience::Patience;
use crate::worker::Worker;
use pysync::LockStatus;

/// A lock that one thread holds at a time, as the arena sees it. Tests pass broken ones.
pub trait Exclusive: Send + Sync + 'static {
    /// A free lock.
    fn fresh() -> Self;
    /// Locks.
    fn lock(&self);
    /// Locks if free.
    fn try_lock(&self) -> bool;
    /// Unlocks.
    fn unlock(&self);
    /// Whether somebody holds it.
    fn is_locked(&self) -> bool;
    /// The word: 0 when free, 1 when held and nobody waits.
    fn word(&self) -> usize;
    /// Locks with patience, if the lock has such a form.
    fn lock_timed(&self, _patience: Patience) -> Option<LockStatus> {
        None
    }
    /// Where its waiters park, if they do that in the lot, fairly, and with a bit in the word that
    /// says so.
    fn queue(&self) -> Option<usize> {
        None
    }
    /// Stays inside. A test's broken lock lets others in meanwhile.
    fn dwell(&self, pause: Pause) {
        pause.spend();
    }
}

/// Elements between two locks whose addresses fall into one bucket.
const BUCKETS: usize = 257;

/// Index of the row's note that counts judged unlocks; see [`NOTES`].
const JUDGED: usize = 0;

/// Index of the row's note that counts words that were looked at while nobody else was inside a
/// call.
const WORDS: usize = 1;

/// The notes of a row whose lock has a [`queue`](Exclusive::queue).
pub const NOTES: &[&str] = &["unlocks held to the fairness bound", "words checked bit for bit"];

/// The number of a call that did not announce itself.
const UNANNOUNCED: u64 = 0;

/// One lock's checkers.
#[derive(Debug)]
struct Station {
    place: usize,
    section: Section,
    fairness: Fairness,
    crowd: Crowd,
    stays: Counter,
}

/// A lock that its last user frees.
#[derive(Debug)]
struct Mortal<L> {
    lock: L,
    to_go: Plain<usize>,
}

/// One round's locks.
pub struct Locks<L> {
    strip: Box<[L]>,
    stations: Vec<Station>,
    gate: Gate<Mortal<L>>,
    long_one_in: usize,
}

impl<L: Exclusive> Locks<L> {
    /// Between one and four locks.
    pub fn open(mut setup: Setup) -> Self {
        let places: &[usize] =
            setup.rng.pick(&[&[0][..], &[0], &[0, BUCKETS], &[0, BUCKETS, 1, 2]]);
        let station = |&place: &usize| Station {
            place,
            section: Section::new(),
            fairness: Fairness::new(setup.slots),
            crowd: Crowd::new(),
            stays: Counter::new(),
        };
        Self {
            strip: (0..=BUCKETS).map(|_| L::fresh()).collect(),
            stations: places.iter().map(station).collect(),
            gate: Gate::default(),
            long_one_in: setup.rng.pick(&[100, 3_000, 30_000]),
        }
    }

    fn one(&self, worker: &mut Worker<'_>) {
        if worker.rng.one_in(24) {
            return self.let_die(worker);
        }
        let station = &self.stations[worker.rng.below(self.stations.len())];
        let lock = &self.strip[station.place];
        if let Some(call) = take(lock, station, worker) {
            self.stay(lock, station, worker, call);
            station.stays.add(1);
        }
        worker.done();
    }

    /// What the holder does, up to and with the unlock.
    fn stay(&self, lock: &L, station: &Station, worker: &mut Worker<'_>, call: u64) {
        let pause = Pause::draw(&mut worker.rng, self.long_one_in);
        let queue = lock.queue().filter(|_| pause.is_long() || worker.rng.one_in(8));
        worker.expect(lock.is_locked(), Rule::Exclusion, || "held, but not locked".into());
        // SAFETY: this thread holds the lock.
        let (stay, intruder) = unsafe { station.section.enter(worker.id) };
        // SAFETY: this thread holds the lock.
        let overtaken = unsafe { station.fairness.arrive(worker.slot, call) };
        if pause.is_long() {
            lock.dwell(Pause::Sleep(SETTLE_DOWN));
            // SAFETY: this thread holds the lock, and waiters park at the address that the lock
            // names.
            queue.map(|queue| unsafe { station.fairness.look(queue, false) });
        }
        lock.dwell(pause);
        check_word(lock, station, worker);
        // SAFETY: as for the look above.
        let judged = queue.is_some_and(|queue| unsafe { station.fairness.look(queue, true) });
        // SAFETY: this thread still holds the lock.
        let intruder = intruder.or(unsafe { station.section.leave(stay) });
        lock.unlock();
        if judged {
            worker.note(JUDGED).add(1);
        }
        if let Some(intruder) = intruder {
            worker.violation(Rule::Exclusion, intruder);
        }
        if let Some(overtaken) = overtaken {
            worker.violation(Rule::Overtaken, overtaken);
        }
    }

    /// Uses a lock that its last user frees.
    fn let_die(&self, worker: &mut Worker<'_>) {
        let parties = 2 + worker.rng.below(3);
        let pause = Pause::draw(&mut worker.rng, self.long_one_in);
        let fresh = |parties| Mortal { lock: L::fresh(), to_go: Plain::new(parties) };
        self.gate.pass(parties, fresh, |mortal| {
            worker.wait(&"lock of a mortal", || mortal.lock.lock());
            pause.spend();
            // SAFETY: this thread holds the lock.
            let left = unsafe { mortal.to_go.get() } - 1;
            // SAFETY: as above.
            unsafe { mortal.to_go.set(left) };
            mortal.lock.unlock();
            left == 0
        });
        worker.done();
    }
}

/// While this thread holds the lock and nobody is inside a call, the word has no bit for waiters.
fn check_word<L: Exclusive>(lock: &L, station: &Station, worker: &Worker<'_>) {
    if lock.queue().is_none() {
        return;
    }
    if let Some(word) = station.crowd.alone(|| lock.word()) {
        worker.note(WORDS).add(1);
        worker.expect(word == 1, Rule::LeftBehind, || {
            format!("held, nobody waits, but the word is {word}")
        });
    }
}

/// Takes the lock in one of its ways; `None` if it did not come, else the number of the call.
fn take<L: Exclusive>(lock: &L, station: &Station, worker: &mut Worker<'_>) -> Option<u64> {
    match worker.rng.below(8) {
        0 => return lock.try_lock().then_some(UNANNOUNCED),
        1 | 2 => {
            let patience = Patience::draw(&mut worker.rng);
            let inside = station.crowd.enter();
            let taken = patience.wait(worker, || lock.lock_timed(patience));
            drop(inside);
            if let Some(taken) = taken {
                return taken.then_some(UNANNOUNCED);
            }
        }
        _ => {}
    }
    let _inside = station.crowd.enter();
    Some(announced(&station.fairness, worker, || lock.lock()))
}

impl<L: Exclusive> Arena for Locks<L> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.one(worker);
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for station in &mut self.stations {
            let word = self.strip[station.place].word();
            quiet.expect(word == 0, Rule::LeftBehind, || {
                format!("all is quiet, but the word is {word}")
            });
            let (counted, stays) = (station.section.total(), station.stays.get());
            let lost = || format!("{stays} sections were completed, {counted} were counted inside");
            quiet.expect(counted == stays, Rule::LostUpdate, lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::{Open, Unfair};
    use crate::rows::trial;
    use pysync::Mutex;

    #[test]
    fn a_lock_that_lets_others_in_is_caught() {
        let findings = trial::until(Rule::Exclusion, NOTES, Locks::<Open>::open);
        assert!(findings.broke(Rule::Exclusion));
        assert!(findings.broke(Rule::LostUpdate));
    }

    #[test]
    fn a_lock_without_hand_off_is_caught() {
        assert!(trial::until(Rule::Overtaken, NOTES, Locks::<Unfair>::open).broke(Rule::Overtaken));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(NOTES, Locks::<Mutex>::open);
    }
}

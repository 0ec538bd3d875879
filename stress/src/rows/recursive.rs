//! Row `recursive`: levels up and down, given up whole and taken back, and strangers who try to
//! unlock.

use super::patience::Patience;
use crate::check::section::{Section, Stay};
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::{LockStatus, RecursiveMutex, SavedLevels};

/// The row.
#[derive(Debug)]
pub struct RecursiveRow;

impl Row for RecursiveRow {
    fn name(&self) -> &'static str {
        "recursive"
    }

    fn about(&self) -> &'static str {
        "RecursiveMutex: every way to lock, release_save and acquire_restore, strangers' \
         unlocks; exclusion, levels"
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Tower::<RecursiveMutex>::open())
    }
}

/// A recursive lock, as the arena sees it.
pub trait Recursive: Send + Sync + 'static {
    /// What `release_save` returns.
    type Saved;
    /// A free one.
    fn fresh() -> Self;
    /// Locks.
    fn lock(&self);
    /// Locks if free or owned.
    fn try_lock(&self) -> bool;
    /// Locks with patience.
    fn lock_timed(&self, patience: Patience) -> LockStatus;
    /// Unlocks one level.
    fn unlock(&self);
    /// Unlocks one level if the caller is the owner; whether he is.
    fn try_unlock(&self) -> bool;
    /// Whether the caller is the owner.
    fn is_mine(&self) -> bool;
    /// How many more times than once the owner holds it.
    fn level(&self) -> usize;
    /// Gives up all levels.
    fn release_save(&self) -> Self::Saved;
    /// Takes them back.
    fn acquire_restore(&self, saved: Self::Saved);
    /// The lock's word, 0 when free.
    fn word(&self) -> usize;
    /// Stays inside. A test's broken lock lets others in meanwhile.
    fn dwell(&self, pause: Pause) {
        pause.spend();
    }
}

/// One round's lock.
#[derive(Debug)]
pub struct Tower<R> {
    lock: R,
    section: Section,
    stays: Counter,
}

/// How deep a climb goes at most.
const HEIGHT: usize = 6;

impl<R: Recursive> Tower<R> {
    /// A free lock.
    pub fn open() -> Self {
        Self { lock: R::fresh(), section: Section::new(), stays: Counter::new() }
    }

    /// One climb: up, some steps up and down, and all the way down.
    fn climb(&self, worker: &mut Worker<'_>) {
        self.check_stranger(worker);
        if !self.step_up(worker) {
            return;
        }
        let mut stay = self.enter(worker);
        let mut depth = 1;
        for _ in 0..worker.rng.below(12) {
            match worker.rng.below(8) {
                0..=3 if depth < HEIGHT => depth += usize::from(self.step_up_owned(worker)),
                4 if worker.rng.one_in(4) => {
                    self.leave(worker, stay);
                    let saved = self.lock.release_save();
                    worker.expect(!self.lock.is_mine(), Rule::Levels, || {
                        "given up, but still the owner's".into()
                    });
                    worker.wait(&"acquire_restore", || self.lock.acquire_restore(saved));
                    stay = self.enter(worker);
                }
                5 => self.lock.dwell(Pause::draw(&mut worker.rng, 4_000)),
                _ if depth > 1 => {
                    self.lock.unlock();
                    depth -= 1;
                }
                _ => {}
            }
            self.check_level(worker, depth);
        }
        while depth > 1 {
            worker.expect(self.lock.try_unlock(), Rule::Levels, || {
                "the owner's unlock was refused".into()
            });
            depth -= 1;
        }
        self.leave(worker, stay);
        self.lock.unlock();
    }

    fn enter(&self, worker: &Worker<'_>) -> Stay {
        // SAFETY: this thread holds the lock.
        let (stay, intruder) = unsafe { self.section.enter(worker.id) };
        if let Some(intruder) = intruder {
            worker.violation(Rule::Exclusion, intruder);
        }
        stay
    }

    fn leave(&self, worker: &Worker<'_>, stay: Stay) {
        // SAFETY: this thread holds the lock.
        if let Some(intruder) = unsafe { self.section.leave(stay) } {
            worker.violation(Rule::Exclusion, intruder);
        }
        self.stays.add(1);
    }

    /// The first level, in one of the ways; whether it came.
    fn step_up(&self, worker: &mut Worker<'_>) -> bool {
        match worker.rng.below(6) {
            0 => self.lock.try_lock(),
            1 | 2 => {
                let patience = Patience::draw(&mut worker.rng);
                patience.wait(worker, || Some(self.lock.lock_timed(patience))) == Some(true)
            }
            _ => {
                worker.wait(&"lock", || self.lock.lock());
                true
            }
        }
    }

    /// A further level, which must come at once.
    fn step_up_owned(&self, worker: &mut Worker<'_>) -> bool {
        let came = match worker.rng.below(3) {
            0 => self.lock.try_lock(),
            1 => self.lock.lock_timed(Patience::draw(&mut worker.rng)) == LockStatus::Acquired,
            _ => {
                self.lock.lock();
                true
            }
        };
        worker.expect(came, Rule::Levels, || "the owner was refused a further level".into());
        came
    }

    fn check_level(&self, worker: &Worker<'_>, depth: usize) {
        let level = self.lock.level();
        worker.expect(level + 1 == depth, Rule::Levels, || {
            format!("locked {depth} times, but the level is {level}")
        });
        worker.expect(self.lock.is_mine(), Rule::Levels, || "locked, but not the owner's".into());
    }

    fn check_stranger(&self, worker: &mut Worker<'_>) {
        if worker.rng.one_in(8) {
            worker.expect(!self.lock.is_mine(), Rule::Levels, || "a stranger is the owner".into());
            worker.expect(!self.lock.try_unlock(), Rule::Levels, || "a stranger unlocked".into());
        }
    }
}

impl<R: Recursive> Arena for Tower<R> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst().min(8) {
            if worker.stopping() {
                break;
            }
            self.climb(worker);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let (word, level) = (self.lock.word(), self.lock.level());
        let left = || format!("all is quiet, but the word is {word} and the level {level}");
        quiet.expect(word == 0 && level == 0, Rule::LeftBehind, left);
        let (counted, stays) = (self.section.total(), self.stays.get());
        let lost = || format!("{stays} sections were completed, {counted} were counted inside");
        quiet.expect(counted == stays, Rule::LostUpdate, lost);
    }
}

impl Recursive for RecursiveMutex {
    type Saved = SavedLevels;

    fn fresh() -> Self {
        Self::new()
    }

    fn lock(&self) {
        Self::lock(self);
    }

    fn try_lock(&self) -> bool {
        Self::try_lock(self)
    }

    fn lock_timed(&self, patience: Patience) -> LockStatus {
        Self::lock_timed(self, patience.timeout, patience.flags)
    }

    fn unlock(&self) {
        Self::unlock(self);
    }

    fn try_unlock(&self) -> bool {
        Self::try_unlock(self).is_ok()
    }

    fn is_mine(&self) -> bool {
        self.is_locked_by_current_thread()
    }

    fn level(&self) -> usize {
        Self::level(self)
    }

    fn release_save(&self) -> SavedLevels {
        Self::release_save(self)
    }

    fn acquire_restore(&self, saved: SavedLevels) {
        Self::acquire_restore(self, saved);
    }

    fn word(&self) -> usize {
        usize::from(self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::Flat;
    use crate::rows::trial;

    #[test]
    fn a_lock_that_lets_others_in_is_caught() {
        assert!(
            trial::until(Rule::Exclusion, &[], |_| Tower::<Flat>::open()).broke(Rule::Exclusion)
        );
    }

    #[test]
    fn a_lock_that_forgets_a_level_is_caught() {
        assert!(trial::until(Rule::Levels, &[], |_| Tower::<Flat>::open()).broke(Rule::Levels));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], |_| Tower::<RecursiveMutex>::open());
    }
}

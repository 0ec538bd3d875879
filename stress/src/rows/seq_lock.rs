//! Row `seqlock`: optimistic readers of eight words against writers, some of whom change their
//! mind.

use crate::check::section::Section;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::SeqLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The row.
#[derive(Debug)]
pub struct SeqLockRow;

impl Row for SeqLockRow {
    fn name(&self) -> &'static str {
        "seqlock"
    }

    fn about(&self) -> &'static str {
        "SeqLock: optimistic reads of eight words, writes, abandoned writes; no torn read, \
         versions never go back"
    }

    fn notes(&self) -> &'static [&'static str] {
        &["reads validated", "reads repeated"]
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Board::<SeqLock>::open())
    }
}

/// A sequence lock, as the arena sees it.
pub trait Sequence: Send + Sync + 'static {
    /// One whose sequence is zero.
    fn fresh() -> Self;
    /// Begins a read.
    fn begin_read(&self) -> u32;
    /// Ends it; whether nothing was written meanwhile.
    fn end_read(&self, begun: u32) -> bool;
    /// Begins a write.
    fn lock_write(&self);
    /// Ends it.
    fn unlock_write(&self);
    /// Ends it: nothing was written.
    fn abandon_write(&self);
    /// The sequence.
    fn sequence(&self) -> u32;
}

/// Words that are written one after the other.
const WORDS: usize = 8;

/// Indices of the notes.
const VALIDATED: usize = 0;
const REPEATED: usize = 1;

/// One round's lock and its data.
#[derive(Debug)]
pub struct Board<S> {
    lock: S,
    words: [AtomicU64; WORDS],
    writer: Section,
    writes: Counter,
    stays: Counter,
}

/// What word number `index` of version `version` looks like.
fn pattern(version: u64, index: usize) -> u64 {
    version.wrapping_mul(2 * index as u64 + 1)
}

impl<S: Sequence> Board<S> {
    /// Version zero.
    pub fn open() -> Self {
        Self {
            lock: S::fresh(),
            words: Default::default(),
            writer: Section::new(),
            writes: Counter::new(),
            stays: Counter::new(),
        }
    }

    /// One validated read; the version it saw.
    fn read(&self, worker: &Worker<'_>, at_least: u64) -> u64 {
        loop {
            let begun = self.lock.begin_read();
            // ORD: Relaxed, the lock's fences order the data; that is what is being checked.
            let words = self.words.each_ref().map(|word| word.load(Ordering::Relaxed));
            if !self.lock.end_read(begun) {
                worker.note(REPEATED).add(1);
                if worker.stopping() {
                    return at_least;
                }
                continue;
            }
            worker.note(VALIDATED).add(1);
            let version = words[0];
            let whole =
                words.iter().enumerate().all(|(index, &word)| word == pattern(version, index));
            worker.expect(whole, Rule::TornRead, || format!("validated, but torn: {words:x?}"));
            worker.expect(version >= at_least, Rule::TornRead, || {
                format!("version {version} was read after version {at_least}")
            });
            return version;
        }
    }

    fn write(&self, worker: &mut Worker<'_>) {
        let abandon = worker.rng.one_in(4);
        let pause = Pause::draw(&mut worker.rng, usize::MAX);
        worker.wait(&"lock_write", || self.lock.lock_write());
        // SAFETY: this thread is the writer inside.
        let (stay, intruder) = unsafe { self.writer.enter(worker.id) };
        if !abandon {
            self.write_words(pause);
        }
        // SAFETY: as above.
        let intruder = intruder.or(unsafe { self.writer.leave(stay) });
        if abandon {
            self.lock.abandon_write();
        } else {
            self.lock.unlock_write();
            self.writes.add(1);
        }
        self.stays.add(1);
        if let Some(intruder) = intruder {
            worker.violation(Rule::Exclusion, intruder);
        }
    }

    /// The next version, with a pause in the middle.
    fn write_words(&self, pause: Pause) {
        // ORD: Relaxed, as in `read`; only the writer inside changes it.
        let version = self.words[0].load(Ordering::Relaxed) + 1;
        for (index, word) in self.words.iter().enumerate() {
            if index == WORDS / 2 {
                pause.spend();
            }
            // ORD: Relaxed, as in `read`.
            word.store(pattern(version, index), Ordering::Relaxed);
        }
    }
}

impl<S: Sequence> Arena for Board<S> {
    fn visit(&self, worker: &mut Worker<'_>) {
        let mut version = 0;
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            if worker.rng.one_in(6) {
                self.write(worker);
            } else {
                version = self.read(worker, version);
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let (writes, sequence) = (self.writes.get(), self.lock.sequence());
        let version = *self.words[0].get_mut();
        let exact = version == writes && sequence == (2 * writes) as u32;
        let left = || format!("{writes} writes, but version {version} and sequence {sequence}");
        quiet.expect(exact, Rule::LeftBehind, left);
        let (counted, stays) = (self.writer.total(), self.stays.get());
        let lost = || format!("{stays} writers were inside, {counted} were counted");
        quiet.expect(counted == stays, Rule::LostUpdate, lost);
    }
}

impl Sequence for SeqLock {
    fn fresh() -> Self {
        Self::new()
    }

    fn begin_read(&self) -> u32 {
        Self::begin_read(self)
    }

    fn end_read(&self, begun: u32) -> bool {
        Self::end_read(self, begun)
    }

    fn lock_write(&self) {
        Self::lock_write(self);
    }

    fn unlock_write(&self) {
        Self::unlock_write(self);
    }

    fn abandon_write(&self) {
        Self::abandon_write(self);
    }

    fn sequence(&self) -> u32 {
        Self::sequence(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::Trusting;
    use crate::rows::trial;

    const NOTES: &[&str] = &["validated", "repeated"];

    #[test]
    fn a_lock_that_validates_every_read_is_caught() {
        assert!(
            trial::until(Rule::TornRead, NOTES, |_| Board::<Trusting>::open())
                .broke(Rule::TornRead)
        );
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(NOTES, |_| Board::<SeqLock>::open());
    }
}

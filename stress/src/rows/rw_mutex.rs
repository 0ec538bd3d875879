//! Row `rwmutex`: readers together, writers alone, with deadlines and interrupts, and freed by the
//! last one through.

use super::patience::Patience;
use crate::check::crowd::Crowd;
use crate::check::fairness::{Fairness, SETTLE_DOWN, announced};
use crate::check::gate::Gate;
use crate::check::plain::Plain;
use crate::check::section::Section;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pysync::{LockStatus, RwMutex};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The row.
#[derive(Debug)]
pub struct RwMutexRow;

impl Row for RwMutexRow {
    fn name(&self) -> &'static str {
        "rwmutex"
    }

    fn about(&self) -> &'static str {
        "RwMutex: read and write, try and timed; reader/writer exclusion, exact bits, freed by \
         the last one through"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn weight(&self) -> u32 {
        12
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Library::<RwMutex>::open(setup))
    }
}

/// A read-write lock, as the arena sees it.
pub trait Shared: Send + Sync + 'static {
    /// A free one.
    fn fresh() -> Self;
    /// Locks for reading.
    fn read_lock(&self);
    /// Locks for reading if that is possible at once.
    fn try_read_lock(&self) -> bool;
    /// Locks for reading, with patience.
    fn read_lock_timed(&self, patience: Patience) -> LockStatus;
    /// Unlocks what was locked for reading.
    fn read_unlock(&self);
    /// Locks for writing.
    fn write_lock(&self);
    /// Locks for writing if free.
    fn try_write_lock(&self) -> bool;
    /// Locks for writing, with patience.
    fn write_lock_timed(&self, patience: Patience) -> LockStatus;
    /// Unlocks what was locked for writing.
    fn write_unlock(&self);
    /// The word: 0 free, 1 a writer, 4 for each reader, 2 more when somebody waits.
    fn word(&self) -> usize;
    /// Where its waiters park, if they do that in the lot and writers fairly.
    fn queue(&self) -> Option<usize> {
        None
    }
    /// Stays inside. A test's broken lock lets others in meanwhile.
    fn dwell(&self, pause: Pause) {
        pause.spend();
    }
}

/// The bit of the word that says that somebody waits.
const HAS_PARKED: usize = 2;

/// Its counters beside the common ones.
pub(super) const NOTES: &[&str] =
    &["words checked bit for bit", "unlocks held to the fairness bound"];

/// Index of the note that counts judged unlocks.
const JUDGED: usize = 1;

/// Index of the note that counts words looked at while nobody was inside a call.
const WORDS: usize = 0;

/// One lock and what it guards.
#[derive(Debug)]
struct Shelf<S> {
    lock: S,
    /// Who is inside a call for writing, and for reading.
    writing: Crowd,
    reading: Crowd,
    /// Of writers; see [`Shelf::write`].
    fairness: Fairness,
    writer: Section,
    writes: Counter,
    /// Two copies of one number; a writer changes them one after the other.
    copies: [Plain<u64>; 2],
    readers: AtomicUsize,
}

/// A lock that the last one through frees.
#[derive(Debug)]
struct Mortal<S> {
    lock: S,
    to_go: AtomicUsize,
}

/// One round's locks.
#[derive(Debug)]
pub struct Library<S> {
    shelves: Vec<Shelf<S>>,
    gate: Gate<Mortal<S>>,
    writers_in_16: usize,
    long_one_in: usize,
}

impl<S: Shared> Shelf<S> {
    fn fresh(slots: usize) -> Self {
        Self {
            lock: S::fresh(),
            writing: Crowd::new(),
            reading: Crowd::new(),
            fairness: Fairness::new(slots),
            writer: Section::new(),
            writes: Counter::new(),
            copies: Default::default(),
            readers: AtomicUsize::new(0),
        }
    }

    /// The copies, as the holder sees them.
    ///
    /// # Safety
    ///
    /// The caller holds the lock.
    unsafe fn look(&self) -> [u64; 2] {
        // SAFETY: the caller holds the lock.
        self.copies.each_ref().map(|copy| unsafe { copy.get() })
    }

    fn read(&self, worker: &Worker<'_>, pause: Pause) {
        // ORD: Relaxed, what is counted is ordered by the lock alone, which is what is being
        // checked.
        self.readers.fetch_add(1, Ordering::Relaxed);
        // SAFETY: this thread holds the lock for reading.
        let overtaken = unsafe { self.fairness.arrive_shared(worker.slot) };
        // SAFETY: as above.
        let first = unsafe { self.look() };
        self.lock.dwell(pause);
        // SAFETY: as above.
        let second = unsafe { self.look() };
        // ORD: Relaxed, as above.
        self.readers.fetch_sub(1, Ordering::Relaxed);
        self.check_nobody_waits(worker);
        self.lock.read_unlock();
        if let Some(overtaken) = overtaken {
            worker.violation(Rule::Overtaken, overtaken);
        }
        let still = first == second && first[0] == first[1];
        worker.expect(still, Rule::ReaderWriter, || {
            format!("a reader saw a write: {first:?}, then {second:?}")
        });
    }

    /// A writer's stay. Only writers announce themselves, so where the bound is judged the next
    /// owner must be one particular writer, and neither another one nor a reader.
    fn write(&self, worker: &mut Worker<'_>, pause: Pause, call: u64) {
        let queue = self.lock.queue().filter(|_| pause.is_long() || worker.rng.one_in(4));
        // SAFETY: this thread holds the lock for writing.
        let (stay, intruder) = unsafe { self.writer.enter(worker.id) };
        // SAFETY: as above.
        let overtaken = unsafe { self.fairness.arrive(worker.slot, call) };
        if pause.is_long() {
            self.lock.dwell(Pause::Sleep(SETTLE_DOWN));
            // SAFETY: as above, and waiters park at the address that the lock names.
            queue.map(|queue| unsafe { self.fairness.look(queue, false) });
        }
        let readers = self.change(pause);
        self.check_nobody_is_marked(worker);
        // SAFETY: as for the look above.
        let judged = queue.is_some_and(|queue| unsafe { self.fairness.look(queue, true) });
        // SAFETY: as above.
        let intruder = intruder.or(unsafe { self.writer.leave(stay) });
        self.lock.write_unlock();
        self.writes.add(1);
        if judged {
            worker.note(JUDGED).add(1);
        }
        if let Some(intruder) = intruder {
            worker.violation(Rule::Exclusion, intruder);
        }
        if let Some(overtaken) = overtaken {
            worker.violation(Rule::Overtaken, overtaken);
        }
        worker.expect(readers == 0, Rule::ReaderWriter, || {
            format!("a writer found {readers} readers inside")
        });
    }

    /// Changes both copies with a pause between; how many readers were seen inside. The caller is
    /// the writer.
    fn change(&self, pause: Pause) -> usize {
        // ORD: Relaxed, as in `read`.
        let before = self.readers.load(Ordering::Relaxed);
        // SAFETY: the caller holds the lock for writing.
        unsafe { self.copies[0].set(self.copies[0].get() + 1) };
        self.lock.dwell(pause);
        // SAFETY: as above.
        unsafe { self.copies[1].set(self.copies[1].get() + 1) };
        // ORD: Relaxed, as above.
        before + self.readers.load(Ordering::Relaxed)
    }

    /// Called by a reader: if no writer is inside a call then no reader has to wait for one, so
    /// nobody is queued.
    fn check_nobody_waits(&self, worker: &Worker<'_>) {
        if let Some(word) = self.writing.alone(|| self.lock.word()) {
            worker.note(WORDS).add(1);
            let legal = word & (HAS_PARKED | 1) == 0 && word != 0;
            worker.expect(legal, Rule::LeftBehind, || {
                format!("readers hold it, no writer is in sight, but the word is {word}")
            });
        }
    }

    /// Called by the writer: if nobody is inside a call, the word has no bit for waiters.
    fn check_nobody_is_marked(&self, worker: &Worker<'_>) {
        let word = self.writing.alone(|| self.reading.alone(|| self.lock.word())).flatten();
        if let Some(word) = word {
            worker.note(WORDS).add(1);
            worker.expect(word == 1, Rule::LeftBehind, || {
                format!("a writer holds it, nobody waits, but the word is {word}")
            });
        }
    }

    /// Locks for reading in one of the ways.
    fn take_read(&self, worker: &mut Worker<'_>) -> bool {
        let way = worker.rng.below(8);
        if way == 0 {
            return self.lock.try_read_lock();
        }
        let _inside = self.reading.enter();
        if way > 2 {
            worker.wait(&"read_lock", || self.lock.read_lock());
            return true;
        }
        let patience = Patience::draw(&mut worker.rng);
        patience.wait(worker, || Some(self.lock.read_lock_timed(patience))) == Some(true)
    }

    /// Locks for writing in one of the ways; the number of the call, 0 if it did not announce
    /// itself.
    fn take_write(&self, worker: &mut Worker<'_>) -> Option<u64> {
        let way = worker.rng.below(8);
        if way == 0 {
            return self.lock.try_write_lock().then_some(0);
        }
        let _inside = self.writing.enter();
        if way > 2 {
            return Some(announced(&self.fairness, worker, || self.lock.write_lock()));
        }
        let patience = Patience::draw(&mut worker.rng);
        let came =
            patience.wait(worker, || Some(self.lock.write_lock_timed(patience))) == Some(true);
        came.then_some(0)
    }
}

impl<S: Shared> Library<S> {
    /// One or three locks, with few or many writers.
    pub fn open(mut setup: Setup) -> Self {
        Self {
            shelves: (0..setup.rng.pick(&[1, 1, 3])).map(|_| Shelf::fresh(setup.slots)).collect(),
            gate: Gate::default(),
            writers_in_16: setup.rng.pick(&[1, 4, 8]),
            long_one_in: setup.rng.pick(&[100, 3_000, 30_000]),
        }
    }

    fn one(&self, worker: &mut Worker<'_>) {
        if worker.rng.one_in(24) {
            return self.let_die(worker);
        }
        let shelf = &self.shelves[worker.rng.below(self.shelves.len())];
        if worker.rng.below(16) < self.writers_in_16 {
            // Writers are few, and only behind a long one can the bound be judged.
            let pause = Pause::draw(&mut worker.rng, self.long_one_in / 4);
            if let Some(call) = shelf.take_write(worker) {
                shelf.write(worker, pause, call);
            }
        } else if shelf.take_read(worker) {
            let pause = Pause::draw(&mut worker.rng, self.long_one_in);
            shelf.read(worker, pause);
        }
    }

    /// Passes through a lock that the last one through frees. The last of those who counted
    /// themselves makes sure, by locking for writing once more, that the others' unlocks have
    /// happened.
    fn let_die(&self, worker: &mut Worker<'_>) {
        let parties = 2 + worker.rng.below(4);
        let writes = worker.rng.one_in(2);
        let pause = Pause::draw(&mut worker.rng, self.long_one_in);
        let fresh = |parties| Mortal { lock: S::fresh(), to_go: AtomicUsize::new(parties) };
        self.gate.pass(parties, fresh, |mortal| {
            let lock = &mortal.lock;
            let lock_it = || if writes { lock.write_lock() } else { lock.read_lock() };
            worker.wait(&"lock of a mortal", lock_it);
            pause.spend();
            // ORD: AcqRel, the last one frees after what the others did before they counted.
            let last = mortal.to_go.fetch_sub(1, Ordering::AcqRel) == 1;
            if writes {
                lock.write_unlock();
            } else {
                lock.read_unlock();
            }
            if last {
                worker.wait(&"lock of a mortal", || lock.write_lock());
                lock.write_unlock();
            }
            last
        });
    }
}

impl<S: Shared> Arena for Library<S> {
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
        for shelf in &mut self.shelves {
            let word = shelf.lock.word();
            quiet.expect(word == 0, Rule::LeftBehind, || {
                format!("all is quiet, but the word is {word}")
            });
            let copies = shelf.copies.each_mut().map(Plain::get_mut);
            let (counted, writes) = (shelf.writer.total(), shelf.writes.get());
            let exact = counted == writes && copies == [writes; 2];
            let lost = || {
                format!(
                    "{writes} writes were completed, {counted} counted inside, copies {copies:?}"
                )
            };
            quiet.expect(exact, Rule::LostUpdate, lost);
        }
    }
}

impl Shared for RwMutex {
    fn fresh() -> Self {
        Self::new()
    }

    fn read_lock(&self) {
        Self::read_lock(self);
    }

    fn try_read_lock(&self) -> bool {
        Self::try_read_lock(self)
    }

    fn read_lock_timed(&self, patience: Patience) -> LockStatus {
        Self::read_lock_timed(self, patience.timeout, patience.flags)
    }

    fn read_unlock(&self) {
        Self::read_unlock(self);
    }

    fn write_lock(&self) {
        Self::write_lock(self);
    }

    fn try_write_lock(&self) -> bool {
        Self::try_write_lock(self)
    }

    fn write_lock_timed(&self, patience: Patience) -> LockStatus {
        Self::write_lock_timed(self, patience.timeout, patience.flags)
    }

    fn write_unlock(&self) {
        Self::write_unlock(self);
    }

    fn word(&self) -> usize {
        self.bits()
    }

    fn queue(&self) -> Option<usize> {
        Some(std::ptr::from_ref(self).addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::broken::Open;
    use crate::rows::trial;

    #[test]
    fn a_lock_that_lets_readers_in_beside_a_writer_is_caught() {
        let findings = trial::until(Rule::ReaderWriter, NOTES, Library::<Open>::open);
        assert!(findings.broke(Rule::ReaderWriter));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(NOTES, Library::<RwMutex>::open);
    }
}

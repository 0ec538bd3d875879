//! Row `critsec`: critical sections over one mutex and two, nested at random and in every order, with sleeps and
//! panics inside.

use crate::check::section::Section;
use crate::findings::Rule;
use crate::gauge::Counter;
use crate::pause::Pause;
use crate::rng::Rng;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pycritsec::{is_held, with_critical_section, with_critical_section2};
use pysync::{LockFlags, LockStatus, Mutex};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct CritsecRow;

impl Row for CritsecRow {
    fn name(&self) -> &'static str {
        "critsec"
    }

    fn about(&self) -> &'static str {
        "critical sections of one and two mutexes, nested in every order, suspended by sleeps, left by panics; \
         exclusion, no deadlock"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Heap::<Real>::open(setup))
    }
}

/// Names of the row's own counters.
const NOTES: &[&str] =
    &["stays inside sections", "sleeps inside sections", "panics inside sections"];
const STAYS: usize = 0;
const SLEEPS: usize = 1;
const PANICS: usize = 2;

/// Critical sections, as the arena sees them. Tests pass broken ones.
pub trait Sections: Send + Sync + 'static {
    /// Runs `inside` in a section of one.
    fn one(mutex: &Mutex, inside: impl FnOnce());
    /// Runs `inside` in a section of two.
    fn two(a: &Mutex, b: &Mutex, inside: impl FnOnce());
    /// Stays inside.
    fn dwell(pause: Pause) {
        pause.spend();
    }
}

/// The sections of the crate.
#[derive(Debug)]
pub struct Real;

impl Sections for Real {
    fn one(mutex: &Mutex, inside: impl FnOnce()) {
        with_critical_section(mutex, inside);
    }

    fn two(a: &Mutex, b: &Mutex, inside: impl FnOnce()) {
        with_critical_section2(a, b, inside);
    }
}

/// Something with a mutex.
#[derive(Debug, Default)]
struct Object {
    mutex: Mutex,
    section: Section,
    stays: Counter,
}

/// Objects of a round.
const OBJECTS: usize = 4;

/// How deep sections nest at most.
const DEPTH: usize = 4;

/// The panic of this row.
struct Left;

/// One round's objects.
pub struct Heap<S> {
    objects: [Object; OBJECTS],
    /// Never free: a timed wait for it is a sleep that the hooks see.
    brake: Mutex,
    long_one_in: usize,
    _sections: PhantomData<S>,
}

/// One tree of nested sections, and who walks it.
struct Walk<'w, 'r> {
    worker: &'w Worker<'r>,
    rng: Rng,
}

impl<S: Sections> Heap<S> {
    /// Free objects.
    pub fn open(mut setup: Setup) -> Self {
        let brake = Mutex::new();
        brake.lock();
        let long_one_in = setup.rng.pick(&[300, 10_000, 100_000]);
        Self { objects: Default::default(), brake, long_one_in, _sections: PhantomData }
    }

    /// A section of something, and what happens in it.
    fn nest(&self, walk: &mut Walk<'_, '_>, depth: usize) {
        let [a, b] = [(); 2].map(|()| walk.rng.below(OBJECTS));
        let mutex = |which: usize| &self.objects[which].mutex;
        if walk.rng.one_in(3) {
            S::two(mutex(a), mutex(b), || self.inside(walk, [a, b], depth));
        } else {
            S::one(mutex(a), || self.inside(walk, [a, a], depth));
        }
    }

    /// Inside a section of two objects, or of the same one twice.
    fn inside(&self, walk: &mut Walk<'_, '_>, held: [usize; 2], depth: usize) {
        self.stay(walk, held);
        for _ in 0..walk.rng.below(if depth < DEPTH { 4 } else { 1 }) {
            match walk.rng.below(16) {
                0 => self.sleep(walk),
                1..=3 => S::one(&self.objects[held[1]].mutex, || self.stay(walk, held)),
                4 => {
                    let [a, b] = held.map(|which| &self.objects[which].mutex);
                    S::two(b, a, || self.stay(walk, held));
                }
                _ => self.nest(walk, depth + 1),
            }
            self.stay(walk, held);
        }
        if walk.rng.one_in(64) {
            walk.worker.note(PANICS).add(1);
            resume_unwind(Box::new(Left));
        }
    }

    /// Does something that nobody else may do meanwhile, without blocking.
    fn stay(&self, walk: &mut Walk<'_, '_>, held: [usize; 2]) {
        let worker = walk.worker;
        let [a, b] = held.map(|which| &self.objects[which]);
        let objects = if held[0] == held[1] { &[a][..] } else { &[a, b] };
        let stays: Vec<_> = objects
            .iter()
            .map(|object| {
                // SAFETY: this thread is in a section of the object, which is what is being checked.
                let (stay, intruder) = unsafe { object.section.enter(worker.id) };
                (object, stay, intruder)
            })
            .collect();
        S::dwell(Pause::draw(&mut walk.rng, self.long_one_in));
        for (object, stay, intruder) in stays {
            // SAFETY: as above.
            let intruder = intruder.or(unsafe { object.section.leave(stay) });
            if let Some(intruder) = intruder {
                worker.violation(Rule::Exclusion, intruder);
            }
            object.stays.add(1);
        }
        worker.note(STAYS).add(1);
    }

    /// Sleeps in a lock; if the thread belongs to the runtime its sections are suspended meanwhile.
    fn sleep(&self, walk: &mut Walk<'_, '_>) {
        let time = walk.rng.time_up_to(Duration::from_micros(300));
        let status = self.brake.lock_timed(Some(time), LockFlags::DETACH);
        walk.worker.expect(status == LockStatus::Failure, Rule::Status, || {
            format!("{status:?} for a mutex that is never free")
        });
        walk.worker.note(SLEEPS).add(1);
    }

    /// One tree of sections.
    fn walk(&self, worker: &mut Worker<'_>) {
        let rng = worker.rng.stream(1);
        let _next = worker.rng.bits();
        let mut walk = Walk { worker, rng };
        let tree = AssertUnwindSafe(|| self.nest(&mut walk, 0));
        let (outcome, _) = worker.wait(&"sections", || catch_unwind(tree));
        if let Err(panic) = outcome
            && !panic.is::<Left>()
        {
            resume_unwind(panic);
        }
        let held = self.objects.iter().find(|object| is_held(&object.mutex));
        worker.expect(held.is_none(), Rule::LeftBehind, || "a section is left on the stack".into());
    }
}

impl<S: Sections> Arena for Heap<S> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.walk(worker);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for object in &mut self.objects {
            let bits = object.mutex.bits();
            quiet.expect(bits == 0, Rule::LeftBehind, || {
                format!("all is quiet, but the bits are {bits}")
            });
            let (counted, stays) = (object.section.total(), object.stays.get());
            quiet.expect(counted == stays, Rule::LostUpdate, || {
                format!("{stays} stays, {counted} counted")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;
    use pycritsec::runtime;

    /// Sections that are suspended in the middle of a stay.
    struct Porous;

    impl Sections for Porous {
        fn one(mutex: &Mutex, inside: impl FnOnce()) {
            Real::one(mutex, inside);
        }

        fn two(a: &Mutex, b: &Mutex, inside: impl FnOnce()) {
            Real::two(a, b, inside);
        }

        fn dwell(_pause: Pause) {
            runtime::suspend_all();
            std::thread::yield_now();
            runtime::resume_top();
        }
    }

    /// Sections that do not unlock.
    struct Sticky;

    impl Sections for Sticky {
        fn one(mutex: &Mutex, inside: impl FnOnce()) {
            let _locked_or_was = mutex.try_lock();
            inside();
        }

        fn two(a: &Mutex, b: &Mutex, inside: impl FnOnce()) {
            Self::one(a, || Self::one(b, inside));
        }
    }

    #[test]
    fn two_inside_are_caught() {
        assert!(trial::until(Rule::Exclusion, NOTES, Heap::<Porous>::open).broke(Rule::Exclusion));
    }

    #[test]
    fn a_mutex_that_stays_locked_is_caught() {
        assert!(
            trial::alone(Rule::LeftBehind, NOTES, Heap::<Sticky>::open).broke(Rule::LeftBehind)
        );
    }

    #[test]
    fn the_real_ones_are_not() {
        trial::clean(NOTES, Heap::<Real>::open);
    }
}

//! One round: fresh arenas, a crowd of workers that are born and die, and a quiet moment at the
//! end.

use crate::findings::Rule;
use crate::gauge::Switch;
use crate::rng::Rng;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::{Desk, Floor, Permits, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

/// A row's place in a round.
struct Place {
    /// Its index on the desk.
    row: usize,
    name: &'static str,
    arena: Box<dyn Arena>,
}

/// A round that is about to be played.
pub struct Round<'r> {
    desk: &'r Desk,
    floor: Floor,
    places: Vec<Place>,
    weights: Vec<u32>,
    threads: usize,
    rng: Rng,
}

/// How often the coordinator looks whether a violation ended the round early.
const GLANCE: Duration = Duration::from_millis(5);

/// Visits after which a worker dies and a successor is born, at most.
const LIFESPAN: usize = 100;

impl<'r> Round<'r> {
    /// A round for `threads` workers among `rows`, each with its index on the desk and how often it
    /// is visited.
    pub fn new(desk: &'r Desk, threads: usize, rng: Rng, rows: &[(usize, &dyn Row, u32)]) -> Self {
        let open = |&(row, it, _): &(usize, &dyn Row, u32)| Place {
            row,
            name: it.name(),
            arena: it.open(Setup { rng: rng.stream(row as u64), slots: threads }),
        };
        Self {
            desk,
            floor: Floor { stop: Switch::new(), permits: Permits::new(threads / 2) },
            places: rows.iter().map(open).collect(),
            weights: rows.iter().map(|&(_, _, weight)| weight).collect(),
            threads,
            rng: rng.stream(u64::MAX),
        }
    }

    /// Plays for `length` and until `enough` holds, or until there is a violation, and waits until all workers
    /// have gone.
    pub fn play(&self, length: Duration, enough: impl Fn() -> bool) {
        std::thread::scope(|scope| {
            for slot in 0..self.threads {
                self.bear(scope, slot, self.rng.stream(slot as u64));
            }
            self.pass_time(length, enough);
            self.floor.stop.throw();
            self.places.iter().for_each(|place| place.arena.close());
        });
    }

    fn pass_time(&self, length: Duration, enough: impl Fn() -> bool) {
        let begun = Instant::now();
        while (begun.elapsed() < length || !enough()) && !self.desk.findings.any() {
            std::thread::sleep(GLANCE.min(length));
        }
    }

    /// Nobody is inside: checks what must hold now.
    pub fn settle(self) {
        for mut place in self.places {
            let (findings, tally) = (&self.desk.findings, &self.desk.tallies[place.row]);
            place.arena.settle(Quiet { row: place.name, findings, tally });
        }
    }

    /// A worker is born into `slot`.
    fn bear<'s>(&'s self, scope: &'s Scope<'s, '_>, slot: usize, rng: Rng) {
        let life = move || self.live(scope, slot, rng);
        if let Err(error) = Builder::new().name(format!("worker {slot}")).spawn_scoped(scope, life)
        {
            self.desk.findings.note(
                "run",
                Rule::Panic,
                format!("no thread for slot {slot}: {error}"),
            );
        }
    }

    /// One worker's life. If it dies of age, a successor is born before it is gone.
    fn live<'s>(&'s self, scope: &'s Scope<'s, '_>, slot: usize, rng: Rng) {
        let heir = rng.stream(1);
        let mut worker = Worker::enter(self.desk, &self.floor, slot, rng);
        let days = AssertUnwindSafe(|| self.work(&mut worker));
        if let Err(panic) = catch_unwind(days) {
            // Locks may be held for ever now. The others will stand still, and the watchdog will
            // end the run.
            worker.violation(Rule::Panic, text_of(&*panic));
        }
        worker.leave();
        if !self.floor.stop.is_on() {
            self.bear(scope, slot, heir);
        }
    }

    fn work(&self, worker: &mut Worker<'_>) {
        for _ in 0..1 + worker.rng.below(LIFESPAN) {
            if worker.stopping() {
                break;
            }
            let place = &self.places[worker.rng.weighted(&self.weights)];
            worker.turn_to(place.row, place.name);
            worker.mischief();
            place.arena.visit(worker);
            worker.check_runtime();
        }
    }
}

/// What a panic said.
fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".into())
}

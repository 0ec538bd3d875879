//! Row `lincheck`: short recorded histories of every object, each searched for an order that
//! explains it.

use crate::findings::Rule;
use crate::lincheck::crew::{Outcome, play};
use crate::lincheck::parking::Address;
use crate::lincheck::{rw_mutex, upgradable};
use crate::rng::Rng;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::{Permits, Worker};
use pysync::{Event, Mutex, OnceFlag, SeqCell};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct LincheckRow;

impl Row for LincheckRow {
    fn name(&self) -> &'static str {
        "lincheck"
    }

    fn about(&self) -> &'static str {
        "recorded histories of Mutex, RwMutex, UpgradableRwMutex, Event, OnceFlag, the queue of an \
         address and SeqCell, all linearizable"
    }

    fn notes(&self) -> &'static [&'static str] {
        &["histories judged", "of them with overlapping calls"]
    }

    fn weight(&self) -> u32 {
        2
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Court { crews: Permits::new(CREWS) })
    }
}

/// Crews at a time: more would only take the processors from each other, and leave nothing
/// overlapping.
const CREWS: usize = 1;

/// Windows of one visit.
const WINDOWS: usize = 24;

/// Indices of the notes.
const HISTORIES: usize = 0;
const CONCURRENT: usize = 1;

/// Where histories are judged.
#[derive(Debug)]
struct Court {
    crews: Permits,
}

/// Plays windows of one kind of object: name, and how.
type Kind = (&'static str, fn(&mut Rng, usize, usize, usize) -> Outcome);

const KINDS: [Kind; 7] = [
    ("Mutex", play::<Mutex>),
    ("RwMutex", play::<rw_mutex::Watched>),
    ("UpgradableRwMutex", play::<upgradable::Watched>),
    ("Event", play::<Event>),
    ("OnceFlag", play::<OnceFlag>),
    ("queue", play::<Address>),
    ("SeqCell", play::<SeqCell<[u64; 4]>>),
];

impl Arena for Court {
    fn visit(&self, worker: &mut Worker<'_>) {
        let Some(_crew) = self.crews.take() else {
            // Out of the crew's way.
            std::thread::sleep(Duration::from_millis(2));
            return;
        };
        let (name, play) = worker.rng.pick(&KINDS);
        let threads = 2 + worker.rng.below(3);
        let actions = 2 + worker.rng.below(12 / threads);
        let mut rng = worker.rng.stream(worker.slot as u64);
        worker.rng.bits();
        let (outcome, _) = worker.wait(&"windows", || play(&mut rng, WINDOWS, threads, actions));
        worker.inbox.maybe_received();
        worker.note(HISTORIES).add(outcome.histories);
        worker.note(CONCURRENT).add(outcome.concurrent);
        for _ in 0..outcome.calls {
            worker.done();
        }
        for rejected in outcome.rejected {
            worker.violation(
                Rule::Linearizable,
                format!("no order explains this history of a {name}:\n{rejected}"),
            );
        }
    }

    fn settle(&mut self, _quiet: Quiet<'_>) {}
}

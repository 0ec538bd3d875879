//! Short runs of a single arena, for the tests of the rows: the same workers, rounds and mischief
//! as in a real run.

use crate::findings::{Findings, Rule};
use crate::rng::Rng;
use crate::round::Round;
use crate::row::{Arena, Row, Setup};
use crate::worker::Desk;
use crate::{noise, runtime};
use std::time::{Duration, Instant};

/// Threads of a trial.
const THREADS: usize = 8;

/// How long a trial hopes for a violation that must come.
const HOPE: Duration = Duration::from_secs(30);

/// A row that opens a given arena.
struct Trial<F>(F, &'static [&'static str]);

impl<A: Arena + 'static, F: Fn(Setup) -> A + Send + Sync> Row for Trial<F> {
    fn name(&self) -> &'static str {
        "trial"
    }

    fn about(&self) -> &'static str {
        "a trial of one arena"
    }

    fn notes(&self) -> &'static [&'static str] {
        self.1
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new((self.0)(setup))
    }
}

/// Rounds with `threads` workers until `enough` says so.
fn rounds<R: Row>(row: &R, threads: usize, mut enough: impl FnMut(&Findings) -> bool) -> Findings {
    noise::prepare();
    runtime::install();
    let desk = Desk::new(threads, &[row.notes()]);
    let mut rng = Rng::new(11);
    while !enough(&desk.findings) {
        let round = Round::new(&desk, threads, Rng::new(rng.bits()), &[(0, row, 1)]);
        round.play(Duration::from_millis(20), || true);
        round.settle();
    }
    desk.findings
}

fn hope<A: Arena + 'static>(
    rule: Rule,
    notes: &'static [&'static str],
    threads: usize,
    open: impl Fn(Setup) -> A + Send + Sync,
) -> Findings {
    let begun = Instant::now();
    rounds(&Trial(open, notes), threads, |findings| findings.broke(rule) || begun.elapsed() > HOPE)
}

/// Plays rounds of an arena until `rule` is found broken; gives up after a while.
pub(super) fn until<A: Arena + 'static>(
    rule: Rule,
    notes: &'static [&'static str],
    open: impl Fn(Setup) -> A + Send + Sync,
) -> Findings {
    hope(rule, notes, THREADS, open)
}

/// The same with a single worker, for broken primitives that would race with several.
pub(super) fn alone<A: Arena + 'static>(
    rule: Rule,
    notes: &'static [&'static str],
    open: impl Fn(Setup) -> A + Send + Sync,
) -> Findings {
    let findings = hope(rule, notes, 1, open);
    assert!(findings.broke(rule), "{:?}", findings.kept());
    findings
}

/// Plays some rounds of an arena, in which nothing may be found.
pub(super) fn clean<A: Arena + 'static>(
    notes: &'static [&'static str],
    open: impl Fn(Setup) -> A + Send + Sync,
) {
    let mut left = 10;
    let findings = rounds(&Trial(open, notes), THREADS, |_| {
        left -= 1;
        left < 0
    });
    assert!(!findings.any(), "{:#?}", findings.kept());
}

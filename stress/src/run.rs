//! A whole run: rounds until the time is over, a watchdog and a progress line beside them, and the
//! report.

use crate::config::Config;
use crate::findings::Rule;
use crate::gauge::{Counter, Switch};
use crate::progress;
use crate::report::{Report, RowReport};
use crate::rng::Rng;
use crate::round::Round;
use crate::row::Row;
use crate::rows;
use crate::tally::Tally;
use crate::watchdog::Watchdog;
use crate::worker::Desk;
use crate::{noise, repeat, runtime};
use pyparking::{Totals, spin, totals};
use std::time::{Duration, Instant};

/// A round is this long, or so short that the first tour of all rows takes a [`TOUR`]th of the run.
const ROUND: Duration = Duration::from_millis(250);
const TOUR: u32 = 4;

/// What one kind of round, that of a single row, added to the lot's counts.
#[derive(Debug, Clone, Copy, Default)]
struct Solo {
    operations: u64,
    parks: u64,
    hand_offs: u64,
}

/// A run under way.
struct Run<'c> {
    config: &'c Config,
    rows: Vec<Box<dyn Row>>,
    desk: Desk,
    rounds: Counter,
}

/// Who plays in a round: all rows with these weights, or one.
#[derive(Debug, PartialEq, Eq)]
enum Cast {
    All(Vec<u32>),
    One(usize),
}

/// Runs as `config` says. `stalled` is called, on another thread, when nothing moves any more; the
/// run itself cannot end then, so it should end the process.
pub fn run(config: &mut Config, stalled: impl FnOnce(Report) + Send) -> Report {
    let seed = config.settle_seed();
    repeat::remember(config.command());
    noise::prepare();
    if !config.no_hooks {
        runtime::install();
    }
    let mut rows = rows::all();
    rows.retain(|row| config.only.is_empty() || config.only.iter().any(|name| name == row.name()));
    let notes: Vec<_> = rows.iter().map(|row| row.notes()).collect();
    let desk = Desk::new(config.threads, &notes);
    let run = Run { config, rows, desk, rounds: Counter::new() };
    let before = totals();
    let over = Switch::new();
    std::thread::scope(|scope| {
        let solos = scope.spawn(|| {
            let solos = run.rounds(Rng::new(seed));
            over.throw();
            solos
        });
        scope.spawn(|| progress::show(&run.desk, run.config.length(), &over));
        let pulse = || run.desk.operations() + run.desk.lives.get() + run.rounds.get();
        let watchdog = Watchdog::new(run.config.patience());
        watchdog.watch(&over, pulse, || {
            run.desk.findings.note("run", Rule::Stall, run.describe_stall());
            stalled(run.report(before, None));
        });
        let solos = solos.join().unwrap_or_default();
        run.report(before, Some(&solos))
    })
}

impl Run<'_> {
    /// Plays rounds until the time is over or a rule is broken.
    fn rounds(&self, mut rng: Rng) -> Vec<Solo> {
        let mut solos = vec![Solo::default(); self.rows.len()];
        let tour = self.rows.len();
        let length = ROUND.min(self.config.length() / (TOUR * tour as u32));
        let begun = Instant::now();
        // However slow the machine is: each row has had its turn.
        while (begun.elapsed() < self.config.length() || self.rounds.get() < tour as u64)
            && !self.desk.findings.any()
        {
            let number = self.rounds.next() as usize;
            let cast = cast(&mut rng, number, &self.rows);
            // As in both kinds of runtime.
            spin::set_turns(if rng.one_in(3) { spin::GIL } else { spin::FREE_THREADED });
            let before = (totals(), self.desk.operations());
            self.play(&cast, rng.stream(number as u64), length);
            if let Cast::One(row) = cast {
                let (lot, operations) = (totals(), self.desk.operations());
                solos[row].operations += operations - before.1;
                solos[row].parks += lot.parks - before.0.parks;
                solos[row].hand_offs += lot.hand_offs - before.0.hand_offs;
            }
            self.check_lot();
        }
        solos
    }

    fn play(&self, cast: &Cast, rng: Rng, length: Duration) {
        let all: Vec<(usize, &dyn Row, u32)> = match cast {
            Cast::All(weights) => {
                let rows = self.rows.iter().enumerate();
                rows.map(|(index, row)| (index, &**row, weights[index])).collect()
            }
            Cast::One(row) => vec![(*row, &*self.rows[*row], 1)],
        };
        let round = Round::new(&self.desk, self.config.threads, rng, &all);
        let (begun, before) = (Instant::now(), self.operations_of(cast));
        // A row that can do nothing alone, with so few threads, shows it by a zero in the table.
        let patient = || begun.elapsed() < self.config.patience();
        round.play(length, || self.operations_of(cast) > before || !patient());
        round.settle();
    }

    fn operations_of(&self, cast: &Cast) -> u64 {
        match cast {
            Cast::All(_) => self.desk.operations(),
            Cast::One(row) => self.desk.tallies[*row].operations(),
        }
    }

    /// Nobody is in the lot: everybody who was queued has left, woken or by himself.
    fn check_lot(&self) {
        let snapshot = pyparking::snapshot();
        if !snapshot.waiters().is_empty() {
            let detail = format!("all is quiet, but the lot holds waiters:\n{snapshot}");
            self.desk.findings.note("run", Rule::LeftBehind, detail);
        }
        let Totals { parks, wakes, timeouts, interrupts, .. } = totals();
        if parks != wakes + timeouts + interrupts {
            let detail = format!(
                "{parks} parks, but {wakes} wakes, {timeouts} time-outs, {interrupts} interrupts"
            );
            self.desk.findings.note("run", Rule::Token, detail);
        }
    }

    /// Who does what while nothing moves, and who is queued.
    fn describe_stall(&self) -> String {
        let now = self.desk.started.elapsed().as_nanos() as u64;
        let mut text =
            format!("nothing has moved for {} s. Inside a call are:\n", self.config.watchdog);
        for (slot, activity) in self.desk.activities.iter().enumerate() {
            if let Some((row, call, since)) = activity.look() {
                let seconds = now.saturating_sub(since) as f64 / 1e9;
                text += &format!(
                    "  worker {slot}: {} in row {}, {seconds:.1} s\n",
                    call,
                    self.rows[row].name()
                );
            }
        }
        text + &format!("Queued in the lot are:\n{}", pyparking::snapshot())
    }

    fn report(&self, before: Totals, solos: Option<&[Solo]>) -> Report {
        let row = |index: usize| {
            let solo = solos.map(|solos| solos[index]).unwrap_or_default();
            self.report_row(self.rows[index].name(), &self.desk.tallies[index], solo)
        };
        let now = totals();
        Report {
            seed: self.config.seed.unwrap_or(0),
            command: self.config.command(),
            threads: self.config.threads,
            hooks: !self.config.no_hooks,
            elapsed: self.desk.started.elapsed(),
            rounds: self.rounds.get(),
            lives: self.desk.lives.get(),
            rows: (0..self.rows.len()).map(row).collect(),
            totals: Totals {
                parks: now.parks - before.parks,
                moves: now.moves - before.moves,
                wakes: now.wakes - before.wakes,
                hand_offs: now.hand_offs - before.hand_offs,
                timeouts: now.timeouts - before.timeouts,
                interrupts: now.interrupts - before.interrupts,
            },
            violations: self.desk.findings.kept(),
            violation_count: self.desk.findings.count(),
        }
    }

    fn report_row(&self, name: &'static str, tally: &Tally, solo: Solo) -> RowReport {
        RowReport {
            name,
            operations: tally.operations(),
            timeouts: tally.timeouts(),
            interrupts: tally.interrupts(),
            longest: tally.longest(),
            jain: tally.jain(),
            solo_operations: solo.operations,
            solo_parks: solo.parks,
            solo_hand_offs: solo.hand_offs,
            violations: self.desk.findings.count_in(name),
            notes: tally.notes().collect(),
        }
    }
}

/// Who plays in round `number`: each row alone once, then every third belongs to one row, in turn; some of the
/// others favour one row, so that most workers meet in it while the rest go on elsewhere.
fn cast(rng: &mut Rng, number: usize, rows: &[Box<dyn Row>]) -> Cast {
    if number < rows.len() {
        return Cast::One(number);
    }
    let number = number - rows.len();
    if number % 3 == 2 || rows.len() == 1 {
        return Cast::One(number / 3 % rows.len());
    }
    let mut weights: Vec<_> =
        rows.iter().map(|row| row.weight() * (1 + rng.below(4) as u32)).collect();
    if rng.one_in(3) {
        weights[rng.below(rows.len())] *= 12;
    }
    Cast::All(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_rounds_of_its_own_and_all_meet_in_the_others() {
        let rows = rows::all();
        let mut rng = Rng::new(1);
        let casts: Vec<_> =
            (0..4 * rows.len()).map(|number| cast(&mut rng, number, &rows)).collect();
        let (tour, rest) = casts.split_at(rows.len());
        assert!(tour.iter().enumerate().all(|(row, cast)| *cast == Cast::One(row)));
        for row in 0..rows.len() {
            assert!(rest.contains(&Cast::One(row)));
        }
        let mixed = casts.iter().filter_map(|cast| match cast {
            Cast::All(weights) => Some(weights),
            Cast::One(_) => None,
        });
        assert!(mixed.clone().count() == 2 * rows.len());
        assert!(mixed.flatten().all(|&weight| weight > 0));
    }

    #[test]
    fn a_single_row_is_always_alone() {
        let one = vec![rows::all().swap_remove(0)];
        assert_eq!(cast(&mut Rng::new(1), 0, &one), Cast::One(0));
    }
}

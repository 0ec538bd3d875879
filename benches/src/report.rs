//! A cell's results in the form that tables, JSON and pictures are made from.

use std::time::Duration;

use serde::Serialize;

use crate::arm::{Label, Role};
use crate::cell::{Cell, Place};
use crate::contest::Plan;
use crate::figure::Figure;
use crate::goal::GoalReport;
use crate::random::Random;
use crate::stats::{Interval, Verdict, bootstrap, jain, median, paired_ratios};

/// One arm of one cell. Costs are per operation; an absent answer is a dash in the table and null in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmReport {
    /// Its name.
    pub name: String,
    /// Its part.
    pub role: Role,
    /// Operations in all recorded blocks.
    pub operations: u64,
    /// Median over the rounds of nanoseconds of wall-clock time.
    pub nanos: f64,
    /// Nanoseconds of processor time, over all rounds.
    pub cpu_nanos: Option<f64>,
    /// Voluntary context switches per thousand operations, over all rounds.
    pub switches_per_thousand: Option<f64>,
    /// Sleeps and wakes in the operating system per thousand operations, over all rounds.
    pub futex_per_thousand: Option<f64>,
    /// Jain's index of the threads' shares, over all rounds.
    pub jain: Option<f64>,
    /// Median over the rounds of Jain's index within one round.
    pub jain_per_round: Option<f64>,
    /// The longest wait noticed, in microseconds.
    pub longest_wait_micros: Option<f64>,
    /// The median and the 99 % quantile of the waits, in microseconds, where the arm is about them.
    pub wait_micros: Option<[f64; 2]>,
    /// Bytes requested of the global allocator for each byte that the work asked for.
    pub memory: Option<f64>,
    /// Our wall-clock cost over this arm's, from paired rounds; absent for our own arm.
    pub ratio: Option<Interval>,
    /// What that ratio lets one say.
    pub verdict: Option<Verdict>,
    /// Our processor cost over this arm's, likewise.
    pub cpu_ratio: Option<Interval>,
    /// Nanoseconds of wall-clock time, round by round.
    pub rounds: Vec<f64>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellReport {
    /// The row it belongs to.
    pub row: &'static str,
    /// What is particular about it.
    pub label: String,
    /// Its coordinates in a matrix.
    pub place: Option<Place>,
    /// What one operation is.
    pub operation: &'static str,
    /// The length of a block in microseconds.
    pub block_micros: u128,
    /// How many rounds there were.
    pub rounds: usize,
    /// The arms, ours first.
    pub arms: Vec<ArmReport>,
    /// Whether the control's interval contains 1; absent where there is no control.
    pub control_holds: Option<bool>,
    /// The goal and what became of it.
    pub goal: GoalReport,
    /// Why the cell did not run, if it did not.
    pub absent: Option<String>,
}

impl ArmReport {
    /// An arm of which nothing is known yet.
    #[must_use]
    pub fn blank(name: &str, role: Role) -> Self {
        Self {
            name: name.to_owned(),
            role,
            operations: 0,
            nanos: f64::NAN,
            cpu_nanos: None,
            switches_per_thousand: None,
            futex_per_thousand: None,
            jain: None,
            jain_per_round: None,
            longest_wait_micros: None,
            wait_micros: None,
            memory: None,
            ratio: None,
            verdict: None,
            cpu_ratio: None,
            rounds: Vec::new(),
        }
    }

    /// Millions of operations per second, by the median round.
    #[must_use]
    pub fn mega_per_second(&self) -> f64 {
        1e3 / self.nanos
    }

    fn from_figures(label: &Label, figures: &[Figure], even: bool) -> Self {
        let total = Figure::sum(figures);
        let rounds: Vec<f64> = figures.iter().map(Figure::nanos_per_operation).collect();
        let shares: Vec<f64> =
            figures.iter().filter_map(|figure| jain(&figure.per_thread)).collect();
        let comparable = even && total.per_thread.len() > 1 && label.role != Role::Limit;
        Self {
            operations: total.operations(),
            nanos: median(&rounds),
            cpu_nanos: total.cpu_nanos_per_operation(),
            switches_per_thousand: total.switches_per_thousand(),
            futex_per_thousand: total.futex_per_thousand(),
            jain: comparable.then(|| jain(&total.per_thread)).flatten(),
            jain_per_round: comparable.then(|| median(&shares)),
            longest_wait_micros: total.longest_wait.map(|wait| wait.as_secs_f64() * 1e6),
            wait_micros: quantiles(total.waits),
            memory: total.memory,
            rounds,
            ..Self::blank(&label.name, label.role)
        }
    }
}

impl CellReport {
    /// Reads the figures of a finished contest.
    #[must_use]
    pub fn new(
        cell: &Cell,
        labels: &[Label],
        figures: &[Vec<Figure>],
        random: &mut Random,
    ) -> Self {
        let mut arms: Vec<ArmReport> = labels
            .iter()
            .zip(figures)
            .map(|(label, figures)| ArmReport::from_figures(label, figures, cell.even))
            .collect();
        if let Some(ours) = labels.iter().position(|label| label.role == Role::Ours) {
            compare(&mut arms, figures, ours, random);
        }
        let control = arms.iter().find(|arm| arm.role == Role::Control).and_then(|arm| arm.ratio);
        let goal = cell.goal.judge(&arms);
        Self {
            arms,
            control_holds: control.map(|ratio| ratio.contains(1.0)),
            goal,
            ..Self::empty(cell, cell.plan)
        }
    }

    /// The report of a cell that cannot run here.
    #[must_use]
    pub fn of_absent(cell: &Cell, why: String) -> Self {
        Self { absent: Some(why), ..Self::empty(cell, cell.plan) }
    }

    fn empty(cell: &Cell, plan: Plan) -> Self {
        Self {
            row: cell.row,
            label: cell.label.clone(),
            place: cell.place,
            operation: cell.operation,
            block_micros: plan.span.as_micros(),
            rounds: plan.rounds,
            arms: Vec::new(),
            control_holds: None,
            goal: cell.goal.judge(&[]),
            absent: None,
        }
    }

    /// Our arm.
    #[must_use]
    pub fn ours(&self) -> Option<&ArmReport> {
        self.arms.iter().find(|arm| arm.role == Role::Ours)
    }
}

/// The median and the 99 % quantile, in microseconds.
fn quantiles(mut waits: Vec<Duration>) -> Option<[f64; 2]> {
    waits.sort_unstable();
    let last = waits.len().checked_sub(1)?;
    Some([0.5, 0.99].map(|share| waits[(last as f64 * share).ceil() as usize].as_secs_f64() * 1e6))
}

fn compare(arms: &mut [ArmReport], figures: &[Vec<Figure>], ours: usize, random: &mut Random) {
    let cpu = |arm: usize| -> Vec<f64> {
        figures[arm]
            .iter()
            .map(|figure| figure.cpu_nanos_per_operation().unwrap_or(f64::NAN))
            .collect()
    };
    let (our_rounds, our_cpu) = (arms[ours].rounds.clone(), cpu(ours));
    for (number, arm) in arms.iter_mut().enumerate().filter(|(number, _)| *number != ours) {
        arm.ratio = bootstrap(&paired_ratios(&our_rounds, &arm.rounds), random);
        arm.verdict = arm.ratio.map(|ratio| ratio.verdict());
        arm.cpu_ratio = bootstrap(&paired_ratios(&our_cpu, &cpu(number)), random);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::CellReport;
    use crate::arm::{Label, Role};
    use crate::cell::{Cell, Contestants};
    use crate::contest::Plan;
    use crate::figure::Figure;
    use crate::goal::{Goal, Outcome};
    use crate::random::Random;
    use crate::stats::Verdict;

    fn figures(per_thread: [u64; 2], nanos: [u64; 3]) -> Vec<Figure> {
        let block = |nanos| Figure {
            per_thread: per_thread.to_vec(),
            wall: Duration::from_nanos(nanos),
            ..Figure::default()
        };
        nanos.into_iter().chain(nanos).map(block).collect()
    }

    #[test]
    fn a_report_pairs_rounds_checks_the_control_and_judges_the_goal() {
        let cell = Cell {
            row: "row",
            label: "cell".into(),
            place: None,
            operation: "lock and unlock",
            even: true,
            goal: Goal::AtMost { factor: 1.5, of: "peer".into() },
            plan: Plan { span: Duration::from_millis(1), rounds: 6 },
            contestants: Box::new(|| Contestants::Absent(String::new())),
        };
        let labels = [
            Label::new("ours", Role::Ours),
            Label::new("again", Role::Control),
            Label::new("peer", Role::Peer),
        ];
        let figures = [
            figures([5, 5], [1_000, 2_000, 3_000]),
            figures([5, 5], [1_000, 2_100, 2_900]),
            figures([9, 1], [500, 1_000, 1_500]),
        ];
        let report = CellReport::new(&cell, &labels, &figures, &mut Random::from_seed(1));
        assert_eq!(report.control_holds, Some(true));
        let [ours, _, peer] = &report.arms[..] else { panic!("three arms went in") };
        assert_eq!((ours.nanos, ours.ratio, ours.jain), (200.0, None, Some(1.0)));
        assert_eq!(
            (peer.ratio.map(|ratio| ratio.median), peer.verdict),
            (Some(2.0), Some(Verdict::Behind))
        );
        assert!(peer.jain.is_some_and(|jain| jain < 0.7));
        assert_eq!(report.goal.outcome, Outcome::Missed);
    }
}

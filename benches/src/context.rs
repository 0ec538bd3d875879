//! What the user asked for, as the rows need it: how thorough, which threads, which peers.

use std::time::Duration;

use serde::Serialize;

use crate::arm::{Label, Role};
use crate::contest::Plan;
use crate::stats::FEWEST;

/// How thorough a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything, about a quarter of an hour.
    Full,
    /// Fewer cells and shorter blocks, about a minute.
    Quick,
    /// Some seconds; shows that everything runs, and measures nothing.
    Smoke,
}

/// The choices of one run.
#[derive(Debug, Clone)]
pub struct Context {
    /// How thorough.
    pub mode: Mode,
    /// Thread counts instead of each row's own.
    pub threads: Option<Vec<usize>>,
    /// Lengths of the section instead of the contended row's own.
    pub sections: Option<Vec<u32>>,
    /// Amounts of work outside instead of the contended row's own.
    pub outside: Option<Vec<u32>>,
    /// Peers to keep, by part of their name; empty keeps all.
    pub peers: Vec<String>,
    /// Whether CPython's library is there.
    pub cpython: bool,
    /// Another block length for the threaded rows.
    pub block: Option<Duration>,
    /// Another number of rounds.
    pub rounds: Option<usize>,
}

impl Context {
    /// Whether an arm takes part. Ours, the control and the limits always do.
    #[must_use]
    pub fn admits(&self, label: &Label) -> bool {
        let name = label.name.to_lowercase();
        label.role != Role::Peer
            || self.peers.is_empty()
            || self.peers.iter().any(|wanted| name.contains(&wanted.to_lowercase()))
    }

    /// The user's thread counts, or `full`, or the shorter `quick` when there is little time.
    #[must_use]
    pub fn threads_or(&self, full: &[usize], quick: &[usize]) -> Vec<usize> {
        self.choose(self.threads.as_ref(), full, quick)
    }

    /// The same choice for section lengths.
    #[must_use]
    pub fn sections_or(&self, full: &[u32], quick: &[u32]) -> Vec<u32> {
        self.choose(self.sections.as_ref(), full, quick)
    }

    /// The same choice for amounts of work outside.
    #[must_use]
    pub fn outside_or(&self, full: &[u32], quick: &[u32]) -> Vec<u32> {
        self.choose(self.outside.as_ref(), full, quick)
    }

    fn choose<T: Copy>(&self, wanted: Option<&Vec<T>>, full: &[T], quick: &[T]) -> Vec<T> {
        match (wanted, self.mode) {
            (Some(wanted), _) => wanted.clone(),
            (None, Mode::Full) => full.to_vec(),
            (None, Mode::Quick | Mode::Smoke) => quick.to_vec(),
        }
    }

    /// Blocks and rounds of a row that one thread runs alone: many short blocks, since tenths of a nanosecond count.
    #[must_use]
    pub fn solo_plan(&self) -> Plan {
        let (micros, rounds) = match self.mode {
            Mode::Full => (1_000, 150),
            Mode::Quick => (400, 60),
            Mode::Smoke => (50, 3),
        };
        Plan { span: Duration::from_micros(micros), rounds: self.rounds.unwrap_or(rounds) }
    }

    /// Blocks and rounds of a row that a crew runs: long enough for the scheduler to come round.
    #[must_use]
    pub fn crew_plan(&self) -> Plan {
        let (millis, rounds) = match self.mode {
            Mode::Full => (50, 12),
            Mode::Quick => (20, 6),
            Mode::Smoke => (2, 2),
        };
        Plan {
            span: self.block.unwrap_or(Duration::from_millis(millis)),
            rounds: self.rounds.unwrap_or(rounds),
        }
    }

    /// A crew plan whose blocks are long enough for the scheduler to come round to each of `threads`
    /// threads more than once. Shorter ones would measure who is woken first, and call it unfairness.
    #[must_use]
    pub fn crew_plan_for(&self, threads: usize) -> Plan {
        let plan = self.crew_plan();
        if self.block.is_some() || self.mode == Mode::Smoke {
            return plan;
        }
        let least = TURN * u32::try_from(threads).unwrap_or(u32::MAX);
        self.stretched(plan, plan.span.max(least))
    }

    /// The same with blocks `times` as long.
    #[must_use]
    pub fn slow_crew_plan(&self, threads: usize, times: u32) -> Plan {
        let plan = self.crew_plan_for(threads);
        self.stretched(plan, plan.span.max(self.crew_plan().span * times))
    }

    /// `plan` with blocks of length `span` and rounds correspondingly fewer, but enough for an interval.
    fn stretched(&self, plan: Plan, span: Duration) -> Plan {
        let share = plan.span.as_secs_f64() / span.as_secs_f64();
        let fewer = ((plan.rounds as f64 * share) as usize).max(FEWEST.min(plan.rounds));
        Plan { span, rounds: self.rounds.unwrap_or(fewer) }
    }
}

/// About how long a thread keeps its processor while others wait for one.
const TURN: Duration = Duration::from_millis(3);

#[cfg(test)]
pub(crate) mod tests {
    use super::{Context, Mode, TURN};
    use crate::arm::{Label, Role};

    pub(crate) fn smoke() -> Context {
        Context {
            mode: Mode::Smoke,
            threads: None,
            sections: None,
            outside: None,
            peers: Vec::new(),
            cpython: false,
            block: None,
            rounds: None,
        }
    }

    #[test]
    fn a_filter_of_peers_spares_ours_the_control_and_the_limits() {
        let context = Context { peers: vec!["PARKING".into()], ..smoke() };
        let admits = |name, role| context.admits(&Label::new(name, role));
        assert!(admits("parking_lot raw", Role::Peer));
        assert!(!admits("std", Role::Peer));
        assert!(
            admits("pysync", Role::Ours)
                && admits("again", Role::Control)
                && admits("bare", Role::Limit)
        );
    }

    #[test]
    fn the_users_threads_win_over_either_list() {
        let mut context = smoke();
        assert_eq!(context.threads_or(&[1, 2, 4], &[2]), [2]);
        context.mode = Mode::Full;
        assert_eq!(context.threads_or(&[1, 2, 4], &[2]), [1, 2, 4]);
        context.threads = Some(vec![7]);
        assert_eq!(context.threads_or(&[1, 2, 4], &[2]), [7]);
    }

    #[test]
    fn slower_blocks_mean_fewer_rounds_but_enough_for_an_interval() {
        let mut context = smoke();
        context.mode = Mode::Full;
        let (plan, slow) = (context.crew_plan(), context.slow_crew_plan(2, 5));
        assert_eq!((slow.span, slow.rounds), (plan.span * 5, 6));
        let crowded = context.crew_plan_for(64);
        assert_eq!((crowded.span, crowded.rounds), (TURN * 64, 6));
        assert_eq!(context.crew_plan_for(2), plan);
        context.mode = Mode::Smoke;
        assert_eq!(context.slow_crew_plan(64, 5).rounds, context.crew_plan().rounds);
    }
}

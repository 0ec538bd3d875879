//! What is wanted of a cell, and whether it was reached. A missed goal is published like a reached one; it never
//! changes the exit code, because a bench on a shared machine is no gate.

use std::time::Duration;

use serde::Serialize;

use crate::arm::Role;
use crate::report::ArmReport;
use crate::stats::Verdict;

/// Which peers an [`Goal::Ahead`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rivals {
    /// Every peer that takes part.
    Everyone,
    /// These, as far as they take part.
    Named(&'static [&'static str]),
}

/// What is wanted of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Goal {
    /// Nothing in particular; says why.
    Open(&'static str),
    /// A cost of at most `factor` times that of the arm called `of`.
    AtMost {
        /// The factor.
        factor: f64,
        /// The arm's name.
        of: String,
    },
    /// Faster than the rivals beyond doubt, and if asked, fair and no dearer in processor time than the cheapest.
    Ahead {
        /// The rivals.
        of: Rivals,
        /// The least acceptable index of fairness.
        jain: Option<f64>,
        /// Whether processor time counts too.
        cpu: bool,
    },
    /// As fast as each of the rivals, or faster: none of them ahead beyond doubt.
    NotBehind(Rivals),
    /// An index of fairness of at least this.
    Fair(f64),
    /// 99 % of the waits within so long, at a cost of at most `factor` times that of the arm called `of`.
    Prompt {
        /// How long.
        within: Duration,
        /// The factor.
        factor: f64,
        /// The arm's name.
        of: String,
    },
}

/// Whether a goal was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Reached.
    Met,
    /// Not reached.
    Missed,
    /// There was no goal, or nothing to judge it by.
    Open,
}

/// Why a goal stays open in a run that is too short for intervals.
const TOO_FEW: &str = "too few rounds to tell";

/// A goal and what became of it, in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoalReport {
    /// What was wanted.
    pub wanted: String,
    /// Whether it was reached.
    pub outcome: Outcome,
    /// How it turned out, and by how much it was missed.
    pub said: String,
}

impl GoalReport {
    fn new(wanted: String, outcome: Outcome, said: impl Into<String>) -> Self {
        Self { wanted, outcome, said: said.into() }
    }
}

impl Goal {
    /// The goal in words.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self {
            Self::Open(why) => (*why).to_owned(),
            Self::AtMost { factor, of } => format!("at most {factor:.2} x {of}"),
            Self::Ahead { of, jain, cpu } => {
                let rivals = of.named();
                let fair =
                    jain.map(|least| format!(", Jain at least {least:.1}")).unwrap_or_default();
                let cheap = if *cpu { ", CPU/op no more than the best peer's" } else { "" };
                format!("ahead of {rivals}{fair}{cheap}")
            }
            Self::NotBehind(of) => format!("as fast as {}, or faster", of.named()),
            Self::Fair(least) => format!("Jain at least {least:.1}"),
            Self::Prompt { within, factor, of } => {
                format!("99 % of the waits within {within:?}, at most {factor:.2} x {of}")
            }
        }
    }

    /// Holds the goal against a cell's arms.
    #[must_use]
    pub fn judge(&self, arms: &[ArmReport]) -> GoalReport {
        let (outcome, said) = match self {
            Self::Open(_) => (Outcome::Open, "no goal".to_owned()),
            Self::AtMost { factor, of } => at_most(*factor, of, arms),
            Self::Ahead { of, jain, cpu } => ahead(*of, *jain, *cpu, arms),
            Self::NotBehind(of) => not_behind(*of, arms),
            Self::Fair(least) => fair(*least, arms),
            Self::Prompt { within, factor, of } => {
                prompt(*within, at_most(*factor, of, arms), arms)
            }
        };
        GoalReport::new(self.wanted(), outcome, said)
    }
}

fn at_most(factor: f64, of: &str, arms: &[ArmReport]) -> (Outcome, String) {
    let Some(rival) = arms.iter().find(|arm| arm.name == of) else {
        return (Outcome::Open, format!("{of} did not take part"));
    };
    let Some(ratio) = rival.ratio else { return (Outcome::Open, TOO_FEW.to_owned()) };
    let doubt = if ratio.low <= factor && factor <= ratio.high {
        ", within the spread of this run"
    } else {
        ""
    };
    if ratio.median <= factor {
        (Outcome::Met, format!("{:.3}{doubt}", ratio.median))
    } else {
        let excess = (ratio.median / factor - 1.0) * 100.0;
        (Outcome::Missed, format!("{:.3}, missed by {excess:.1} %{doubt}", ratio.median))
    }
}

fn ahead(of: Rivals, jain: Option<f64>, cpu: bool, arms: &[ArmReport]) -> (Outcome, String) {
    let rivals = of.in_arms(arms);
    if let Some(why) = cannot_tell(&rivals) {
        return (Outcome::Open, why.to_owned());
    }
    let mut misses = not_ahead(&rivals);
    if let Some(least) = jain {
        misses.extend(unfair(least, arms));
    }
    if cpu {
        misses.extend(dearer(&rivals));
    }
    if misses.is_empty() {
        (Outcome::Met, format!("ahead of all {}", rivals.len()))
    } else {
        (Outcome::Missed, misses.join("; "))
    }
}

/// Why rivals cannot be judged by, if they cannot.
fn cannot_tell(rivals: &[&ArmReport]) -> Option<&'static str> {
    if rivals.is_empty() {
        return Some("no such peer took part");
    }
    rivals.iter().any(|rival| rival.ratio.is_none()).then_some(TOO_FEW)
}

fn not_behind(of: Rivals, arms: &[ArmReport]) -> (Outcome, String) {
    let rivals = of.in_arms(arms);
    if let Some(why) = cannot_tell(&rivals) {
        return (Outcome::Open, why.to_owned());
    }
    let ratios = || rivals.iter().filter_map(|rival| Some((rival, rival.ratio?)));
    let losses: Vec<String> = ratios()
        .filter(|(_, ratio)| ratio.verdict() == Verdict::Behind)
        .map(|(rival, ratio)| {
            format!("{:.0} % behind {}", (ratio.median - 1.0) * 100.0, rival.name)
        })
        .collect();
    if !losses.is_empty() {
        return (Outcome::Missed, losses.join("; "));
    }
    let closest = ratios().max_by(|(_, one), (_, two)| one.median.total_cmp(&two.median));
    let said =
        closest.map(|(rival, ratio)| format!("{:.3} x {}, the closest", ratio.median, rival.name));
    (Outcome::Met, said.unwrap_or_default())
}

impl Rivals {
    fn named(self) -> String {
        match self {
            Self::Everyone => "every peer".to_owned(),
            Self::Named(names) => names.join(" and "),
        }
    }

    fn in_arms(self, arms: &[ArmReport]) -> Vec<&ArmReport> {
        arms.iter().filter(|arm| arm.role == Role::Peer && self.includes(&arm.name)).collect()
    }

    fn includes(self, name: &str) -> bool {
        match self {
            Self::Everyone => true,
            Self::Named(names) => names.contains(&name),
        }
    }
}

/// Whom ours is behind, by how much, and whom it is equal to.
fn not_ahead(rivals: &[&ArmReport]) -> Vec<String> {
    let with = |wanted: Verdict, say: &dyn Fn(&ArmReport, f64) -> String| -> Vec<String> {
        let ratios = rivals.iter().filter_map(|rival| Some((rival, rival.ratio?)));
        ratios
            .filter(|(_, ratio)| ratio.verdict() == wanted)
            .map(|(rival, ratio)| say(rival, ratio.median))
            .collect()
    };
    let behind = with(Verdict::Behind, &|rival, ratio| {
        format!("{:.0} % behind {}", (ratio - 1.0) * 100.0, rival.name)
    });
    let equal = with(Verdict::Equal, &|rival, ratio| format!("{} ({ratio:.2})", rival.name));
    let equal = (!equal.is_empty()).then(|| format!("equal to {}", equal.join(", ")));
    behind.into_iter().chain(equal).collect()
}

/// The peer that needs least processor time, if ours needs more than that one beyond doubt.
fn dearer(rivals: &[&ArmReport]) -> Option<String> {
    let cost = |arm: &ArmReport| arm.cpu_nanos.unwrap_or(f64::INFINITY);
    let cheapest = rivals.iter().min_by(|one, two| cost(one).total_cmp(&cost(two)))?;
    let ratio = cheapest.cpu_ratio?;
    (ratio.verdict() == Verdict::Behind)
        .then(|| format!("CPU {:.3} x that of {}", ratio.median, cheapest.name))
}

fn unfair(least: f64, arms: &[ArmReport]) -> Option<String> {
    let jain = arms.iter().find(|arm| arm.role == Role::Ours)?.jain?;
    (jain < least).then(|| format!("Jain {jain:.2}"))
}

fn prompt(within: Duration, cost: (Outcome, String), arms: &[ArmReport]) -> (Outcome, String) {
    let ours = arms.iter().find(|arm| arm.role == Role::Ours).and_then(|arm| arm.wait_micros);
    let Some([_, late]) = ours else { return (Outcome::Open, "no waits".to_owned()) };
    let is_late = late > within.as_secs_f64() * 1e6;
    let outcome = if is_late { Outcome::Missed } else { cost.0 };
    (outcome, format!("99 % within {:.2} ms; cost {}", late / 1e3, cost.1))
}

fn fair(least: f64, arms: &[ArmReport]) -> (Outcome, String) {
    let Some(jain) = arms.iter().find(|arm| arm.role == Role::Ours).and_then(|arm| arm.jain) else {
        return (Outcome::Open, "no shares to compare".to_owned());
    };
    let peers: Vec<f64> =
        arms.iter().filter(|arm| arm.role == Role::Peer).filter_map(|arm| arm.jain).collect();
    let best = peers.iter().copied().max_by(f64::total_cmp);
    let beside = best.map(|best| format!(", best peer {best:.3}")).unwrap_or_default();
    if jain >= least {
        (Outcome::Met, format!("{jain:.3}{beside}"))
    } else {
        (Outcome::Missed, format!("{jain:.3}, missed by {:.3}{beside}", least - jain))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Goal, Outcome, Rivals};
    use crate::arm::Role;
    use crate::report::ArmReport;
    use crate::stats::Interval;

    fn arm(name: &str, role: Role, ratio: [f64; 3]) -> ArmReport {
        let [low, median, high] = ratio;
        ArmReport {
            cpu_nanos: Some(10.0),
            jain: Some(0.95),
            ratio: Some(Interval { median, low, high }),
            cpu_ratio: Some(Interval { median: 1.0, low: 0.9, high: 1.1 }),
            ..ArmReport::blank(name, role)
        }
    }

    #[test]
    fn at_most_goes_by_the_median_and_says_when_the_spread_leaves_doubt() {
        let goal = Goal::AtMost { factor: 1.05, of: "limit".into() };
        let judge = |ratio| goal.judge(&[arm("limit", Role::Limit, ratio)]);
        assert_eq!(judge([1.00, 1.02, 1.04]).outcome, Outcome::Met);
        assert_eq!(judge([1.00, 1.02, 1.04]).said, "1.020");
        assert_eq!(judge([1.00, 1.02, 1.10]).said, "1.020, within the spread of this run");
        let missed = judge([1.20, 1.26, 1.30]);
        assert_eq!(
            (missed.outcome, missed.said.as_str()),
            (Outcome::Missed, "1.260, missed by 20.0 %")
        );
        assert_eq!(goal.judge(&[]).outcome, Outcome::Open);
    }

    #[test]
    fn ahead_means_beyond_doubt_of_everyone_asked_for() {
        let goal = Goal::Ahead { of: Rivals::Everyone, jain: Some(0.9), cpu: true };
        let ours = arm("pysync", Role::Ours, [1.0; 3]);
        let met = goal.judge(&[ours.clone(), arm("std", Role::Peer, [0.4, 0.5, 0.6])]);
        assert_eq!((met.outcome, met.said.as_str()), (Outcome::Met, "ahead of all 1"));
        let missed = goal.judge(&[
            ours,
            arm("std", Role::Peer, [0.9, 1.0, 1.1]),
            arm("usync", Role::Peer, [1.1, 1.2, 1.3]),
        ]);
        assert_eq!(missed.outcome, Outcome::Missed);
        assert_eq!(missed.said, "20 % behind usync; equal to std (1.00)");
    }

    #[test]
    fn not_behind_is_also_met_by_equals_and_names_the_closest() {
        let goal = Goal::NotBehind(Rivals::Everyone);
        let fair = arm("equal", Role::Peer, [0.98, 1.0, 1.02]);
        let slow = arm("slow", Role::Peer, [0.4, 0.5, 0.6]);
        let met = goal.judge(&[slow.clone(), fair.clone()]);
        assert_eq!((met.outcome, met.said.as_str()), (Outcome::Met, "1.000 x equal, the closest"));
        let missed = goal.judge(&[slow, fair, arm("fast", Role::Peer, [1.1, 1.2, 1.3])]);
        assert_eq!(missed.outcome, Outcome::Missed);
        assert_eq!(missed.said, "20 % behind fast");
        assert_eq!(goal.judge(&[]).outcome, Outcome::Open);
    }

    #[test]
    fn ahead_of_named_rivals_ignores_the_others() {
        let goal = Goal::Ahead { of: Rivals::Named(&["std"]), jain: None, cpu: false };
        let arms =
            [arm("std", Role::Peer, [0.4, 0.5, 0.6]), arm("spin", Role::Peer, [2.0, 2.0, 2.0])];
        assert_eq!(goal.judge(&arms).outcome, Outcome::Met);
        assert_eq!(goal.judge(&arms[1..]).outcome, Outcome::Open);
    }

    #[test]
    fn unfairness_and_processor_time_are_misses_too() {
        let goal = Goal::Ahead { of: Rivals::Everyone, jain: Some(0.9), cpu: true };
        let ours = ArmReport { jain: Some(0.5), ..arm("pysync", Role::Ours, [1.0; 3]) };
        let dear = Interval { median: 1.4, low: 1.3, high: 1.5 };
        let rival = ArmReport { cpu_ratio: Some(dear), ..arm("std", Role::Peer, [0.4, 0.5, 0.6]) };
        assert_eq!(goal.judge(&[ours, rival]).said, "Jain 0.50; CPU 1.400 x that of std");
    }

    #[test]
    fn prompt_is_about_waits_and_cost() {
        let goal =
            Goal::Prompt { within: Duration::from_millis(5), factor: 1.05, of: "classic".into() };
        let judge = |late, ratio| {
            let ours =
                ArmReport { wait_micros: Some([1.0, late]), ..arm("ours", Role::Ours, [1.0; 3]) };
            goal.judge(&[ours, arm("classic", Role::Limit, ratio)]).outcome
        };
        assert_eq!(judge(4_000.0, [1.00, 1.01, 1.02]), Outcome::Met);
        assert_eq!(judge(6_000.0, [1.00, 1.01, 1.02]), Outcome::Missed);
        assert_eq!(judge(4_000.0, [1.10, 1.11, 1.12]), Outcome::Missed);
    }

    #[test]
    fn fair_says_what_the_best_peer_reached() {
        let ours = ArmReport { jain: Some(0.8), ..arm("pysync", Role::Ours, [1.0; 3]) };
        let report = Goal::Fair(0.9).judge(&[ours, arm("std", Role::Peer, [1.0; 3])]);
        assert_eq!(report.said, "0.800, missed by 0.100, best peer 0.950");
    }
}

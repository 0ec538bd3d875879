//! The contest: rounds of interleaved blocks.
//!
//! A round puts the arms into a random order and runs one block of each, then the same again backwards: `A B C C B A`.
//! For every pair of arms that is an A B B A sequence, so whatever drifts steadily while the round runs (temperature,
//! a neighbour on the host) hits both sides of the pair alike. The two blocks of an arm are joined into one figure,
//! and a ratio is always taken between figures of the same round.

use std::time::Duration;

use crate::arm::Label;
use crate::figure::Figure;
use crate::random::Random;

/// Something that can run a block of each of its arms.
pub trait Lanes {
    /// The arms, in the order of their numbers.
    fn labels(&self) -> Vec<Label>;

    /// Runs one block of arm number `arm` for about `span`.
    fn block(&mut self, arm: usize, span: Duration) -> Figure;
}

/// How long a block is and how many rounds there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The length of a block.
    pub span: Duration,
    /// The number of rounds, which is the number of ratios per pair.
    pub rounds: usize,
}

impl Plan {
    /// About how long a contest of `arms` arms takes.
    #[must_use]
    pub fn cost(&self, arms: usize) -> Duration {
        self.span * u32::try_from(arms * (2 * self.rounds + 1)).unwrap_or(u32::MAX)
    }
}

/// Runs the contest and returns each arm's figures, one per round. One unrecorded block of each arm comes first.
pub fn run(
    lanes: &mut dyn Lanes,
    plan: Plan,
    random: &mut Random,
    finished_round: &mut dyn FnMut(usize),
) -> Vec<Vec<Figure>> {
    let arms = lanes.labels().len();
    for arm in 0..arms {
        lanes.block(arm, plan.span);
    }
    let mut figures = vec![Vec::with_capacity(plan.rounds); arms];
    let mut order: Vec<usize> = (0..arms).collect();
    for round in 0..plan.rounds {
        random.shuffle(&mut order);
        let there: Vec<Figure> = order.iter().map(|arm| lanes.block(*arm, plan.span)).collect();
        for (arm, first) in order.iter().zip(&there).rev() {
            let second = lanes.block(*arm, plan.span);
            figures[*arm].push(first.joined(&second));
        }
        finished_round(round + 1);
    }
    figures
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Lanes, Plan, run};
    use crate::arm::{Label, Role};
    use crate::figure::Figure;
    use crate::random::Random;

    /// Every block takes one nanosecond more than the block before it: a steady drift.
    #[derive(Default)]
    struct Drifting {
        blocks: u64,
        order: Vec<usize>,
    }

    impl Lanes for Drifting {
        fn labels(&self) -> Vec<Label> {
            ["a", "b", "c"].map(|name| Label::new(name, Role::Peer)).to_vec()
        }

        fn block(&mut self, arm: usize, _span: Duration) -> Figure {
            self.blocks += 1;
            self.order.push(arm);
            Figure {
                per_thread: vec![1],
                wall: Duration::from_nanos(1_000 + self.blocks),
                ..Figure::default()
            }
        }
    }

    const PLAN: Plan = Plan { span: Duration::from_millis(1), rounds: 5 };

    #[test]
    fn a_steady_drift_cancels_within_each_round() {
        let mut lanes = Drifting::default();
        let figures = run(&mut lanes, PLAN, &mut Random::from_seed(2), &mut |_| {});
        let walls = |arm: usize| -> Vec<Duration> {
            figures[arm].iter().map(|figure| figure.wall).collect()
        };
        assert_eq!(walls(0).len(), PLAN.rounds);
        assert_eq!(walls(0), walls(1));
        assert_eq!(walls(0), walls(2));
    }

    #[test]
    fn rounds_are_palindromes_in_changing_order() {
        let mut lanes = Drifting::default();
        let mut finished = 0;
        run(&mut lanes, PLAN, &mut Random::from_seed(2), &mut |round| finished = round);
        assert_eq!(finished, PLAN.rounds);
        let rounds: Vec<&[usize]> = lanes.order[3..].chunks(6).collect();
        assert_eq!(rounds.len(), PLAN.rounds);
        for round in &rounds {
            let backwards: Vec<usize> = round.iter().rev().copied().collect();
            assert_eq!(*round, backwards);
        }
        assert!(rounds.windows(2).any(|pair| pair[0] != pair[1]), "the order never changed");
    }

    #[test]
    fn the_cost_counts_the_unrecorded_block_too() {
        assert_eq!(PLAN.cost(3), Duration::from_millis(33));
    }
}

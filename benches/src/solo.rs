//! Arms that one thread runs alone: paths without contention, where tenths of a nanosecond count.
//!
//! A pass is a fixed number of operations in a straight line, so that neither a loop counter nor a stop flag is in
//! the measurement; a block is as many passes as fill its span, counted out beforehand.

use std::time::{Duration, Instant};

use crate::arm::{Label, Role};
use crate::contest::Lanes;
use crate::figure::Figure;
use crate::usage::Usage;

/// How many operations [`straight_line!`](crate::straight_line) writes out.
pub const PER_PASS: u64 = 16;

/// Writes an expression out sixteen times, so that a pass of sixteen operations has no loop in it.
#[macro_export]
macro_rules! straight_line {
    ($step:expr) => {{
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
        $step;
    }};
}

/// One contestant of an uncontended cell.
pub struct SoloArm {
    label: Label,
    passes: Passes,
    per_block: u64,
    memory: Option<f64>,
}

/// What an arm does so many passes of.
enum Passes {
    /// All of it is measured.
    Whole(Box<dyn Fn(u64)>),
    /// It says how long the part took that is.
    Part(Box<dyn Fn(u64) -> Duration>),
}

/// The contestants of an uncontended cell.
pub struct Solo {
    /// Who competes.
    pub arms: Vec<SoloArm>,
}

impl SoloArm {
    /// An arm whose closure runs as many passes as it is told, each of [`PER_PASS`] operations.
    pub fn new(name: impl Into<String>, role: Role, passes: impl Fn(u64) + 'static) -> Self {
        Self::with(name, role, Passes::Whole(Box::new(passes)))
    }

    /// An arm that does more than is to be measured, and says how long the passes took that are. Its processor time is
    /// not known.
    pub fn of_part(
        name: impl Into<String>,
        role: Role,
        passes: impl Fn(u64) -> Duration + 'static,
    ) -> Self {
        Self::with(name, role, Passes::Part(Box::new(passes)))
    }

    fn with(name: impl Into<String>, role: Role, passes: Passes) -> Self {
        Self { label: Label::new(name, role), passes, per_block: 0, memory: None }
    }

    /// Adds how many bytes of the heap a pass takes for each byte it asks for.
    #[must_use]
    pub fn with_memory(mut self, memory: Option<f64>) -> Self {
        self.memory = memory;
        self
    }

    /// The name in a report and the part it plays.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Runs `count` passes.
    pub fn run(&self, count: u64) {
        self.timed(count);
    }

    fn timed(&self, count: u64) -> Duration {
        match &self.passes {
            Passes::Whole(passes) => {
                let start = Instant::now();
                passes(count);
                start.elapsed()
            }
            Passes::Part(passes) => passes(count),
        }
    }

    /// The same, and what it took of the processor.
    fn used(&self, count: u64) -> (Duration, Option<Usage>) {
        let before = Usage::of_this_thread();
        let wall = self.timed(count);
        let usage = before.zip(Usage::of_this_thread()).map(|(before, after)| after - before);
        (wall, usage.filter(|_| matches!(self.passes, Passes::Whole(_))))
    }

    /// Passes that fill `span`, found by doubling; the last doubling is long enough to extrapolate from.
    fn calibrate(&self, span: Duration) -> u64 {
        let mut count = 1;
        loop {
            let taken = self.timed(count);
            if taken * 4 >= span {
                let scale = span.as_secs_f64() / taken.as_secs_f64().max(1e-9);
                return ((count as f64 * scale) as u64).max(1);
            }
            count *= 2;
        }
    }
}

impl Lanes for Solo {
    fn labels(&self) -> Vec<Label> {
        self.arms.iter().map(|arm| arm.label.clone()).collect()
    }

    fn block(&mut self, arm: usize, span: Duration) -> Figure {
        let arm = &mut self.arms[arm];
        if arm.per_block == 0 {
            arm.per_block = arm.calibrate(span);
        }
        let (wall, usage) = arm.used(arm.per_block);
        let per_thread = vec![arm.per_block * PER_PASS];
        Figure { per_thread, wall, usage, memory: arm.memory, ..Figure::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::{PER_PASS, Solo, SoloArm};
    use crate::arm::Role;
    use crate::contest::Lanes;

    #[test]
    fn a_straight_line_is_as_long_as_it_says() {
        let mut steps = 0;
        straight_line!(steps += 1);
        assert_eq!(steps, PER_PASS);
    }

    #[test]
    fn a_block_counts_what_its_passes_did() {
        let passes_run = Rc::new(Cell::new(0));
        let counter = Rc::clone(&passes_run);
        let arm = SoloArm::new("busy", Role::Ours, move |count| {
            for _ in 0..count {
                std::hint::black_box((0..100).sum::<u64>());
                counter.set(counter.get() + 1);
            }
        });
        let mut solo = Solo { arms: vec![arm] };
        solo.block(0, Duration::from_micros(200));
        passes_run.set(0);
        let figure = solo.block(0, Duration::from_micros(200));
        assert_eq!(figure.operations(), passes_run.get() * PER_PASS);
        assert!(figure.wall > Duration::ZERO);
    }

    #[test]
    fn an_arm_of_which_a_part_counts_is_measured_by_what_it_says() {
        let arm = SoloArm::of_part("half", Role::Ours, Duration::from_micros);
        let mut solo = Solo { arms: vec![arm] };
        let figure = solo.block(0, Duration::from_micros(200));
        assert_eq!(
            (figure.operations(), figure.wall),
            (200 * PER_PASS, Duration::from_micros(200))
        );
        assert!(figure.usage.is_none(), "that of the whole says nothing about the part");
    }
}

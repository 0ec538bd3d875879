//! What one block of measuring yields, and how blocks of the same arm are put together.

use std::time::Duration;

use crate::usage::Usage;

/// The raw numbers of one arm over one or more blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// Operations done by each thread.
    pub per_thread: Vec<u64>,
    /// The time the operations took.
    pub wall: Duration,
    /// What the system charged for it, if it tells.
    pub usage: Option<Usage>,
    /// Sleeps and wakes that reached the operating system, if the arm can count them.
    pub futex_calls: Option<u64>,
    /// The longest single wait that was noticed, if the arm samples its waits.
    pub longest_wait: Option<Duration>,
    /// Every wait, if the arm is about them.
    pub waits: Vec<Duration>,
    /// Bytes requested of the global allocator for each byte that the work asked for, if that is what the arm is about.
    pub memory: Option<f64>,
}

impl Figure {
    /// Operations of all threads together.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.per_thread.iter().sum()
    }

    /// Wall-clock nanoseconds per operation; infinite when nothing was done.
    #[must_use]
    pub fn nanos_per_operation(&self) -> f64 {
        self.wall.as_secs_f64() * 1e9 / self.operations() as f64
    }

    /// Processor nanoseconds, user and system, per operation.
    #[must_use]
    pub fn cpu_nanos_per_operation(&self) -> Option<f64> {
        self.usage.map(|usage| usage.cpu.as_secs_f64() * 1e9 / self.operations() as f64)
    }

    /// Voluntary context switches per thousand operations.
    #[must_use]
    pub fn switches_per_thousand(&self) -> Option<f64> {
        self.usage.map(|usage| usage.voluntary as f64 * 1e3 / self.operations() as f64)
    }

    /// Sleeps and wakes in the operating system per thousand operations.
    #[must_use]
    pub fn futex_per_thousand(&self) -> Option<f64> {
        self.futex_calls.map(|calls| calls as f64 * 1e3 / self.operations() as f64)
    }

    /// Both blocks as one: counts and times add up, an answer that either block lacks stays open.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let longer = if self.per_thread.len() >= other.per_thread.len() { self } else { other };
        let shorter = if self.per_thread.len() >= other.per_thread.len() { other } else { self };
        let mut per_thread = longer.per_thread.clone();
        for (total, more) in per_thread.iter_mut().zip(&shorter.per_thread) {
            *total += more;
        }
        Self {
            per_thread,
            wall: self.wall + other.wall,
            usage: self.usage.zip(other.usage).map(|(one, two)| one + two),
            futex_calls: self.futex_calls.zip(other.futex_calls).map(|(one, two)| one + two),
            longest_wait: self.longest_wait.max(other.longest_wait),
            waits: [&self.waits[..], &other.waits[..]].concat(),
            memory: self.memory.or(other.memory),
        }
    }

    /// Every block of `figures` as one.
    #[must_use]
    pub fn sum(figures: &[Self]) -> Self {
        let mut rest = figures.iter();
        let first = rest.next().cloned().unwrap_or_default();
        rest.fold(first, |total, figure| total.joined(figure))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Figure;
    use crate::usage::Usage;

    fn block(per_thread: &[u64], futex_calls: Option<u64>) -> Figure {
        Figure {
            per_thread: per_thread.to_vec(),
            wall: Duration::from_micros(10),
            usage: Some(Usage { cpu: Duration::from_micros(20), voluntary: 5 }),
            futex_calls,
            longest_wait: Some(Duration::from_micros(per_thread[0])),
            waits: vec![Duration::from_micros(1)],
            memory: None,
        }
    }

    #[test]
    fn rates_divide_by_the_operations_of_all_threads() {
        let figure = block(&[30, 70], Some(2));
        assert_eq!(figure.operations(), 100);
        assert!((figure.nanos_per_operation() - 100.0).abs() < 1e-9);
        assert!((figure.cpu_nanos_per_operation().expect("given") - 200.0).abs() < 1e-9);
        assert!((figure.switches_per_thousand().expect("given") - 50.0).abs() < 1e-9);
        assert!((figure.futex_per_thousand().expect("given") - 20.0).abs() < 1e-9);
    }

    #[test]
    fn joining_adds_what_both_know_and_drops_what_one_does_not() {
        let both = block(&[1, 2], Some(3)).joined(&block(&[10, 20], None));
        assert_eq!(both.per_thread, [11, 22]);
        assert_eq!(both.wall, Duration::from_micros(20));
        assert_eq!(both.usage.map(|usage| usage.voluntary), Some(10));
        assert_eq!(both.futex_calls, None);
        assert_eq!(both.waits.len(), 2);
        assert_eq!(both.longest_wait, Some(Duration::from_micros(10)));
    }

    #[test]
    fn the_sum_of_one_block_is_that_block() {
        let figure = block(&[4], Some(1));
        assert_eq!(Figure::sum(std::slice::from_ref(&figure)), figure);
    }
}

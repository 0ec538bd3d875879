//! What threads count in while they run: numbers that only grow, a maximum, a switch that is thrown
//! once.
//!
//! None of them orders anything but the switch: a gauge must not hide a missing edge of the code
//! under test, so counting is relaxed throughout.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        // ORD: Relaxed, a statistic; readers need the number only, nothing that happened before it.
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds one and says which number this call got, from zero.
    pub fn next(&self) -> u64 {
        // ORD: Relaxed, the numbers must differ; the read-modify-write alone provides that.
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// The number so far; exact once the counting threads have been joined.
    pub fn get(&self) -> u64 {
        // ORD: Relaxed, a statistic; the join of the counting threads makes the last value visible.
        self.0.load(Ordering::Relaxed)
    }
}

/// The largest value seen.
#[derive(Debug, Default)]
pub struct Peak(AtomicU64);

impl Peak {
    /// Zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Takes `value` into account.
    pub fn raise(&self, value: u64) {
        // ORD: Relaxed, a statistic. The load first keeps the common case free of a write to a
        // shared line.
        if value > self.0.load(Ordering::Relaxed) {
            // ORD: Relaxed, as above.
            self.0.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// The largest value so far.
    pub fn get(&self) -> u64 {
        // ORD: Relaxed, a statistic; exact after the join.
        self.0.load(Ordering::Relaxed)
    }
}

/// Off until thrown, then on for good.
#[derive(Debug, Default)]
pub struct Switch(AtomicBool);

impl Switch {
    /// Off.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Throws it; true for the one caller who did.
    pub fn throw(&self) -> bool {
        // ORD: AcqRel, whoever sees the switch on also sees what was written before it was thrown.
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Whether it was thrown.
    pub fn is_on(&self) -> bool {
        // ORD: Acquire, pairs with the swap in `throw`.
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_peaks_and_switches_do_what_they_say() {
        let counter = Counter::new();
        assert_eq!((counter.next(), counter.next()), (0, 1));
        counter.add(5);
        assert_eq!(counter.get(), 7);
        let peak = Peak::new();
        peak.raise(3);
        peak.raise(2);
        assert_eq!(peak.get(), 3);
        let switch = Switch::new();
        assert!(!switch.is_on());
        assert!(switch.throw() && !switch.throw() && switch.is_on());
    }
}

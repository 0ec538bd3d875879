//! How long a thread stays inside a section, and how it spends the time.

use crate::rng::Rng;
use std::time::Duration;

/// A stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// So many turns of an empty loop.
    Turns(u32),
    /// Give the processor to somebody else.
    Yield,
    /// Sleep, so that waiters pass their fairness deadline.
    Sleep(Duration),
}

impl Pause {
    /// A random stay: nearly always some nanoseconds, sometimes a yield, once in `long_one_in`
    /// times a little more than the millisecond after which a waiter is handed the lock.
    pub fn draw(rng: &mut Rng, long_one_in: usize) -> Self {
        if rng.one_in(long_one_in) {
            return Self::Sleep(Duration::from_micros(1_000 + rng.below(500) as u64));
        }
        match rng.below(32) {
            0 => Self::Yield,
            1..=4 => Self::Turns(rng.below(2_000) as u32),
            _ => Self::Turns(rng.below(40) as u32),
        }
    }

    /// Whether waiters pass their fairness deadline meanwhile.
    pub fn is_long(self) -> bool {
        matches!(self, Self::Sleep(_))
    }

    /// Stays.
    pub fn spend(self) {
        match self {
            Self::Turns(turns) => (0..turns).for_each(|turn| {
                std::hint::black_box(turn);
            }),
            Self::Yield => std::thread::yield_now(),
            Self::Sleep(time) => std::thread::sleep(time),
        }
    }
}

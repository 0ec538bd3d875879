//! A small seeded generator: one printed number decides every random choice of a run.
//!
//! SplitMix64. Each thread owns a stream that is derived from the seed and from where the thread
//! stands in the plan, so that the choices of one thread do not depend on how fast another one
//! runs.

use std::time::Duration;

/// The odd constant that SplitMix64 steps by: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of pseudo-random numbers.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A stream of its own for part `part` of whatever this stream plans; does not advance this
    /// one.
    pub fn stream(&self, part: u64) -> Self {
        Self { state: mix(self.state ^ mix(part.wrapping_add(1).wrapping_mul(STEP))) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number below `bound`, which must not be zero. The bias of at most `bound / 2^64` does not
    /// matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "a number below zero was asked for");
        let wide = u128::from(self.bits()) * bound as u128;
        (wide >> 64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A time from zero up to `limit`, short ones more often: the limit is halved a random number
    /// of times first.
    pub fn time_up_to(&mut self, limit: Duration) -> Duration {
        let halvings = self.below(8) as u32;
        let nanos = (limit.as_nanos() as usize >> halvings).max(1);
        Duration::from_nanos(self.below(nanos) as u64)
    }

    /// An index drawn with the given weights, whose sum must not be zero.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u32 = weights.iter().sum();
        let mut left = self.below(total as usize) as u32;
        for (index, &weight) in weights.iter().enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

/// SplitMix64's finaliser: every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed for a run that was given none: the time, the process and an address, mixed.
pub fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = now.map_or(0, |passed| passed.as_nanos() as u64);
    let place = &raw const nanos as u64;
    mix(nanos ^ place.rotate_left(32) ^ (u64::from(std::process::id()) << 48))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..64).map(|_| rng.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn streams_differ_from_each_other_and_leave_the_parent_alone() {
        let parent = Rng::new(1);
        let (mut a, mut b) = (parent.stream(0), parent.stream(1));
        assert_ne!(a.bits(), b.bits());
        assert_eq!(parent.clone().bits(), Rng::new(1).bits());
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut rng = Rng::new(3);
        let mut hit = [0u32; 10];
        for _ in 0..10_000 {
            hit[rng.below(10)] += 1;
        }
        assert!(hit.iter().all(|&n| n > 800), "{hit:?}");
        assert!(rng.below(usize::MAX) < usize::MAX && !rng.one_in(usize::MAX));
    }

    #[test]
    fn weights_are_followed() {
        let mut rng = Rng::new(4);
        let mut hit = [0u32; 3];
        for _ in 0..10_000 {
            hit[rng.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(hit[1], 0);
        assert!(hit[0] > 2_000 && hit[2] > 7_000, "{hit:?}");
    }

    #[test]
    fn times_stay_below_their_limit() {
        let mut rng = Rng::new(5);
        let limit = Duration::from_micros(100);
        assert!((0..1_000).all(|_| rng.time_up_to(limit) < limit));
        assert_eq!(rng.time_up_to(Duration::ZERO), Duration::ZERO);
    }
}

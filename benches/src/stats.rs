//! The statistics of a report: paired ratios, their median with a bootstrap interval, a verdict, and Jain's index.
//!
//! Everything here is about *ratios of cost*, ours divided by theirs, so a number below 1 is good news. One round of a
//! contest gives one ratio; the rounds give the spread.

use serde::Serialize;

use crate::random::Random;

/// How many times the ratios are drawn anew for one interval.
const RESAMPLES: usize = 2_000;

/// Fewer samples than this cannot bound a median with 95 % confidence, however they are resampled:
/// all of five lie on the same side of it in one case of sixteen.
pub const FEWEST: usize = 6;

/// A median with the bounds that 95 % of the bootstrap medians lie between.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The median of the samples themselves.
    pub median: f64,
    /// The 2.5 % quantile of the bootstrap medians.
    pub low: f64,
    /// The 97.5 % quantile of the bootstrap medians.
    pub high: f64,
}

/// What an interval of cost ratios (ours / theirs) lets one say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The whole interval lies below 1: ours costs less.
    Ahead,
    /// The interval contains 1: this run shows no difference.
    Equal,
    /// The whole interval lies above 1: ours costs more.
    Behind,
}

impl Interval {
    /// Whether `value` lies within the bounds.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Reads the interval as a ratio of costs.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.contains(1.0) {
            Verdict::Equal
        } else if self.high < 1.0 {
            Verdict::Ahead
        } else {
            Verdict::Behind
        }
    }
}

impl Verdict {
    /// The word for a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Equal => "equal",
            Self::Behind => "behind",
        }
    }

    /// The mark for a crowded table.
    #[must_use]
    pub const fn mark(self) -> char {
        match self {
            Self::Ahead => '+',
            Self::Equal => '=',
            Self::Behind => '-',
        }
    }
}

/// The median; of an even number of samples the mean of the middle two; of none, not a number.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    median_in_place(&mut sorted)
}

fn median_in_place(samples: &mut [f64]) -> f64 {
    if samples.is_empty() {
        return f64::NAN;
    }
    samples.sort_unstable_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len() % 2 == 1 {
        samples[middle]
    } else {
        f64::midpoint(samples[middle - 1], samples[middle])
    }
}

/// Ours over theirs, round by round. A round in which either cost is not a positive finite number is left out.
#[must_use]
pub fn paired_ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    let usable = |cost: f64| cost.is_finite() && cost > 0.0;
    ours.iter()
        .zip(theirs)
        .filter(|(our, their)| usable(**our) && usable(**their))
        .map(|(our, their)| our / their)
        .collect()
}

/// The median of `samples` with its 95 % percentile-bootstrap interval, or nothing when
/// there are fewer than [`FEWEST`] samples.
#[must_use]
pub fn bootstrap(samples: &[f64], random: &mut Random) -> Option<Interval> {
    if samples.len() < FEWEST {
        return None;
    }
    let mut drawn = vec![0.0; samples.len()];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill_with(|| samples[random.below(samples.len())]);
            median_in_place(&mut drawn)
        })
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    Some(Interval {
        median: median(samples),
        low: medians[RESAMPLES * 25 / 1_000],
        high: medians[RESAMPLES * 975 / 1_000 - 1],
    })
}

/// Jain's fairness index of the shares: 1 when all are equal, 1/n when one of n got everything.
#[must_use]
pub fn jain(shares: &[u64]) -> Option<f64> {
    let sum: f64 = shares.iter().map(|share| *share as f64).sum();
    let squares: f64 = shares.iter().map(|share| (*share as f64).powi(2)).sum();
    (squares > 0.0).then(|| sum * sum / (shares.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::{FEWEST, Interval, Verdict, bootstrap, jain, median, paired_ratios};
    use crate::random::Random;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn ratios_pair_round_with_round_and_skip_broken_ones() {
        let ratios = paired_ratios(&[2.0, 3.0, f64::INFINITY, 5.0], &[1.0, 6.0, 1.0, 0.0]);
        assert_eq!(ratios, [2.0, 0.5]);
    }

    #[test]
    fn a_drift_that_hits_both_arms_leaves_the_ratio_alone() {
        let ours: Vec<f64> = (1..=20).map(|round| f64::from(round) * 2.0).collect();
        let theirs: Vec<f64> = (1..=20).map(f64::from).collect();
        let interval = bootstrap(&paired_ratios(&ours, &theirs), &mut Random::from_seed(1))
            .expect("there are samples");
        assert_eq!((interval.low, interval.median, interval.high), (2.0, 2.0, 2.0));
        assert_eq!(interval.verdict(), Verdict::Behind);
    }

    #[test]
    fn the_interval_brackets_the_median_and_narrows_with_more_samples() {
        let mut random = Random::from_seed(5);
        let mut noise = |count: usize| -> Vec<f64> {
            (0..count).map(|_| 0.9 + random.below(2_000) as f64 / 1e4).collect()
        };
        let (few, many) = (noise(10), noise(1_000));
        let mut draws = Random::from_seed(6);
        let wide = bootstrap(&few, &mut draws).expect("there are samples");
        let narrow = bootstrap(&many, &mut draws).expect("there are samples");
        assert!(wide.low <= wide.median && wide.median <= wide.high);
        assert!(narrow.high - narrow.low < wide.high - wide.low);
        assert!(narrow.contains(1.0), "{narrow:?}");
    }

    #[test]
    fn about_95_of_100_intervals_hold_the_true_median() {
        let mut random = Random::from_seed(11);
        let hits = (0..100)
            .filter(|_| {
                let samples: Vec<f64> =
                    (0..25).map(|_| random.below(10_001) as f64 / 1e4 + 0.5).collect();
                bootstrap(&samples, &mut random).is_some_and(|interval| interval.contains(1.0))
            })
            .count();
        assert!((88..=100).contains(&hits), "{hits} of 100");
    }

    #[test]
    fn verdicts_follow_the_interval_not_the_median() {
        let read = |low, high| Interval { median: 0.95, low, high }.verdict();
        assert_eq!(read(0.90, 0.99), Verdict::Ahead);
        assert_eq!(read(0.90, 1.01), Verdict::Equal);
        assert_eq!(read(1.00, 1.10), Verdict::Equal);
        assert_eq!(read(1.01, 1.10), Verdict::Behind);
        assert_eq!((Verdict::Ahead.mark(), Verdict::Equal.word()), ('+', "equal"));
    }

    #[test]
    fn too_few_samples_give_no_interval() {
        assert!(bootstrap(&[1.0; FEWEST - 1], &mut Random::from_seed(0)).is_none());
        assert!(bootstrap(&[1.0; FEWEST], &mut Random::from_seed(0)).is_some());
    }

    #[test]
    fn jain_is_one_for_equal_shares_and_one_nth_for_a_monopoly() {
        assert_eq!(jain(&[5, 5, 5, 5]), Some(1.0));
        assert_eq!(jain(&[8, 0, 0, 0]), Some(0.25));
        assert_eq!(jain(&[]), None);
        assert_eq!(jain(&[0, 0]), None);
        let between = jain(&[1, 2, 3]).expect("there are shares");
        assert!((between - 36.0 / 42.0).abs() < 1e-12);
    }
}

//! Exact percentiles of samples that were all kept, and the median and spread of repetitions.

use serde::{Deserialize, Serialize};

/// The percentiles that the tables show, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    /// Half of the samples are at most this.
    pub(crate) p50: u64,
    /// 99 of 100 samples are at most this.
    pub(crate) p99: u64,
}

impl Percentiles {
    /// Of these samples; `None` without any.
    pub(crate) fn of(mut samples: Vec<u64>) -> Option<Percentiles> {
        samples.sort_unstable();
        Some(Percentiles { p50: nearest_rank(&samples, 50)?, p99: nearest_rank(&samples, 99)? })
    }
}

/// The smallest sample that at least `percent` of the samples do not exceed (nearest rank). `sorted` ascends.
fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// A figure that was measured several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// The middle one; of an even number the mean of the two in the middle.
    pub(crate) median: f64,
    /// Half of the way from the smallest to the largest, as a share of the median.
    pub(crate) spread: f64,
}

impl Figure {
    /// Of these repetitions; `None` without any.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Figure> {
        values.sort_unstable_by(f64::total_cmp);
        let (smallest, largest) = (*values.first()?, *values.last()?);
        let lower = *values.get((values.len() - 1) / 2)?;
        let upper = *values.get(values.len() / 2)?;
        let median = f64::midpoint(lower, upper);
        let spread = if median == 0.0 { 0.0 } else { (largest - smallest) / 2.0 / median.abs() };
        Some(Figure { median, spread })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_samples_and_not_between_them() {
        assert_eq!(Percentiles::of((1..=100).collect()), Some(Percentiles { p50: 50, p99: 99 }));
        assert_eq!(Percentiles::of((1..=1000).rev().collect()), Some(Percentiles { p50: 500, p99: 990 }));
        assert_eq!(Percentiles::of(vec![7]), Some(Percentiles { p50: 7, p99: 7 }));
        assert_eq!(Percentiles::of(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn at_least_the_named_share_does_not_exceed_a_percentile(
            samples in prop::collection::vec(0u64..1000, 1..300),
        ) {
            let found = Percentiles::of(samples.clone()).unwrap();
            for (percent, value) in [(50, found.p50), (99, found.p99)] {
                let within = samples.iter().filter(|&&sample| sample <= value).count();
                let below = samples.iter().filter(|&&sample| sample < value).count();
                prop_assert!(within * 100 >= samples.len() * percent);
                prop_assert!(below * 100 < samples.len() * percent);
            }
        }
    }

    #[test]
    fn a_figure_is_the_median_with_half_the_range() {
        assert_eq!(Figure::of(vec![12.0, 8.0, 10.0]), Some(Figure { median: 10.0, spread: 0.2 }));
        assert_eq!(Figure::of(vec![1.0, 3.0]), Some(Figure { median: 2.0, spread: 0.5 }));
        assert_eq!(Figure::of(vec![0.0]), Some(Figure { median: 0.0, spread: 0.0 }));
        assert_eq!(Figure::of(Vec::new()), None);
    }
}

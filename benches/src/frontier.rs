//! The search for the highest rate at which the 99th percentile stays below a limit. Decides which rate to try next;
//! trying it is the open loop's business.

/// What a trial at one rate showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Calls a second.
    pub(crate) rate: f64,
    /// The 99th percentile, nanoseconds; `None` when calls failed or were not answered.
    pub(crate) p99: Option<u64>,
}

/// A search between 0 and a rate that is known to be out of reach. Trials of one limit serve the next as well.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    ceiling: f64,
    points: Vec<Point>,
}

/// The search ends when the best rate and the first that failed are this close.
const CLOSE: f64 = 1.04;
/// Below this share of the ceiling nothing is tried.
const FLOOR: f64 = 1.0 / 256.0;

impl Search {
    /// A search below `ceiling` calls a second.
    pub(crate) fn new(ceiling: f64) -> Search {
        Search { ceiling, points: Vec::new() }
    }

    /// Notes a trial.
    pub(crate) fn note(&mut self, point: Point) {
        self.points.push(point);
    }

    /// The next rate to try for a 99th percentile below `limit` nanoseconds; `None` when the search is over.
    pub(crate) fn next(&self, limit: u64) -> Option<f64> {
        let failed = self.failed(limit);
        let held = self.held(limit).unwrap_or(0.0);
        if failed < self.ceiling * FLOOR || (held > 0.0 && failed < held * CLOSE) {
            return None;
        }
        // Latency rises steeply close to the ceiling: from nothing halve, then close in by the geometric mean.
        Some(if held == 0.0 { failed / 2.0 } else { (held * failed).sqrt() })
    }

    /// The highest rate that held the limit and lies below every rate that did not.
    pub(crate) fn held(&self, limit: u64) -> Option<f64> {
        let failed = self.failed(limit);
        let rates = self.points.iter().filter(|point| point.holds(limit)).map(|point| point.rate);
        rates.filter(|&rate| rate < failed).max_by(f64::total_cmp)
    }

    fn failed(&self, limit: u64) -> f64 {
        let rates = self.points.iter().filter(|point| !point.holds(limit)).map(|point| point.rate);
        rates.fold(self.ceiling, f64::min)
    }
}

impl Point {
    fn holds(self, limit: u64) -> bool {
        self.p99.is_some_and(|p99| p99 < limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server whose 99th percentile grows as a queue's does.
    fn p99(rate: f64, capacity: f64) -> Option<u64> {
        (rate < capacity).then(|| (100_000.0 / (1.0 - rate / capacity)) as u64)
    }

    fn search(capacity: f64, limits: &[u64]) -> (Search, usize) {
        let mut search = Search::new(capacity * 1.2);
        let mut trials = 0;
        for &limit in limits {
            while let Some(rate) = search.next(limit) {
                search.note(Point { rate, p99: p99(rate, capacity) });
                trials += 1;
            }
        }
        (search, trials)
    }

    proptest! {
        #[test]
        fn the_search_ends_close_to_the_true_rate(capacity in 100.0..200_000.0) {
            let limits = [1_000_000, 5_000_000, 10_000_000];
            let (search, trials) = search(capacity, &limits);
            prop_assert!(trials <= 20, "{trials} trials");
            for limit in limits {
                let truth = capacity * (1.0 - 100_000.0 / limit as f64);
                let found = search.held(limit).unwrap();
                prop_assert!(found <= truth && found * CLOSE * CLOSE >= truth, "{found} of {truth}");
            }
        }
    }

    #[test]
    fn a_limit_that_no_rate_holds_is_given_up() {
        let (search, trials) = search(1000.0, &[50_000]);
        assert_eq!(search.held(50_000), None);
        assert!(trials <= 9);
    }

    #[test]
    fn a_lucky_trial_above_a_failed_one_does_not_count() {
        let mut search = Search::new(100.0);
        search.note(Point { rate: 40.0, p99: Some(1) });
        search.note(Point { rate: 50.0, p99: None });
        search.note(Point { rate: 60.0, p99: Some(1) });
        assert_eq!(search.held(10), Some(40.0));
    }
}

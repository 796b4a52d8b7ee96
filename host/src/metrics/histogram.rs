//! Histograms of times.

use std::time::Duration;

use super::cell::Counter;

/// The upper bounds of the buckets, in seconds. They tell a handler that only replies (microseconds) from one that
/// computes (milliseconds), and from one that is close to its limits.
pub(super) const BOUNDS: [f64; 11] =
    [0.000_002, 0.000_01, 0.000_05, 0.000_2, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

/// A histogram of times.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// The last bucket is for times above all bounds.
    buckets: [Counter; BOUNDS.len() + 1],
    nanoseconds: Counter,
}

/// The sum of histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    buckets: [u64; BOUNDS.len() + 1],
    nanoseconds: u64,
}

impl Histogram {
    /// Records a time `weight` times.
    pub(crate) fn record(&self, time: Duration, weight: u64) {
        let seconds = time.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(weight);
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.add(nanoseconds.saturating_mul(weight));
    }
}

impl Totals {
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        for (total, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *total += bucket.get();
        }
        self.nanoseconds += histogram.nanoseconds.get();
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(crate) fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds).as_secs_f64()
    }

    /// Returns how many times are at most as long as each bound.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        BOUNDS.into_iter().zip(self.buckets.iter().scan(0, |sum, bucket| {
            *sum += bucket;
            Some(*sum)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_in_the_bucket_of_their_bound() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(2), 64);
        histogram.record(Duration::from_millis(3), 1);
        histogram.record(Duration::from_secs(100), 2);
        let mut totals = Totals::default();
        totals.add(&histogram);
        totals.add(&histogram);
        let cumulative: Vec<u64> = totals.cumulative().map(|(_, count)| count).collect();
        assert_eq!(cumulative, [128, 128, 128, 128, 128, 130, 130, 130, 130, 130, 130]);
        assert_eq!(totals.count(), 134);
        assert!((totals.seconds() - 400.006_256).abs() < 1e-9, "{}", totals.seconds());
    }
}

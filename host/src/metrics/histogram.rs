//! Histograms of times.

use std::time::Duration;

use super::cell::Counter;

/// The upper bounds of the buckets, in nanoseconds. They distinguish a handler that only replies (microseconds), one
/// that computes (milliseconds), and one that is close to its limits.
pub(crate) const BOUNDS: [u64; 11] = [
    2_000,
    10_000,
    50_000,
    200_000,
    1_000_000,
    5_000_000,
    20_000_000,
    100_000_000,
    500_000_000,
    2_000_000_000,
    10_000_000_000,
];

/// A histogram of times.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// How many durations are in each bucket. The last bucket is for those above all bounds.
    buckets: [Counter; BOUNDS.len() + 1],
    nanoseconds: Counter,
}

/// The sum of several histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    buckets: [u64; BOUNDS.len() + 1],
    nanoseconds: u64,
}

impl Histogram {
    /// Records a duration as if it had been measured `weight` times.
    pub(crate) fn record(&self, time: Duration, weight: u64) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        self.buckets[bucket].add(weight);
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

    /// Returns how many durations are in each bucket. The last bucket is for those above all bounds.
    pub(crate) fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    pub(crate) fn nanoseconds(&self) -> u64 {
        self.nanoseconds
    }

    pub(crate) fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds).as_secs_f64()
    }

    /// Returns each bound in seconds, with the number of recorded durations that do not exceed it.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS.map(|bound| Duration::from_nanos(bound).as_secs_f64());
        bounds.into_iter().zip(self.buckets.iter().scan(0, |sum, bucket| {
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

//! Counters and gauges.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A number that only increases.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// A number that increases and decreases.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicUsize);

/// A counter for each value of a label. The set of values is fixed.
#[derive(Debug)]
pub(crate) struct LabelCounters {
    values: &'static [&'static str],
    counters: Box<[Counter]>,
}

impl Counter {
    #[inline(always)]
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, number: usize) {
        self.0.fetch_sub(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl LabelCounters {
    pub(crate) fn new(values: &'static [&'static str]) -> Self {
        Self { values, counters: values.iter().map(|_| Counter::default()).collect() }
    }

    /// Increments the counter for this label value. The value must be in the set. The tests check this for each set.
    pub(crate) fn count(&self, value: &str) {
        let found = self.values.iter().position(|each| *each == value);
        debug_assert!(found.is_some(), "{value} is not one of {:?}", self.values);
        if let Some(index) = found {
            self.counters[index].increment();
        }
    }

    /// Returns all values of the label with their counts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.values.iter().zip(&self.counters).map(|(value, counter)| (*value, counter.get()))
    }
}

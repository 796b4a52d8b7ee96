//! Medians, because timings on shared machines have outliers.

use std::fmt;

/// Measurements of one quantity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds a measurement.
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
        self.0.sort_by(f64::total_cmp);
    }

    /// Returns the middle one, or the mean of the two in the middle; NaN without measurements.
    pub(crate) fn median(&self) -> f64 {
        match self.0.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => self.0[odd / 2],
            even => f64::midpoint(self.0[even / 2 - 1], self.0[even / 2]),
        }
    }

    /// Returns the minimum and the maximum, or `None` without measurements.
    pub(crate) fn spread(&self) -> Option<[f64; 2]> {
        Some([*self.0.first()?, *self.0.last()?])
    }

    /// Returns the bounds of the middle half, or `None` without measurements.
    pub(crate) fn middle_half(&self) -> Option<[f64; 2]> {
        let quarter = self.0.len() / 4;
        Some([*self.0.get(quarter)?, *self.0.iter().rev().nth(quarter)?])
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        let mut samples: Vec<_> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }
}

/// Writes the median, followed by the minimum and the maximum in parentheses.
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some([least, most]) = self.spread() else {
            return f.write_str("nothing");
        };
        let digits = if self.median() < 1000.0 { 1 } else { 0 };
        write!(f, "{:.digits$} ({least:.digits$}-{most:.digits$})", self.median())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_one_or_the_mean_of_the_middle_two() {
        assert_eq!(Samples::from_iter([9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples::from_iter([4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn samples_are_displayed_with_their_range() {
        let mut samples = Samples::default();
        assert_eq!(samples.to_string(), "nothing");
        for sample in [3.0, 1.0, 2.0] {
            samples.push(sample);
        }
        assert_eq!(samples.to_string(), "2.0 (1.0-3.0)");
        assert_eq!(samples.spread(), Some([1.0, 3.0]));
        assert_eq!(Samples::from_iter([1200.4, 1100.0]).to_string(), "1150 (1100-1200)");
    }

    #[test]
    fn half_of_the_samples_lie_in_the_middle() {
        assert_eq!(Samples::default().middle_half(), None);
        assert_eq!(Samples::from_iter([1.0]).middle_half(), Some([1.0, 1.0]));
        let samples = Samples::from_iter([9.0, 1.0, 3.0, 2.0, 5.0, 4.0, 7.0, 8.0]);
        assert_eq!(samples.middle_half(), Some([3.0, 7.0]));
    }
}

//! What a median says when something other than the server limited some of the runs.

use crate::run::{Limit, Run};
use crate::statistics::Samples;

/// How a measured value relates to the true value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It is the true value.
    Exact,
    /// The true value may be higher.
    AtLeast,
    /// The true value may be lower.
    AtMost,
    /// The true value may be higher or lower.
    Unknown,
}

impl Certainty {
    /// Returns the sign to write before the value.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::AtLeast => "≥ ",
            Self::AtMost => "≤ ",
            Self::Unknown => "? ",
        }
    }

    /// Returns the word to append to the value in a line for scripts, with a space before it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::AtLeast => " at-least",
            Self::AtMost => " at-most",
            Self::Unknown => " unknown",
        }
    }

    /// Returns the certainty of a ratio of two values.
    pub(crate) fn of_ratio(dividend: Self, divisor: Self) -> Self {
        match (dividend, divisor) {
            (Self::Exact, Self::Exact) => Self::Exact,
            (Self::AtLeast, Self::Exact) => Self::AtLeast,
            (Self::Exact, Self::AtLeast) => Self::AtMost,
            _ => Self::Unknown,
        }
    }
}

/// Returns the certainty of the median of messages per second.
///
/// A run that the server did not limit might have been faster, so its value is a lower bound. The
/// median is still exact if it would be the same however fast those runs might have been. Without
/// runs it is unknown.
pub(crate) fn certainty(runs: &[Run]) -> Certainty {
    let per_second = |run: &Run| run.per_second;
    let at_best = |run: &Run| match run.limit() {
        Limit::AsDemanded => run.per_second,
        Limit::Load | Limit::Machine => f64::INFINITY,
    };
    let measured: Samples = runs.iter().map(per_second).collect();
    let at_best: Samples = runs.iter().map(at_best).collect();
    match runs {
        [] => Certainty::Unknown,
        _ if measured.median() == at_best.median() => Certainty::Exact,
        _ => Certainty::AtLeast,
    }
}

/// Formats a whole number with a comma between groups of three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::FULL_RUN;

    fn full(per_second: f64) -> Run {
        Run { per_second, ..FULL_RUN }
    }

    fn limited(per_second: f64) -> Run {
        Run { per_second, backlog: 0.9, ..FULL_RUN }
    }

    #[test]
    fn median_of_full_runs_is_exact() {
        assert_eq!(certainty(&[full(1.0), full(2.0), full(3.0)]), Certainty::Exact);
        assert_eq!(certainty(&[]), Certainty::Unknown);
    }

    #[test]
    fn limited_run_above_the_median_does_not_matter() {
        assert_eq!(certainty(&[full(1.0), full(2.0), limited(3.0)]), Certainty::Exact);
    }

    #[test]
    fn limited_run_at_or_below_the_median_makes_it_a_lower_bound() {
        assert_eq!(certainty(&[full(1.0), limited(2.0), full(3.0)]), Certainty::AtLeast);
        assert_eq!(certainty(&[limited(1.0), full(2.0), full(3.0)]), Certainty::AtLeast);
        assert_eq!(certainty(&[limited(1.0)]), Certainty::AtLeast);
    }

    #[test]
    fn ratio_is_only_as_certain_as_both_values() {
        use Certainty::{AtLeast, AtMost, Exact, Unknown};
        assert_eq!(Certainty::of_ratio(Exact, Exact), Exact);
        assert_eq!(Certainty::of_ratio(AtLeast, Exact), AtLeast);
        assert_eq!(Certainty::of_ratio(Exact, AtLeast), AtMost);
        assert_eq!(Certainty::of_ratio(AtLeast, AtLeast), Unknown);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [7.0, 999.6, 12_345.0, 1_234_567.0].map(grouped),
            ["7", "1,000", "12,345", "1,234,567"]
        );
    }
}

//! Figures of runs, and what may be said when something else than the server limited some of them.

use crate::run::{Limit, Run};
use crate::statistics::Samples;

/// What stands between a figure and the truth about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// Nothing.
    Exact,
    /// The truth may be more.
    AtLeast,
    /// The truth may be less.
    AtMost,
    /// The truth may be anything.
    Unknown,
}

impl Certainty {
    /// The sign before a number.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::AtLeast => "≥ ",
            Self::AtMost => "≤ ",
            Self::Unknown => "? ",
        }
    }

    /// The word behind a number in a line for scripts, after a space.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::AtLeast => " at-least",
            Self::AtMost => " at-most",
            Self::Unknown => " unknown",
        }
    }

    /// Of a ratio of two figures with these certainties.
    pub(crate) fn of_ratio(dividend: Self, divisor: Self) -> Self {
        match (dividend, divisor) {
            (Self::Exact, Self::Exact) => Self::Exact,
            (Self::AtLeast, Self::Exact) => Self::AtLeast,
            (Self::Exact, Self::AtLeast) => Self::AtMost,
            _ => Self::Unknown,
        }
    }
}

/// How sure the median of messages per second is.
///
/// A run that the server did not limit might have been faster, so that only less than its figure is
/// ruled out. The median is exact all the same if it would stay where it is, however fast those runs
/// might have been. Without runs there is no median that could be.
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

/// A whole number with its thousands parted.
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
    fn limited_run_at_the_median_or_below_makes_it_a_lower_bound() {
        assert_eq!(certainty(&[full(1.0), limited(2.0), full(3.0)]), Certainty::AtLeast);
        assert_eq!(certainty(&[limited(1.0), full(2.0), full(3.0)]), Certainty::AtLeast);
        assert_eq!(certainty(&[limited(1.0)]), Certainty::AtLeast);
    }

    #[test]
    fn ratio_is_as_sure_as_both_of_its_figures() {
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

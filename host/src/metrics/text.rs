//! The text format of Prometheus, version 0.0.4.

use std::collections::HashMap;
use std::fmt::{Display, Write};

use super::catalog::{ALL, Kind, Metric};
use super::histogram::Totals;

/// The samples of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Exposition(HashMap<&'static str, String>);

impl Exposition {
    /// Adds a sample. `labels` are the values of the metric's labels, in the order of the labels.
    pub(crate) fn sample(&mut self, metric: &Metric, labels: &[&str], value: impl Display) {
        let labels = with_names(metric, labels);
        self.line(metric, "", &labels, value);
    }

    /// Adds the samples of a histogram.
    pub(crate) fn histogram(&mut self, metric: &Metric, labels: &[&str], totals: &Totals) {
        let labels = with_names(metric, labels);
        for (bound, count) in totals.cumulative() {
            self.line(metric, "_bucket", &format!("{labels},le=\"{bound}\""), count);
        }
        self.line(metric, "_bucket", &format!("{labels},le=\"+Inf\""), totals.count());
        self.line(metric, "_sum", &labels, totals.seconds());
        self.line(metric, "_count", &labels, totals.count());
    }

    fn line(&mut self, metric: &Metric, suffix: &str, labels: &str, value: impl Display) {
        let lines = self.0.entry(metric.name).or_default();
        let written = match labels {
            "" => writeln!(lines, "{}{suffix} {value}", metric.name),
            _ => writeln!(lines, "{}{suffix}{{{labels}}} {value}", metric.name),
        };
        written.expect("a string takes everything");
    }

    /// Returns the text. It contains every metric of the catalog, including those without samples.
    pub(crate) fn into_text(mut self) -> String {
        let mut text = String::new();
        for Metric { name, kind, help, .. } in ALL {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let lines = self.0.remove(name).unwrap_or_default();
            write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}")
                .expect("a string takes everything");
        }
        text
    }
}

/// Returns the labels of a sample, without braces.
fn with_names(metric: &Metric, values: &[&str]) -> String {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let label = |(name, value): (&&str, &&str)| format!("{name}=\"{}\"", escaped(value));
    metric.labels.iter().zip(values).map(label).collect::<Vec<_>>().join(",")
}

/// Returns the value of a label. Characters that would end the value are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog::{CLIENTS, RELOAD_PAUSE, UNKNOWN_PATHS};

    #[test]
    fn samples_follow_the_help_and_the_type_of_their_metric() {
        let mut exposition = Exposition::default();
        exposition.sample(&CLIENTS, &["a\"b\\c\nd"], 3);
        exposition.sample(&UNKNOWN_PATHS, &[], 1);
        exposition.histogram(&RELOAD_PAUSE, &["echo"], &Totals::default());
        let text = exposition.into_text();
        assert!(text.contains(
            "# TYPE ws_host_clients gauge\nws_host_clients{resource=\"a\\\"b\\\\c\\nd\"} 3\n"
        ));
        assert!(text.contains("counter\nws_host_unknown_paths_total 1\n"), "{text}");
        assert!(text.contains(
            "ws_host_reload_pause_seconds_bucket{resource=\"echo\",le=\"0.000002\"} 0\n"
        ));
        assert!(
            text.contains("ws_host_reload_pause_seconds_bucket{resource=\"echo\",le=\"+Inf\"} 0\n")
        );
        assert!(text.contains("ws_host_reload_pause_seconds_count{resource=\"echo\"} 0\n"));
        // A metric without samples still has its help text.
        assert!(text.contains("# TYPE ws_host_cluster_up gauge\n# HELP "), "{text}");
    }
}

//! Columns that only some of the tables have.

use crate::channel::Channel;
use crate::figure::grouped;
use crate::row::{Row, plain_of};
use crate::workload::Workload;

/// Returns the titles of a workload's additional columns.
pub(super) fn titles(workload: &Workload) -> &'static [&'static str] {
    match (workload.channel, workload.connections) {
        (Channel::Plain, 1) => &["p50, µs", "p99, µs"],
        (Channel::Plain, _) => &[],
        (Channel::Tls | Channel::Http2, _) => &["vs. plain", "vs. plain, per CPU second"],
        (Channel::Deflate, _) => &["vs. plain", "vs. plain, per CPU second", "bytes per echo"],
    }
}

/// Returns the cells below the titles. A cell is empty if its value is missing.
pub(super) fn cells(row: &Row, all: &[Row]) -> Vec<String> {
    let titles = titles(&row.workload);
    let mut cells = match row.workload.channel {
        Channel::Plain => latency(row).filter(|_| !titles.is_empty()).unwrap_or_default(),
        Channel::Tls | Channel::Http2 | Channel::Deflate => {
            let mut cells = beside_plain(row, all).unwrap_or_default();
            cells.resize(2, String::new());
            cells.extend(row.echo_bytes().map(|bytes| grouped(bytes as f64)));
            cells
        }
    };
    cells.resize(titles.len(), String::new());
    cells
}

fn latency(row: &Row) -> Option<Vec<String>> {
    Some(row.latency()?.map(|percentile| format!("{percentile:.0}")).to_vec())
}

fn beside_plain(row: &Row, all: &[Row]) -> Option<Vec<String>> {
    let ratio = row.ratio_to(plain_of(row, all)?)?;
    let per_second = format!("{}{:.2}", ratio.certainty.sign(), ratio.per_second);
    Some(vec![per_second, format!("{:.2}", ratio.per_cpu_second)])
}

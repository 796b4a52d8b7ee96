//! The results of one server with one workload.

use std::time::Duration;

use crate::figure::{Certainty, certainty};
use crate::run::{Limit, Run};
use crate::servers::Server;
use crate::statistics::Samples;
use crate::workload::Workload;

/// The runs of one server with one workload.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The server.
    pub(crate) server: Server,
    /// The workload.
    pub(crate) workload: Workload,
    /// The results, round by round.
    pub(crate) runs: Vec<Run>,
    /// Why the next run failed, after which there are no more.
    pub(crate) failure: Option<String>,
}

/// The results of one server divided by those of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    /// Ratio of the medians of messages per second.
    pub(crate) per_second: f64,
    /// How certain `per_second` is.
    pub(crate) certainty: Certainty,
    /// Ratio of the medians of messages per CPU second.
    pub(crate) per_cpu_second: f64,
}

impl Row {
    /// Creates a row without runs.
    pub(crate) fn new(server: Server, workload: Workload) -> Self {
        Self { server, workload, runs: Vec::new(), failure: None }
    }

    /// Returns the messages per second of the runs.
    pub(crate) fn per_second(&self) -> Samples {
        self.runs.iter().map(|run| run.per_second).collect()
    }

    /// Returns the messages per CPU second of the runs.
    pub(crate) fn per_cpu_second(&self) -> Samples {
        self.runs.iter().map(|run| run.per_cpu_second).collect()
    }

    /// Returns how certain the median of messages per second is.
    pub(crate) fn certainty(&self) -> Certainty {
        certainty(&self.runs)
    }

    /// Returns the number of runs whose limit was the demanded one.
    pub(crate) fn full_runs(&self) -> usize {
        self.runs.iter().filter(|run| run.limit() == Limit::AsDemanded).count()
    }

    /// Returns the medians of both latency percentiles, in microseconds.
    pub(crate) fn latency(&self) -> Option<[f64; 2]> {
        let microseconds = |latency: Duration| latency.as_secs_f64() * 1e6;
        let latencies: Option<Vec<_>> = self.runs.iter().map(|run| run.latency).collect();
        let latencies = latencies.filter(|latencies| !latencies.is_empty())?;
        Some([0, 1].map(|percentile| {
            let of_runs = latencies.iter().map(|latency| microseconds(latency[percentile]));
            of_runs.collect::<Samples>().median()
        }))
    }

    /// Returns the bytes of an echo in the last run, if the server chose the length.
    pub(crate) fn echo_bytes(&self) -> Option<usize> {
        self.runs.last()?.echo_bytes
    }

    /// Divides this row by that of a peer. Returns `None` if one of them has no runs.
    pub(crate) fn ratio_to(&self, peer: &Self) -> Option<Ratio> {
        if self.runs.is_empty() || peer.runs.is_empty() {
            return None;
        }
        Some(Ratio {
            per_second: self.per_second().median() / peer.per_second().median(),
            certainty: Certainty::of_ratio(self.certainty(), peer.certainty()),
            per_cpu_second: self.per_cpu_second().median() / peer.per_cpu_second().median(),
        })
    }

    /// Divides the messages per CPU second of each round by those of a peer in the same round.
    ///
    /// The two runs of a round are seconds apart, whereas the first and the last run of a row are
    /// minutes apart. So slow changes in the machine's speed cancel out.
    pub(crate) fn ratios_by_round(&self, peer: &Self) -> Samples {
        let rounds = self.runs.iter().zip(&peer.runs);
        rounds.map(|(ours, theirs)| ours.per_cpu_second / theirs.per_cpu_second).collect()
    }
}

/// Returns the row of the same server with the plain workload, which differs from this one only in
/// its channel.
pub(crate) fn plain_of<'a>(row: &Row, rows: &'a [Row]) -> Option<&'a Row> {
    let Row { server, workload, .. } = row;
    let is_plain = |other: &&Row| other.workload.name == workload.plain && other.server == *server;
    rows.iter().find(is_plain).filter(|_| workload.name != workload.plain)
}

/// Returns the row of ws-host.
pub(crate) fn host(rows: &[Row]) -> Option<&Row> {
    rows.iter().find(|row| row.server == Server::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::FULL_RUN;
    use crate::workload::MAIN;

    fn row(runs: &[Run]) -> Row {
        Row { runs: runs.to_vec(), ..Row::new(Server::HOST, MAIN[0]) }
    }

    #[test]
    fn ratio_shows_that_a_value_is_a_lower_bound() {
        let full = row(&[FULL_RUN]);
        let behind = row(&[Run { backlog: 0.9, per_second: 2000.0, ..FULL_RUN }]);
        let ratio = full.ratio_to(&behind).unwrap();
        assert_eq!((ratio.per_second, ratio.certainty), (0.5, Certainty::AtMost));
        assert_eq!(behind.ratio_to(&full).unwrap().certainty, Certainty::AtLeast);
        assert_eq!((full.full_runs(), behind.full_runs()), (1, 0));
        assert!(full.ratio_to(&row(&[])).is_none());
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        let runs = |per_cpu_second: [f64; 3]| {
            row(&per_cpu_second.map(|per_cpu_second| Run { per_cpu_second, ..FULL_RUN }))
        };
        let (ours, peer) = (runs([90.0, 45.0, 10.0]), runs([100.0, 50.0, 20.0]));
        assert_eq!(ours.ratios_by_round(&peer).spread(), Some([0.5, 0.9]));
        assert_eq!(ours.ratios_by_round(&peer).median(), 0.9);
        assert_eq!(
            ours.ratios_by_round(&row(&[])).spread(),
            None,
            "the peer failed in the first round"
        );
    }

    #[test]
    fn latency_is_the_median_of_the_runs() {
        let run = |micros| Run {
            latency: Some([Duration::from_micros(micros), Duration::from_micros(10 * micros)]),
            ..FULL_RUN
        };
        let [p50, p99] = row(&[run(3), run(1), run(2)]).latency().unwrap();
        assert!((p50 - 2.0).abs() < 1e-6 && (p99 - 20.0).abs() < 1e-6);
        assert_eq!(row(&[FULL_RUN]).latency(), None);
        assert_eq!(row(&[]).latency(), None);
    }
}

//! What one server did with one workload.

use std::time::Duration;

use crate::figure::{Certainty, certainty};
use crate::run::{Limit, Run};
use crate::servers::Server;
use crate::statistics::Samples;
use crate::workload::Workload;

/// The runs of one server and one workload.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Who.
    pub(crate) server: Server,
    /// What.
    pub(crate) workload: Workload,
    /// What came out, round by round.
    pub(crate) runs: Vec<Run>,
    /// Why there was no run more.
    pub(crate) failure: Option<String>,
}

/// ws-host by a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    /// Of the medians of messages per second.
    pub(crate) per_second: f64,
    /// What may be said about it.
    pub(crate) certainty: Certainty,
    /// Of the medians of messages per CPU second.
    pub(crate) per_cpu_second: f64,
}

impl Row {
    /// A row without runs.
    pub(crate) fn new(server: Server, workload: Workload) -> Self {
        Self { server, workload, runs: Vec::new(), failure: None }
    }

    /// Messages per second.
    pub(crate) fn per_second(&self) -> Samples {
        self.runs.iter().map(|run| run.per_second).collect()
    }

    /// Messages per second of CPU time.
    pub(crate) fn per_cpu_second(&self) -> Samples {
        self.runs.iter().map(|run| run.per_cpu_second).collect()
    }

    /// How sure the median of messages per second is.
    pub(crate) fn certainty(&self) -> Certainty {
        certainty(&self.runs)
    }

    /// Runs that were limited by what they had to be limited by.
    pub(crate) fn full_runs(&self) -> usize {
        self.runs.iter().filter(|run| run.limit() == Limit::AsDemanded).count()
    }

    /// The medians of both percentiles of latency, in microseconds.
    pub(crate) fn latency(&self) -> Option<[f64; 2]> {
        let microseconds = |latency: Duration| latency.as_secs_f64() * 1e6;
        let latencies: Option<Vec<_>> = self.runs.iter().map(|run| run.latency).collect();
        let latencies = latencies.filter(|latencies| !latencies.is_empty())?;
        Some([0, 1].map(|percentile| {
            let of_runs = latencies.iter().map(|latency| microseconds(latency[percentile]));
            of_runs.collect::<Samples>().median()
        }))
    }

    /// Octets of an echo in the last run, where the server chose how many it sends.
    pub(crate) fn echo_octets(&self) -> Option<usize> {
        self.runs.last()?.echo_octets
    }

    /// This row by that of a peer, if both have runs.
    pub(crate) fn by(&self, peer: &Self) -> Option<Ratio> {
        if self.runs.is_empty() || peer.runs.is_empty() {
            return None;
        }
        Some(Ratio {
            per_second: self.per_second().median() / peer.per_second().median(),
            certainty: Certainty::of_ratio(self.certainty(), peer.certainty()),
            per_cpu_second: self.per_cpu_second().median() / peer.per_cpu_second().median(),
        })
    }

    /// Messages per CPU second by those of a peer in the same round. The two runs of a round lie seconds
    /// apart, the first and the last one of a row minutes: what drifts meanwhile does not come into it.
    pub(crate) fn by_round(&self, peer: &Self) -> Samples {
        let rounds = self.runs.iter().zip(&peer.runs);
        rounds.map(|(ours, theirs)| ours.per_cpu_second / theirs.per_cpu_second).collect()
    }
}

/// The row of the same server with the plain workload that this one's differs from in its channel.
pub(crate) fn plain_of<'a>(row: &Row, rows: &'a [Row]) -> Option<&'a Row> {
    let Row { server, workload, .. } = row;
    let is_plain = |other: &&Row| other.workload.name == workload.plain && other.server == *server;
    rows.iter().find(is_plain).filter(|_| workload.name != workload.plain)
}

/// The row of ws-host among those of a workload.
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
    fn ratio_says_when_a_figure_is_a_lower_bound() {
        let full = row(&[FULL_RUN]);
        let behind = row(&[Run { backlog: 0.9, per_second: 2000.0, ..FULL_RUN }]);
        let ratio = full.by(&behind).unwrap();
        assert_eq!((ratio.per_second, ratio.certainty), (0.5, Certainty::AtMost));
        assert_eq!(behind.by(&full).unwrap().certainty, Certainty::AtLeast);
        assert_eq!((full.full_runs(), behind.full_runs()), (1, 0));
        assert!(full.by(&row(&[])).is_none());
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        let runs = |per_cpu_second: [f64; 3]| {
            row(&per_cpu_second.map(|per_cpu_second| Run { per_cpu_second, ..FULL_RUN }))
        };
        let (ours, peer) = (runs([90.0, 45.0, 10.0]), runs([100.0, 50.0, 20.0]));
        assert_eq!(ours.by_round(&peer).spread(), Some([0.5, 0.9]));
        assert_eq!(ours.by_round(&peer).median(), 0.9);
        assert_eq!(ours.by_round(&row(&[])).spread(), None, "it has failed in the first round");
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

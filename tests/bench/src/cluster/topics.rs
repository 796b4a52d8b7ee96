//! Topics: the time from publishing to delivery, on one host and across hosts, and deliveries per second and per CPU
//! second.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::Duration;

use anyhow::{Context, Result};

use super::pair::{Location, Pair};
use super::systems::System;
use crate::cores::{Cores, Pinned};
use crate::load::Pace;
use crate::statistics::Samples;

/// A kind of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    location: Location,
    subscribers: usize,
    pace: Pace,
}

impl Kind {
    /// Returns the kinds of a round.
    fn all(subscribers: &[usize]) -> Vec<Self> {
        let one_by_one = |location| Self { location, subscribers: 1, pace: Pace::OneByOne };
        let full = |&subscribers| Self { location: Location::Far, subscribers, pace: Pace::Full };
        [Location::Near, Location::Far]
            .map(one_by_one)
            .into_iter()
            .chain(subscribers.iter().map(full))
            .collect()
    }

    fn name(self) -> String {
        match (self.pace, self.location) {
            (Pace::OneByOne, Location::Near) => "one-host".into(),
            (Pace::OneByOne, Location::Far) => "across-hosts".into(),
            (Pace::Full, _) => format!("across-hosts-{}", self.subscribers),
        }
    }
}

/// What all rounds of a kind gave for a system, by round.
#[derive(Clone, Debug, Default)]
struct Figures {
    deliveries_per_second: Vec<f64>,
    deliveries_per_cpu_second: Vec<f64>,
    /// The share of the time in which the core of the hosts and the broker was busy.
    busy: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// CPU microseconds per message of the publisher's host, the broker, and the other host.
    micros: [Vec<f64>; 3],
}

/// Lets the systems take turns, and prints the figures.
pub(crate) fn measure(
    systems: &[&'static dyn System],
    cores: Cores,
    counted: Duration,
    rounds: usize,
    subscribers: &[usize],
) -> Result<()> {
    let kinds = Kind::all(subscribers);
    let mut figures = vec![vec![Figures::default(); kinds.len()]; systems.len()];
    for round in 1..=rounds {
        for (system, figures) in systems.iter().zip(&mut figures) {
            let mut pair = Pair::start_on(cores.server, *system)?;
            for (kind, figures) in kinds.iter().zip(figures) {
                run(&mut pair, cores, *kind, counted, figures)
                    .with_context(|| format!("{} {} round {round}", system.name(), kind.name()))?;
            }
        }
    }
    for (index, kind) in kinds.iter().enumerate() {
        let of_kind = || figures.iter().map(|figures| &figures[index]);
        for (system, figures) in systems.iter().zip(of_kind()) {
            print(*system, *kind, figures);
        }
        if let [host, peers @ ..] = &of_kind().collect::<Vec<_>>()[..] {
            for (system, peer) in systems[1..].iter().zip(peers) {
                print_ratios(*system, *kind, host, peer);
            }
        }
    }
    Ok(())
}

fn run(
    pair: &mut Pair,
    cores: Cores,
    kind: Kind,
    counted: Duration,
    figures: &mut Figures,
) -> Result<()> {
    let mut load = pair.publications(kind.location, kind.subscribers, kind.pace)?;
    let _pinned = Pinned::to(cores.load)?;
    load.run(counted / 4)?;
    let before = pair.usage()?;
    let delivered = load.run(counted)?;
    let used = pair.usage()? - before;
    let deliveries = (delivered.messages * kind.subscribers as u64) as f64;
    figures.deliveries_per_second.push(deliveries / delivered.time.as_secs_f64());
    figures.deliveries_per_cpu_second.push(deliveries / used.all().as_secs_f64());
    figures.busy.push(used.all().as_secs_f64() / delivered.time.as_secs_f64());
    let [p50, p99] = delivered.latency.map(|latency| latency.as_secs_f64() * 1e6);
    figures.p50.push(p50);
    figures.p99.push(p99);
    for (all, micros) in figures.micros.iter_mut().zip(used.micros_per(delivered.messages)) {
        all.push(micros);
    }
    Ok(())
}

fn samples(values: &[f64]) -> Samples {
    values.iter().copied().collect()
}

fn print(system: &dyn System, kind: Kind, figures: &Figures) {
    let (system, name) = (system.name(), kind.name());
    let [near, broker, far] = figures.micros.each_ref().map(|micros| samples(micros).median());
    let micros = format!("cpu-us-per-message near {near:.1} broker {broker:.1} far {far:.1}");
    match kind.pace {
        Pace::OneByOne => println!(
            "publish-to-delivery-us {system} {name} p50 {} p99 {} {micros}",
            samples(&figures.p50),
            samples(&figures.p99)
        ),
        Pace::Full => println!(
            "deliveries {system} {name} per-second {} core-busy {:.0} % per-cpu-second {} \
             publish-to-delivery-us p50 {} p99 {} {micros}",
            samples(&figures.deliveries_per_second),
            samples(&figures.busy).median() * 100.0,
            samples(&figures.deliveries_per_cpu_second),
            samples(&figures.p50),
            samples(&figures.p99)
        ),
    }
}

/// Prints the median of the ratios of each round, and the middle half of them.
fn print_ratios(peer: &dyn System, kind: Kind, host: &Figures, other: &Figures) {
    let print = |what: &str, host: &[f64], other: &[f64]| {
        println!("{what} {} {} {}", peer.name(), kind.name(), by_round(host, other));
    };
    print("cpu-ratio-by-round", &host.deliveries_per_cpu_second, &other.deliveries_per_cpu_second);
    if kind.pace == Pace::Full {
        print("ratio-by-round", &host.deliveries_per_second, &other.deliveries_per_second);
    }
    print("p50-ratio-by-round", &host.p50, &other.p50);
    print("p99-ratio-by-round", &host.p99, &other.p99);
}

/// Returns the median of the ratios of each round, and the range of the middle half.
pub(super) fn by_round(dividends: &[f64], divisors: &[f64]) -> String {
    let ratios: Samples =
        dividends.iter().zip(divisors).map(|(dividend, divisor)| dividend / divisor).collect();
    let [from, to] = ratios.middle_half().unwrap_or([f64::NAN; 2]);
    format!("{:.2} ({from:.2}-{to:.2})", ratios.median())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_is_the_median_of_the_rounds_not_the_ratio_of_medians() {
        // The machine was slower by half in the second round.
        assert_eq!(by_round(&[4.0, 2.0, 4.0], &[1.0, 0.5, 2.0]), "4.00 (2.00-4.00)");
        assert_eq!(by_round(&[3.0], &[2.0]), "1.50 (1.50-1.50)");
    }

    #[test]
    fn latency_is_measured_on_one_host_and_across_hosts_and_throughput_across() {
        let names: Vec<_> = Kind::all(&[1, 100]).into_iter().map(Kind::name).collect();
        assert_eq!(names, ["one-host", "across-hosts", "across-hosts-1", "across-hosts-100"]);
    }
}

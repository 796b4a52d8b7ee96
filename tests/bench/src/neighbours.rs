//! What clients notice of one that traps, loops or hoards in its own sandbox.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use ws_host_test_support::Client;

use crate::cores::{Cores, Pinned};
use crate::load::{Echoes, Load, Traffic};
use crate::servers::start_host_on;
use crate::statistics::Samples;

/// What the bad neighbour asks its handler for.
const DEEDS: [&str; 3] = ["trap", "spin", "hoard"];

/// Connections of the others.
const OTHERS: usize = 100;

/// Octets of their messages.
const OCTETS: usize = 20;

/// Latencies of others, without and with a neighbour who begins anew as soon as its client is closed.
pub(crate) fn measure(counted: Duration, rounds: usize) -> Result<()> {
    let cores = Cores::choose()?;
    let flags = ["--instance-per", "client", "--max-memory", "16MiB"];
    let server = start_host_on(cores.server, "guest-keeper", &flags)?;
    let _pinned = Pinned::to(cores.load)?;
    let traffic = Traffic { connections: OTHERS, in_flight: 1 };
    let mut load = Echoes::plain(server.address(), OCTETS, traffic)?;
    load.run(counted)?;
    for deed in DEEDS {
        let (mut before, mut during) = (Samples::default(), Samples::default());
        let (mut middle_before, mut middle_during) = (Samples::default(), Samples::default());
        let mut deeds = 0;
        for _ in 0..rounds {
            load.run(counted)?;
            before.push(percentile(&mut load, 99));
            middle_before.push(percentile(&mut load, 50));
            deeds += with_neighbour(server.address(), deed, || load.run(counted).map(drop))?;
            during.push(percentile(&mut load, 99));
            middle_during.push(percentile(&mut load, 50));
            // What the neighbour left behind is not counted as before.
            load.run(counted / 4)?;
        }
        println!("{deed:<6} {deeds} times");
        println!("  p50 of others, us: {middle_before} without, {middle_during} with");
        println!("  p99 of others, us: {before} without, {during} with");
        println!("ratio neighbour-{deed}-p99 {:.2}", during.median() / before.median());
    }
    Ok(())
}

/// Runs something while a neighbour does its deed over and over; tells how often.
fn with_neighbour(
    server: SocketAddr,
    deed: &str,
    run: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| -> Result<usize> {
            let mut deeds = 0;
            while !over.load(Ordering::Relaxed) {
                let mut client = Client::connect_at(server, "/")?;
                client.send_text(deed)?;
                client.expect_close(1011)?;
                deeds += 1;
            }
            Ok(deeds)
        });
        let ran = run();
        over.store(true, Ordering::Relaxed);
        let deeds = neighbour.join().ok().context("the neighbour panicked")??;
        ran.map(|()| deeds)
    })
}

/// A percentile of the last run, in microseconds.
fn percentile(load: &mut impl Load, per_cent: usize) -> f64 {
    load.percentile(per_cent).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
}

//! How other clients are affected by one that traps, loops or hoards memory in its own sandbox.

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

/// The faults that the bad neighbour asks its handler for.
const FAULTS: [&str; 3] = ["trap", "spin", "hoard"];

/// Connections of the other clients.
const OTHERS: usize = 100;

/// Size of their messages in bytes.
const MESSAGE_BYTES: usize = 20;

/// Measures the latency of the other clients without and with a neighbour that reconnects as soon
/// as it is closed.
pub(crate) fn measure(counted: Duration, rounds: usize) -> Result<()> {
    let cores = Cores::choose()?;
    let flags = ["--instance-per", "client", "--max-memory", "16MiB"];
    let server = start_host_on(cores.server, "guest-keeper", &flags)?;
    let _pinned = Pinned::to(cores.load)?;
    let traffic = Traffic { connections: OTHERS, in_flight: 1 };
    let mut load = Echoes::plain(server.address(), MESSAGE_BYTES, traffic)?;
    load.run(counted)?;
    for fault in FAULTS {
        let (mut before, mut during) = (Samples::default(), Samples::default());
        let (mut middle_before, mut middle_during) = (Samples::default(), Samples::default());
        let mut faults = 0;
        for _ in 0..rounds {
            load.run(counted)?;
            before.push(percentile(&mut load, 99));
            middle_before.push(percentile(&mut load, 50));
            faults += with_neighbour(server.address(), fault, || load.run(counted).map(drop))?;
            during.push(percentile(&mut load, 99));
            middle_during.push(percentile(&mut load, 50));
            // Let the server recover before the next run without a neighbour.
            load.run(counted / 4)?;
        }
        println!("{fault:<6} {faults} times");
        println!("  p50 of others, us: {middle_before} without, {middle_during} with");
        println!("  p99 of others, us: {before} without, {during} with");
        println!("ratio neighbour-{fault}-p99 {:.2}", during.median() / before.median());
    }
    Ok(())
}

/// Calls `run` while a neighbour causes its fault over and over. Returns how often it did.
fn with_neighbour(
    server: SocketAddr,
    fault: &str,
    run: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| -> Result<usize> {
            let mut faults = 0;
            while !over.load(Ordering::Relaxed) {
                let mut client = Client::connect_at(server, "/")?;
                client.send_text(fault)?;
                client.expect_close(1011)?;
                faults += 1;
            }
            Ok(faults)
        });
        let ran = run();
        over.store(true, Ordering::Relaxed);
        let faults = neighbour.join().ok().context("the neighbour panicked")??;
        ran.map(|()| faults)
    })
}

/// Returns a percentile of the last run, in microseconds.
fn percentile(load: &mut impl Load, per_cent: usize) -> f64 {
    load.percentile(per_cent).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
}

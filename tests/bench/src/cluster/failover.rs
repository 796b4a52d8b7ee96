//! How long the clients of a path are without an owner after its host was killed.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::poll_until;

use super::fleet::{Fleet, join};
use crate::cores::{Cores, Pinned};
use crate::statistics::Samples;

/// Kills the owner of a path, again and again.
pub(crate) fn measure(cores: Cores, lease: Duration, kills: usize) -> Result<()> {
    let fleet = Fleet::start_on(cores.server, lease)?;
    let member = || fleet.member("guest-keeper", &[]);
    let (mut owner, mut other) = (member()?, member()?);
    let mut milliseconds = Samples::default();
    for room in 0..kills {
        let _pinned = Pinned::to(cores.load)?;
        let room = room.to_string();
        let (mut client, _) = join(owner.server.address(), &room)?;
        owner.server.signal(Signal::KILL)?;
        let began = Instant::now();
        ensure!(client.receive().is_err(), "the host sent something after it was killed");
        // A handshake waits for an owner, up to `handshake-timeout`, and is then refused.
        let joined = || Ok(join(other.server.address(), &room).ok());
        let (_client, count) = poll_until(joined, Option::is_some)?.context("a client")?;
        ensure!(count == 1, "the new instance counted to {count}");
        milliseconds.push(began.elapsed().as_secs_f64() * 1000.0);
        owner = std::mem::replace(&mut other, member()?);
    }
    let most = milliseconds.spread().map_or(f64::NAN, |[_, most]| most);
    println!(
        "failover-ms lease {} p50 {:.0} max {most:.0} of {kills}",
        lease.as_millis(),
        milliseconds.median()
    );
    Ok(())
}

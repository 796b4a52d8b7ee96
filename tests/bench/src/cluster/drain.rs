//! How long a host takes that gives its rooms to another one at SIGTERM, and how long each room is away.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::net::SocketAddr;
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use ws_host_test_support::{Client, poll_until};

use super::Extent;
use super::fleet::{Fleet, Member, join};
use super::usage::Usage;
use crate::cores::{Cores, Pinned};
use crate::statistics::Samples;

/// What a room counts for its first client that counted once and left, and for the next one that counts once.
const HANDED_OVER: u64 = 1 + 100 + 1;

/// Bytes of the stack of a client's thread.
const STACK: usize = 128 << 10;

/// When something happened to a room, since the signal.
struct Moved {
    closed: Duration,
    answered: Duration,
}

/// Stops hosts, one after the other.
pub(crate) fn measure(cores: Cores, extent: &Extent) -> Result<()> {
    let Extent { rooms, drain_timeout, .. } = *extent;
    let fleet = Fleet::start_on(cores.server, extent.lease)?;
    let timeout = format!("{}ms", drain_timeout.as_millis());
    let many = (2 * rooms + 10).to_string();
    // Nothing is saved before the host stops.
    let flags = ["--durable", "--save-every", "1h", "--drain-timeout", &timeout];
    let flags = [&flags[..], &["--max-instances", &many]].concat();
    let member = || fleet.member("guest-keeper", &flags);
    let (mut stopping, mut other) = (member()?, member()?);
    let mut figures = Figures::default();
    for stop in 0..extent.stops {
        let name = |room: usize| format!("{stop}-{room}");
        let names: Vec<_> = (0..rooms).map(name).collect();
        let _pinned = Pinned::to(cores.load)?;
        figures.stop(&fleet, stopping, &other, &names)?;
        stopping = std::mem::replace(&mut other, member()?);
    }
    let Figures { exited, answered, away, micros } = figures;
    println!(
        "drain-ms {rooms} rooms drain-timeout {} until-exit {exited} until-last-answer {answered}",
        drain_timeout.as_millis()
    );
    let away: Samples = away.into_iter().collect();
    let most = away.spread().map_or(f64::NAN, |[_, most]| most);
    println!("room-away-ms {rooms} rooms p50 {:.1} max {most:.1}", away.median());
    println!("drain-cpu-us-per-room {rooms} rooms {micros}");
    Ok(())
}

/// Milliseconds, and CPU microseconds of all processes for each room.
#[derive(Default)]
struct Figures {
    exited: Samples,
    answered: Samples,
    away: Vec<f64>,
    micros: Samples,
}

impl Figures {
    fn stop(
        &mut self,
        fleet: &Fleet,
        stopping: Member,
        other: &Member,
        rooms: &[String],
    ) -> Result<()> {
        let mut clients = Vec::with_capacity(rooms.len());
        for room in rooms {
            let (client, count) = join(stopping.server.address(), room)?;
            ensure!(count == 1, "room {room} began with {count}");
            clients.push((client, room));
        }
        let process = stopping.server.process_id();
        let usage = || Usage::of(process, fleet.broker.process_id(), other.server.process_id());
        let before = usage()?;
        let began = Instant::now();
        let address = other.server.address();
        let (moved, exited) = std::thread::scope(|scope| -> Result<_> {
            let mut threads = Vec::with_capacity(rooms.len());
            for (client, room) in clients {
                let follow = move || follow(client, address, room, began);
                threads.push(Builder::new().stack_size(STACK).spawn_scoped(scope, follow)?);
            }
            stopping.server.signal(Signal::TERM)?;
            wait_until_exited(process)?;
            let exited = began.elapsed();
            let moved = threads.into_iter().map(|thread| thread.join().ok().context("a panic")?);
            Ok((moved.collect::<Result<Vec<_>>>()?, exited))
        })?;
        let used = usage()? - before;
        let ended = stopping.server.wait()?;
        ensure!(ended.status.success(), "ended with {}: {}", ended.status, ended.log);
        ensure!(other.owned()? == rooms.len() as u64, "not every room is on the other host");
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        self.exited.push(milliseconds(exited));
        let last = moved.iter().map(|moved| moved.answered).max().unwrap_or_default();
        self.answered.push(milliseconds(last));
        let away = moved.iter().map(|moved| moved.answered.saturating_sub(moved.closed));
        self.away.extend(away.map(milliseconds));
        self.micros.push(used.all().as_secs_f64() * 1e6 / rooms.len() as f64);
        Ok(())
    }
}

/// Waits for a child, and leaves it to others to collect it: until then the system knows its CPU time.
fn wait_until_exited(process: u32) -> Result<()> {
    let process = Pid::from_raw(process.try_into()?).context("a process id")?;
    waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    Ok(())
}

/// Waits until the host closes a client, and counts in its room on the other host.
fn follow(mut client: Client, other: SocketAddr, room: &str, began: Instant) -> Result<Moved> {
    let (code, reason) = client.receive_close().with_context(|| format!("room {room}"))?;
    let closed = began.elapsed();
    ensure!(code == 1012, "room {room}: closed with {code} ({reason})");
    client.send_close(code, "")?;
    let joined = || Ok(join(other, room).ok());
    let (_client, count) = poll_until(joined, Option::is_some)?.context("a client")?;
    ensure!(count == HANDED_OVER, "room {room} counted to {count}: its state was not handed over");
    Ok(Moved { closed, answered: began.elapsed() })
}

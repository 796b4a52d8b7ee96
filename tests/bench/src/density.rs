//! The memory of sandboxes: with a connection, hibernated with a connection, and without
//! connections.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer};

use crate::client::{TIMEOUT, handshake};
use crate::cores::Cores;
use crate::process::{mappings, raise_open_files, resident};
use crate::servers::start_host_on;

/// Open files of a process besides its connections.
const OTHER_FILES: u64 = 100;

/// Files that the host reserves for handshakes and for itself.
const SPARE_OF_HOST: u64 = 1200;

/// Connections made per second on the slowest machine. No instance may hibernate before all
/// connections are made.
const CONNECTED_PER_SECOND: u64 = 2000;

/// A text message with a masking key of zeros.
const MESSAGE: &[u8] = b"\x81\x85\0\0\0\0hello";

/// A message that sets a timer, which keeps a room alive without clients.
const TIMER: &[u8] = b"\x81\x91\0\0\0\0timer 1 360000000";

/// Measures connections that each have a sandbox, the same ones hibernated and woken, and then
/// sandboxes without connections.
pub(crate) fn measure(connections: usize, sandboxes: usize) -> Result<()> {
    let allowed = raise_open_files()?;
    let most = usize::try_from(allowed.saturating_sub(SPARE_OF_HOST.max(OTHER_FILES)))?;
    if connections > most {
        println!(
            "only {most} of {connections} connections are made: a process may have {allowed} open files \
             (ulimit -Hn)"
        );
    }
    with_connections(connections.min(most))?;
    without_connections(sandboxes)
}

fn with_connections(connections: usize) -> Result<()> {
    let many = (connections + 10).to_string();
    let quiet = Duration::from_secs(4 + connections as u64 / CONNECTED_PER_SECOND);
    let hibernate_after = format!("{}s", quiet.as_secs());
    let flags = ["--instance-per", "client", "--max-clients", &many, "--max-instances", &many];
    let flags =
        [&flags[..], &["--hibernate-after", &hibernate_after, "--idle-timeout", "0s"]].concat();
    let server = start_host_on(Cores::choose()?.server, "counter", &flags)?;
    let _first = CounterClient::connect(&server)?;
    let before = resident(server.process_id())?;
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(CounterClient::connect(&server)?);
    }
    let each = |now: u64| now.saturating_sub(before) / connections as u64;
    let live = resident(server.process_id())?;
    println!("sandbox-and-connection-bytes {connections} {}", each(live));
    println!("sandbox-and-connection-mappings {connections} {}", mappings(server.process_id())?);
    // Instances hibernate one by one, and memory falls. Wait until all of them have.
    std::thread::sleep(quiet * 3 / 2 + Duration::from_secs(3));
    let asleep = resident(server.process_id())?;
    ensure!(asleep < live, "no instance was hibernated");
    println!("hibernated-bytes {connections} {}", each(asleep));
    let mut wake = open.iter_mut().map(|client| client.count(2)).collect::<Result<Vec<_>>>()?;
    wake.sort();
    let at = |per_cent: usize| wake[(wake.len() - 1) * per_cent / 100].as_micros();
    println!("wake-up-us p50 {} p99 {}", at(50), at(99));
    let mut awake = open.iter_mut().map(|client| client.count(3)).collect::<Result<Vec<_>>>()?;
    awake.sort();
    println!(
        "the-same-awake-us p50 {} p99 {}",
        awake[awake.len() / 2].as_micros(),
        awake[(awake.len() - 1) * 99 / 100].as_micros()
    );
    Ok(())
}

/// Measures rooms that were entered and left. A timer keeps each of them.
fn without_connections(sandboxes: usize) -> Result<()> {
    let many = (sandboxes + 10).to_string();
    let flags = ["--path", "/{room}", "--instance-per", "path", "--max-instances", &many];
    let flags = [&flags[..], &["--hibernate-after", "0s"]].concat();
    let server = start_host_on(Cores::choose()?.server, "guest-keeper", &flags)?;
    room(&server, "first")?;
    let before = resident(server.process_id())?;
    let began = Instant::now();
    for number in 0..sandboxes {
        room(&server, &number.to_string()).with_context(|| format!("room {number}"))?;
    }
    let each = resident(server.process_id())?.saturating_sub(before) / sandboxes as u64;
    println!("sandbox-bytes {sandboxes} {each}");
    println!("sandbox-mappings {sandboxes} {}", mappings(server.process_id())?);
    println!("rooms-per-second {:.0}", sandboxes as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

fn room(server: &TestServer, name: &str) -> Result<()> {
    let mut client = Client::connect_to(server, &format!("/{name}"))?;
    client.receive_text()?;
    client.send(TIMER)?;
    ensure!(client.receive_text()? == "Ok(())", "the handler did not set the timer");
    client.close()
}

/// A connection to a handler that counts its messages.
struct CounterClient(TcpStream);

impl CounterClient {
    fn connect(server: &TestServer) -> Result<Self> {
        let mut client = Self(handshake(server.address(), "/")?);
        client.count(1)?;
        Ok(client)
    }

    /// Sends the message with this number and returns how long the answer took.
    fn count(&mut self, number: u8) -> Result<Duration> {
        let began = Instant::now();
        self.0.write_all(MESSAGE)?;
        let mut answer = [0; 12];
        self.0.read_exact(&mut answer).with_context(|| format!("no answer within {TIMEOUT:?}"))?;
        let took = began.elapsed();
        let expected = [&[0x81, 10][..], &[b'0' + number], b" messages"].concat();
        ensure!(
            answer == *expected,
            "the handler did not answer with the count {number}: {answer:?}"
        );
        Ok(took)
    }
}

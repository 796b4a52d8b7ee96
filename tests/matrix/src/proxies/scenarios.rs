//! The scenarios of every proxy.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use ws_host_test_support::{DEADLINE, masked_frame};

use super::backend::FILE;
use super::front::{CLIENT, Front, Opened};
use super::silence::Silence;
use super::trial::Trial;

/// A scenario.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    run: fn(&mut Trial) -> Result<()>,
}

impl Scenario {
    pub(super) fn run(&self, trial: &mut Trial) -> Result<()> {
        (self.run)(trial)
    }
}

/// Scenarios that leave the proxy and the server running.
pub(super) const SCENARIOS: [Scenario; 13] = [
    Scenario { name: "own page", run: |trial| own_page(&trial.front) },
    Scenario { name: "foreign page", run: |trial| foreign_page(&trial.front, &[]) },
    Scenario { name: "no origin", run: |trial| no_origin(&trial.front) },
    Scenario { name: "address", run: |trial| address(&trial.front, &[]) },
    Scenario { name: "secure", run: |trial| secure(&trial.front, &[]) },
    Scenario { name: "false headers", run: |trial| false_headers(&trial.front) },
    Scenario { name: "echo", run: |trial| echo(&trial.front) },
    Scenario { name: "client closes", run: |trial| client_closes(&trial.front) },
    Scenario { name: "client vanishes", run: |trial| client_vanishes(&trial.front) },
    Scenario { name: "server closes", run: |trial| server_closes(&trial.front) },
    Scenario { name: "too long", run: |trial| too_long(&trial.front) },
    Scenario { name: "health", run: |trial| health(&trial.front) },
    Scenario { name: "files", run: |trial| files(&trial.front) },
];

/// Scenarios that take more than a minute, and the one that stops the server.
pub(super) const LAST: [Scenario; 4] = [
    Scenario { name: "80 s of silence", run: |trial| ended(trial.silence.take()) },
    Scenario { name: "80 s one way", run: |trial| ended(trial.one_way.take()) },
    Scenario { name: "pauses", run: |trial| ended(trial.pauses.take()) },
    STOP,
];

/// Stops the server.
pub(super) const STOP: Scenario = Scenario { name: "server stops", run: server_stops };

/// Headers that a client may send to pretend to be another client.
const FORGED_HEADERS: [(&str, &str); 7] = [
    ("X-Forwarded-For", "203.0.113.66"),
    ("X-Forwarded-Host", "foreign.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Port", "80"),
    ("Forwarded", "for=203.0.113.66;host=foreign.example;proto=http"),
    ("X-Real-IP", "203.0.113.66"),
    ("CF-Connecting-IP", "203.0.113.66"),
];

/// How often the message that is too long is sent, because failures are intermittent.
const TRIES: usize = 18;

/// How many requests follow each other on one connection of a client, and on how many connections.
/// In total these are more than many proxies and ws-host serve on one connection (1,000), so some
/// connections end in between.
const REQUESTS: usize = 20;
const CONNECTIONS: usize = 55;

fn own_page(front: &Front) -> Result<()> {
    match front.open_from(&front.own_origin(), &[])? {
        Opened::WebSocket(mut client) => {
            ensure!(client.ask("hello")? == "hello", "the echo differs");
            client.close()
        }
        Opened::Refused(response) => {
            bail!("refused with {}: {}", response.status, response.body.trim())
        }
    }
}

fn foreign_page(front: &Front, headers: &[(&str, &str)]) -> Result<()> {
    for scheme in ["https", "http"] {
        match front.open_from(&format!("{scheme}://foreign.example"), headers)? {
            Opened::WebSocket(_) => bail!("the handshake was accepted"),
            Opened::Refused(response) => {
                ensure!(response.status.as_u16() == 403, "refused with {}", response.status);
                ensure!(response.body.contains("origin"), "the body is {:?}", response.body);
            }
        }
    }
    Ok(())
}

fn no_origin(front: &Front) -> Result<()> {
    let mut client = front.connect("/echo")?;
    ensure!(client.ask("hello")? == "hello", "the echo differs");
    client.close()
}

fn address(front: &Front, headers: &[(&str, &str)]) -> Result<()> {
    expect_report(front, headers, "client_address: ", &format!("{:?}", CLIENT.to_string()))
}

fn secure(front: &Front, headers: &[(&str, &str)]) -> Result<()> {
    expect_report(front, headers, "secure: ", "true")
}

/// Checks what the handler reports about a client.
fn expect_report(front: &Front, headers: &[(&str, &str)], key: &str, expected: &str) -> Result<()> {
    let mut client = front.open_accepted("/about", headers)?;
    let report = client.ask("request")?;
    let line = report.lines().map(str::trim).find_map(|line| line.strip_prefix(key));
    let value = line.context("the handler's report lacks the line")?.trim_end_matches(',');
    ensure!(value == expected, "the handler saw {key}{value}");
    client.close()
}

fn false_headers(front: &Front) -> Result<()> {
    address(front, &FORGED_HEADERS)?;
    secure(front, &FORGED_HEADERS)?;
    foreign_page(front, &FORGED_HEADERS).context("with a foreign origin")
}

fn echo(front: &Front) -> Result<()> {
    let mut client = front.connect("/echo")?;
    for length in [1, 64 << 10, (1 << 20) - 1] {
        for first in [0x81, 0x82] {
            let message: Vec<u8> = (0..length).map(|index| b'a' + (index % 26) as u8).collect();
            client.send_frame(first, &message)?;
            let echo = client.receive().with_context(|| format!("no echo of {length} bytes"))?;
            ensure!(
                echo.first == first && echo.payload == message,
                "the echo of {length} bytes differs"
            );
        }
    }
    client.close()
}

fn client_closes(front: &Front) -> Result<()> {
    let mut client = front.connect("/recording")?;
    let who = client.ask("who")?;
    client.send_close(4001, "that is all")?;
    let (code, reason) = client.receive_close()?;
    ensure!(code == 4001, "answered with {code} {reason:?}");
    client.expect_end()?;
    expect_disconnect(front, &who, "4001 \"that is all\" clean true")
}

/// The client's process ends, and its kernel closes the connection.
fn client_vanishes(front: &Front) -> Result<()> {
    let mut client = front.connect("/recording")?;
    let who = client.ask("who")?;
    drop(client);
    expect_disconnect(front, &who, "1006 ")
}

/// Asks the handler, from another client, how a client disconnected.
fn expect_disconnect(front: &Front, who: &str, how: &str) -> Result<()> {
    let mut witness = front.connect("/recording")?;
    let prefix = format!("{who} disconnected ");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let report = witness.ask("report")?;
        if let Some(seen) = report.lines().find_map(|line| line.strip_prefix(&prefix)) {
            ensure!(seen.starts_with(how), "the handler saw {seen}");
            return witness.close();
        }
        ensure!(Instant::now() < deadline, "the handler did not see the client's end");
    }
}

fn server_closes(front: &Front) -> Result<()> {
    let mut client = front.connect("/closing")?;
    client.send_text("close 4000 not today")?;
    let close = client.receive_close()?;
    ensure!(close == (4000, "not today".to_owned()), "closed with {close:?}");
    client.send_close(4000, "")?;
    client.expect_end()
}

fn too_long(front: &Front) -> Result<()> {
    let mut failures = Vec::new();
    for number in 0..TRIES {
        // One is just too long. The others are so long that the server rejects the message before
        // it has arrived.
        let length = [(1 << 20) + 1, 2 << 20, 8 << 20][number % 3];
        if let Err(why) = one_too_long(front, length) {
            failures.push(format!("{length} bytes: {why:#}"));
        }
    }
    match failures.first() {
        None => Ok(()),
        Some(first) => bail!("{} of {TRIES} fail: {first}", failures.len()),
    }
}

fn one_too_long(front: &Front, length: usize) -> Result<()> {
    let mut client = front.connect("/echo")?;
    let mut stream = client.stream().try_clone()?;
    let frame = masked_frame(0x82, &vec![0; length]);
    // A browser sends and reads at the same time, and continues reading when the peer accepts
    // nothing more.
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut stream, &frame));
    let closed = client.receive_close().context("no close frame (1006)");
    let _ = client.stream().shutdown(std::net::Shutdown::Both);
    let _ = sending.join();
    let (code, reason) = closed?;
    ensure!(code == 1009, "closed with {code} {reason:?}");
    Ok(())
}

fn health(front: &Front) -> Result<()> {
    for connection in 1..=CONNECTIONS {
        let responses = front.get("/healthz", REQUESTS);
        for response in responses.with_context(|| format!("connection {connection}"))? {
            ensure!(response.status.is_success(), "connection {connection}: {response:?}");
        }
    }
    Ok(())
}

fn files(front: &Front) -> Result<()> {
    let (path, content) = FILE;
    for response in front.get(path, 2)? {
        ensure!(response.status.is_success() && response.body == content, "{response:?}");
    }
    Ok(())
}

fn ended(silence: Option<Silence>) -> Result<()> {
    silence.context("the client could not connect")?.end()
}

fn server_stops(trial: &mut Trial) -> Result<()> {
    let mut client = trial.front.connect("/echo")?;
    ensure!(client.ask("hello")? == "hello", "the echo differs");
    trial.server.signal(Signal::TERM)?;
    let (code, reason) = client.receive_close()?;
    ensure!(code == 1001, "closed with {code} {reason:?}");
    client.send_close(1001, "")?;
    client.expect_end()
}

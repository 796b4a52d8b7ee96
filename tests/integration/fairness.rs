//! A client that keeps its handler and the host busy must hardly delay others.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use ws_host_test_support::{Client, Frame, Response, TestServer, masked_frame};

use crate::configured::{Configuration, terminate};
use crate::deflated;

/// The longest acceptable median wait. Without time slices it is many seconds.
const PATIENCE: Duration = Duration::from_millis(100);

/// The longest acceptable wait, with allowance for other load on the machine.
const MUCH_PATIENCE: Duration = Duration::from_millis(1500);

/// The durations of a repeated action.
struct Times(Vec<Duration>);

impl Times {
    fn check(mut self, what: &str) -> Result<()> {
        self.0.sort();
        let middle = self.0.get(self.0.len() / 2).context("nothing was measured")?;
        let longest = self.0.last().context("nothing was measured")?;
        ensure!(*middle < PATIENCE && *longest < MUCH_PATIENCE, "{what}: {middle:?}, {longest:?}");
        Ok(())
    }
}

/// Repeats an action on a thread until the flag is set, and measures each run.
fn over_and_over<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    is_over: &'env AtomicBool,
    mut act: impl FnMut() -> Result<()> + Send + 'scope,
) -> ScopedJoinHandle<'scope, Result<Times>> {
    scope.spawn(move || {
        let mut times = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let began = Instant::now();
            act()?;
            times.push(began.elapsed());
        }
        Ok(Times(times))
    })
}

fn measured(times: ScopedJoinHandle<'_, Result<Times>>) -> Result<Times> {
    match times.join() {
        Ok(times) => times,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn answers(address: SocketAddr, path: &str) -> Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let response = Response::to(address, &request)?;
    ensure!(response.status == 200, "{response:?}");
    Ok(())
}

/// Two resources on one worker.
const ONE_WORKER: &str = "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nworkers = 1\n\
    [[resource]]\npath = \"/busy\"\ncomponent = \"{{guest-busy}}\"\n\
    [[resource]]\npath = \"/echo\"\ncomponent = \"{{echo}}\"\n";

#[test]
fn client_that_sends_much_at_once_does_not_delay_others() -> Result<()> {
    let configuration = Configuration::new(ONE_WORKER)?;
    let mut server = configuration.serve()?;
    let (address, admin) = (server.address(), server.admin()?);
    let mut greedy = Client::connect_to(&server, "/busy")?;
    let mut same = Client::connect_to(&server, "/busy")?;
    let mut other = Client::connect_to(&server, "/echo")?;
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        let same = over_and_over(scope, &is_over, move || same.ask("hello").map(drop));
        let other = over_and_over(scope, &is_over, move || other.ask("hello").map(drop));
        let handshake =
            over_and_over(scope, &is_over, move || Client::connect_at(address, "/busy").map(drop));
        let health = over_and_over(scope, &is_over, move || answers(address, "/healthz"));
        let operator = over_and_over(scope, &is_over, move || answers(admin, "/resources"));
        // Five seconds of the handler's time, in one write.
        let sent =
            greedy.send(&masked_frame(0x81, b"").repeat(10_000)).and_then(|()| greedy.ask("done"));
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(sent?, "done");
        measured(same)?.check("an echo of the same instance")?;
        measured(other)?.check("an echo of another instance")?;
        measured(handshake)?.check("a handshake")?;
        measured(health)?.check("a health check")?;
        measured(operator)?.check("the admin address")
    })
}

#[test]
fn highly_compressed_messages_and_pings_do_not_delay_others() -> Result<()> {
    let flags = ["--workers", "1", "--compression", "messages", "--instance-per", "client"];
    let server = TestServer::with_arguments("guest-busy", &flags)?;
    let mut greedy = Vec::new();
    for _ in 0..32 {
        let (client, agreed) = deflated::connect(&server, "permessage-deflate")?;
        ensure!(agreed.is_some(), "no compression was negotiated");
        greedy.push(client);
    }
    let mut other = Client::connect(&server)?;
    // 1,033 bytes each. The handler ignores binary messages.
    let zeros = masked_frame(0xc2, &deflated::deflate(&vec![0; 1 << 20])?).repeat(100);
    let pings = masked_frame(0x89, b"").repeat(10_000);
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        let echoes = over_and_over(scope, &is_over, move || other.ask("hello").map(drop));
        let sent = greedy.iter_mut().try_for_each(|client| {
            client.send(&zeros)?;
            client.send(&pings)?;
            client.send_text("done")
        });
        let answered = greedy.iter_mut().try_for_each(|client| {
            loop {
                match client.receive()? {
                    Frame { first: 0x8a, .. } => {}
                    Frame { payload, .. } if payload == b"done" => return Ok(()),
                    other => bail!("{other:?}"),
                }
            }
        });
        is_over.store(true, Ordering::Relaxed);
        sent.and(answered)?;
        measured(echoes)?.check("an echo")
    })
}

#[test]
fn busy_server_stops_on_a_signal() -> Result<()> {
    let (server, mut greedy) =
        TestServer::with_client("guest-busy", &["--drain-timeout", "1s", "--workers", "1"])?;
    // 30 s of work.
    greedy.send(&masked_frame(0x81, b"").repeat(60_000))?;
    assert_eq!(Client::connect(&server)?.ask("it has begun")?, "it has begun");
    let began = Instant::now();
    terminate(&server)?;
    let ended = server.wait()?;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?} {}", began.elapsed(), ended.log);
    Ok(())
}

#[test]
fn publishing_to_many_compressed_clients_does_not_delay_others() -> Result<()> {
    const SUBSCRIBERS: usize = 600;
    let server = TestServer::with_arguments(
        "guest-busy",
        &[
            "--instance-per",
            "client",
            "--workers",
            "2",
            "--compression",
            "context",
            "--max-cpu",
            "20s",
        ],
    )?;
    let address = server.address();
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let (mut client, agreed) = deflated::connect(&server, "permessage-deflate")?;
        ensure!(agreed.is_some(), "no compression was negotiated");
        assert_eq!(client.ask("subscribe noise")?, "Ok(())");
        subscribers.push(client);
    }
    let mut publisher = Client::connect(&server)?;
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        let echoes = [(); 2].map(|()| {
            let client = Client::connect_at(address, "/");
            let mut client = client.expect("a connection");
            over_and_over(scope, &is_over, move || client.ask("hello").map(drop))
        });
        let mut subscriber = Client::connect_at(address, "/").expect("a connection");
        let subscribing = over_and_over(scope, &is_over, move || {
            subscriber.ask("subscribe something else").map(drop)
        });
        // No subscriber reads it; it fits the buffers.
        let published = publisher.ask("noise 400000");
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(published?, SUBSCRIBERS.to_string());
        for echoes in echoes {
            measured(echoes)?.check("an echo")?;
        }
        measured(subscribing)?.check("a subscription")
    })?;
    for client in &mut subscribers {
        assert!(client.receive()?.payload.len() >= 400_000);
    }
    assert_eq!(publisher.ask("goes on")?, "goes on");
    Ok(())
}

#[test]
fn effects_of_one_event_keep_their_order() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-busy", &["--workers", "2"])?;
    client.send_text("sequence")?;
    for expected in ["first", "second", "third", "fourth"] {
        assert_eq!(client.receive_text()?, expected);
    }
    assert_eq!(client.receive_close()?, (1000, "fifth".into()));
    Ok(())
}

#[test]
fn messages_without_recipients_are_cheap() -> Result<()> {
    let room = ["--max-memory", "200MiB", "--max-cpu", "20s"];
    let flags = [&["--instance-per", "client", "--workers", "1"][..], &room].concat();
    let (server, mut greedy) = TestServer::with_client("guest-busy", &flags)?;
    let mut other = Client::connect(&server)?;
    let before = server.peak_memory()?;
    assert_eq!(greedy.ask("nobody 50000000")?, "0");
    let grown = server.peak_memory()? - before;
    assert!(grown < 75 << 20, "{grown} bytes, of which 50,000,000 are the guest's");
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        let echoes = over_and_over(scope, &is_over, move || other.ask("hello").map(drop));
        let asked = (0..10).try_for_each(|_| {
            ensure!(greedy.ask("strangers 5000000")? == "0", "somebody got it");
            Ok(())
        });
        is_over.store(true, Ordering::Relaxed);
        asked?;
        measured(echoes)?.check("an echo")
    })
}

#[test]
fn queue_built_up_by_a_sleep_dissolves() -> Result<()> {
    const CLIENTS: usize = 64;
    const IN_FLIGHT: usize = 200;
    const ROUNDS: usize = 100;
    let server = TestServer::with_arguments("guest-busy", &["--workers", "1"])?;
    let mut clients = Client::connect_many(&server, CLIENTS)?;
    let frames = masked_frame(0x81, b"x").repeat(IN_FLIGHT);
    let frame = frames.len() / IN_FLIGHT;
    // Keeps a constant number of messages in flight: each echo triggers one more message.
    let echo = |clients: &mut [Client]| -> Result<Duration> {
        let before = server.cpu_time()?;
        let mut echoes = [0; 3 * IN_FLIGHT];
        let mut bytes = 0;
        while bytes < CLIENTS * ROUNDS * echoes.len() {
            for client in clients.iter_mut() {
                match recv(&*client.stream(), &mut echoes, RecvFlags::DONTWAIT) {
                    Ok((_, came)) => {
                        ensure!(came > 0, "closed");
                        // A partial echo counts when its last byte arrives.
                        let whole = (bytes + came) / 3 - bytes / 3;
                        bytes += came;
                        client.send(&frames[..whole * frame])?;
                    }
                    Err(Errno::AGAIN) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(server.cpu_time()? - before)
    };
    for client in &mut clients {
        client.send(&frames)?;
    }
    echo(&mut clients)?;
    let before = echo(&mut clients)?;
    let mut sleeper = Client::connect(&server)?;
    sleeper.send_text("sleep 100")?;
    // If the queue persists at all, it persists under this constant load.
    let after = echo(&mut clients)?;
    assert_eq!(sleeper.receive_text()?, "slept");
    let most = before * 3 / 2 + Duration::from_millis(50);
    assert!(after <= most, "{before:?} of CPU time before, {after:?} after");
    Ok(())
}

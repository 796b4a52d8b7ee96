//! A server that stops closes many clients one after the other, so that they do not all connect again at one moment.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, raise_open_files, wait_until};

use crate::successor::Successors;

/// Returns whether the server has sent something that was not read yet.
fn has_input(client: &mut Client) -> Result<bool> {
    let stream = client.stream();
    stream.set_nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    match peeked {
        Ok(bytes) => {
            ensure!(bytes > 0, "cut off without a close frame");
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Expects that all clients are closed with 1001. Returns when the close frame of each arrived, from the first one on.
fn closes(mut clients: Vec<Client>) -> Result<Vec<Duration>> {
    let mut closes = Vec::new();
    wait_until(|| {
        let mut open = Vec::new();
        for mut client in std::mem::take(&mut clients) {
            if has_input(&mut client)? {
                closes.push(Instant::now());
                client.expect_close(1001)?;
            } else {
                open.push(client);
            }
        }
        clients = open;
        Ok(clients.is_empty())
    })?;
    Ok(closes.iter().map(|close| *close - closes[0]).collect())
}

/// Expects that the closes took an eighth of the drain timeout or longer, and that none of ten parts of that time had
/// more than half of them.
fn expect_spread(closes: &[Duration], drain_timeout: Duration) {
    let took = closes[closes.len() - 1];
    assert!(took >= drain_timeout / 8, "{} clients within {took:?}", closes.len());
    for part in 0..10 {
        let (from, to) = (took / 10 * part, took / 10 * (part + 1));
        let within = closes.iter().filter(|close| (from..to).contains(*close)).count();
        assert!(
            within <= closes.len() / 2,
            "{within} of {} within {from:?} to {to:?}",
            closes.len()
        );
    }
}

#[test]
fn many_clients_are_closed_over_half_of_the_drain_timeout() -> Result<()> {
    raise_open_files();
    let server = TestServer::with_arguments("echo", &["--drain-timeout", "4s"])?;
    let clients = Client::connect_many(&server, 2000)?;
    server.signal(Signal::TERM)?;
    expect_spread(&closes(clients)?, Duration::from_secs(4));
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(!ended.log.contains("the drain timeout expired"), "{}", ended.log);
    Ok(())
}

#[test]
fn clients_of_a_predecessor_are_closed_over_half_of_the_drain_timeout() -> Result<()> {
    raise_open_files();
    let mut server = TestServer::with_arguments("echo", &["--drain-timeout", "4s"])?;
    let clients = Client::connect_many(&server, 2000)?;
    let mut successors = Successors::default();
    successors.replace(&mut server)?;
    expect_spread(&closes(clients)?, Duration::from_secs(4));
    Ok(())
}

#[test]
fn many_clients_are_closed_one_after_the_other_when_stopping_has_returned() -> Result<()> {
    raise_open_files();
    let server = TestServer::with_arguments("guest-filling", &["--drain-timeout", "4s"])?;
    let mut clients = Client::connect_many(&server, 2000)?;
    server.signal(Signal::TERM)?;
    for client in &mut clients {
        assert_eq!(client.receive_text()?, "goodbye");
    }
    expect_spread(&closes(clients)?, Duration::from_secs(4));
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    Ok(())
}

#[test]
fn few_clients_are_closed_at_once_however_long_the_drain_timeout_is() -> Result<()> {
    for component in ["echo", "guest-recording"] {
        let server = TestServer::with_arguments(component, &["--drain-timeout", "10h"])?;
        let mut clients = Client::connect_many(&server, 10)?;
        server.signal(Signal::TERM)?;
        for client in &mut clients {
            client.expect_close(1001)?;
        }
        assert_eq!(server.wait()?.status.code(), Some(0));
    }
    Ok(())
}

#[test]
fn second_signal_ends_the_spread() -> Result<()> {
    raise_open_files();
    let server = TestServer::with_arguments("echo", &["--drain-timeout", "10h"])?;
    let mut clients = Client::connect_many(&server, 2000)?;
    server.signal(Signal::TERM)?;
    wait_until(|| {
        for client in &mut clients {
            if has_input(client)? {
                return Ok(true);
            }
        }
        Ok(false)
    })?;
    server.signal(Signal::TERM)?;
    assert_eq!(server.wait()?.status.code(), Some(130));
    let is_cut = |client: &mut Client| has_input(client).is_err();
    assert!(clients.iter_mut().any(is_cut), "all were closed before");
    Ok(())
}

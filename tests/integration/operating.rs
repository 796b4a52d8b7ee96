//! The main thread never waits for guests.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, Response, TestServer, masked_frame};

/// A hundred times as long as a response takes, and a fifth of the time that the guests below work.
const SOON: Duration = Duration::from_secs(1);

/// Keeps a worker busy for five seconds with one write of 10,000 empty messages.
fn occupy(server: &TestServer) -> Result<Client> {
    let mut client = Client::connect(server)?;
    client.ask("hello")?;
    client.send(&masked_frame(0x82, b"").repeat(10_000))?;
    Ok(client)
}

fn get(server: SocketAddr, path: &str) -> Result<Response> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    Response::to(server, &request)
}

#[test]
fn health_and_admin_answer_while_every_worker_is_busy() -> Result<()> {
    let flags = ["--workers", "1", "--static", "."];
    let (server, admin) = TestServer::with_admin("guest-spin", &flags)?;
    let _busy = occupy(&server)?;
    let began = Instant::now();
    for (address, path) in
        [(server.address(), "/healthz"), (admin, "/healthz"), (admin, "/metrics")]
    {
        let response = get(address, path)?;
        assert_eq!(response.status, 200, "{response:?}");
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    Ok(())
}

#[test]
fn server_stops_on_a_signal_while_every_worker_is_busy() -> Result<()> {
    let flags = ["--workers", "1", "--drain-timeout", "200ms"];
    let server = TestServer::with_arguments("guest-spin", &flags)?;
    let _busy = occupy(&server)?;
    let began = Instant::now();
    server.signal(Signal::TERM)?;
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    Ok(())
}

//! Signals and graceful shutdown.

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, Response, TestServer};

#[test]
fn interrupt_closes_every_client_with_1001_and_exits_0() -> Result<()> {
    for ending in [Signal::INT, Signal::TERM] {
        let server = TestServer::serving("guest-recording")?;
        let mut clients = Client::connect_many(&server, 3)?;
        for client in &mut clients {
            client.ask("who")?;
        }
        server.signal(ending)?;
        for client in &mut clients {
            client.expect_close(1001)?;
        }
        let ended = server.wait()?;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        // The handler gets the last event of each client.
        let reports =
            ended.log.matches("disconnected 1001 \"\" clean true sent Some(1001)").count();
        assert_eq!(reports, 3, "{}", ended.log);
    }
    Ok(())
}

#[test]
fn close_timeout_bounds_the_wait_for_a_silent_client() -> Result<()> {
    let (server, mut client) = TestServer::with_client("echo", &["--close-timeout", "300ms"])?;
    server.signal(Signal::INT)?;
    assert_eq!(client.receive_close()?.0, 1001);
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}

#[test]
fn drain_timeout_bounds_the_wait_for_a_busy_handler() -> Result<()> {
    let (server, mut client) =
        TestServer::with_client("guest-sleep", &["--drain-timeout", "300ms"])?;
    client.send_text("sleep 600000")?;
    assert_eq!(client.receive_text()?, "before");
    server.signal(Signal::INT)?;
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(ended.log.contains("the drain timeout expired"), "{}", ended.log);
    Ok(())
}

#[test]
fn second_interrupt_exits_at_once() -> Result<()> {
    let (mut server, mut client) =
        TestServer::with_client("echo", &["--close-timeout", "1h", "--drain-timeout", "1h"])?;
    server.signal(Signal::INT)?;
    assert_eq!(client.receive_close()?.0, 1001);
    server.wait_for_log("stopping")?;
    // New connections are refused.
    assert!(Client::connect(&server).is_err());
    server.signal(Signal::INT)?;
    assert_eq!(server.wait()?.status.code(), Some(130));
    Ok(())
}

#[test]
fn health_is_200() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let response = Response::to(server.address(), request)?;
    assert_eq!((response.status, response.body.as_str()), (200, "ok\n"));
    Ok(())
}

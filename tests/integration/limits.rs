//! Limits, and what happens when they are reached.

use std::io::Write;
use std::net::TcpStream;

use anyhow::Result;
use ws_host_test_support::{Client, Response, TestServer, handshake};

#[test]
fn client_over_the_limit_gets_503_until_a_permit_is_free() -> Result<()> {
    let (server, mut first) = TestServer::with_client("echo", &["--max-clients", "2"])?;
    let second = Client::connect(&server)?;
    let response = Response::to(server.address(), &handshake("/", ""))?;
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.header("retry-after").is_some(), "{response:?}");
    assert_eq!(first.ask("hello")?, "hello");
    second.close()?;
    while Response::to_head(server.address(), &handshake("/", ""))?.status == 503 {}
    Ok(())
}

#[test]
fn rejected_clients_hold_no_permit() -> Result<()> {
    let server = TestServer::with_arguments("guest-choosy", &["--max-clients", "1"])?;
    for _ in 0..5 {
        let response = Response::to(server.address(), &handshake("/?reject=403", ""))?;
        assert_eq!(response.status, 403, "{response:?}");
    }
    assert_eq!(Client::connect(&server)?.receive_text()?, "welcome");
    Ok(())
}

#[test]
fn too_many_or_too_long_headers_are_431() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let many = "X-Header: value\r\n".repeat(200);
    assert_eq!(Response::to(server.address(), &handshake("/", &many))?.status, 431);
    let long = format!("X-Header: {}\r\n", "v".repeat(20_000));
    assert_eq!(Response::to_head(server.address(), &handshake("/", &long))?.status, 431);
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn slow_handshake_times_out() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--handshake-timeout", "300ms"])?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: loc")?;
    let mut client = Client::over(stream)?;
    client.expect_end()
}

#[test]
fn handler_that_takes_too_long_to_accept_is_503() -> Result<()> {
    let arguments = ["--handshake-timeout", "300ms"];
    let mut server = TestServer::with_arguments("guest-slow_connect", &arguments)?;
    let response = Response::to(server.address(), &handshake("/?1500", ""))?;
    assert_eq!(response.status, 503, "{response:?}");
    // The handler accepted the client after all, so it gets `disconnected`.
    server.wait_for_log("never opened")?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn client_that_leaves_during_connected_gets_a_disconnected_event() -> Result<()> {
    let mut server = TestServer::serving("guest-slow_connect")?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(handshake("/?300", "").as_bytes())?;
    server.wait_for_log("asked")?;
    drop(stream);
    server.wait_for_log("never opened: the client left without a close frame")?;
    Ok(())
}

#[test]
fn garbage_in_place_of_http_is_400() -> Result<()> {
    let server = TestServer::serving("echo")?;
    for garbage in ["\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n"] {
        let response = Response::to_head(server.address(), garbage)?;
        assert_eq!(response.status, 400, "{garbage:?}: {response:?}");
    }
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

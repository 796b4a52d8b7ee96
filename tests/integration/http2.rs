//! WebSockets over HTTP/2 (RFC 8441), from Node and frame by frame.

use std::io::{ErrorKind, Read, Write};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use ws_host_test_support::{TestServer, masked_frame, open_stream, root};

use crate::configured::terminate;
use crate::encrypted::Authority;
use crate::static_files::folder_with;
use crate::streams::{
    CANCEL, Connection, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, frame,
    get, headers,
};

/// Error code of RFC 9113 §7.
const NO_ERROR: u32 = 0;

fn node(url: &str, arguments: &[&str]) -> Result<String> {
    let mut node = Command::new("node");
    node.arg(root().join("tests/clients/websockets.mjs")).arg(url).args(arguments);
    let output = node.output().context("cannot run node")?;
    let reply = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{node:?} ended with {}\n{reply}{complaint}", output.status);
    Ok(reply)
}

/// Returns the URL of a server with an HTTP scheme.
fn url(server: &TestServer) -> String {
    server.url().replacen("ws", "http", 1)
}

/// Requests a WebSocket with these headers added or replaced and those that are null left out. Returns the headers
/// of the response.
fn response_headers(server: &TestServer, more: Value) -> Result<Value> {
    let mut request = json!({
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":path": "/",
        "sec-websocket-version": "13",
    });
    let (Value::Object(request), Value::Object(more)) = (&mut request, more) else {
        bail!("no headers")
    };
    request.extend(more);
    request.retain(|_, value| !value.is_null());
    let request = Value::Object(request.clone()).to_string();
    Ok(serde_json::from_str(&node(&url(server), &["ask", &request])?)?)
}

fn status(server: &TestServer, more: Value) -> Result<u64> {
    response_headers(server, more)?[":status"].as_u64().context("no status")
}

#[test]
fn node_mixes_many_echoes_with_requests() -> Result<()> {
    let (_folder, pages) = folder_with("index.html", "<p>welcome")?;
    let pages = ["--static", &pages];
    let authority = Authority::new()?;
    let workers = [&pages[..], &["--workers", "2", "--instance-per", "client"]].concat();
    for server in [
        TestServer::with_arguments("echo", &pages)?,
        TestServer::with_arguments("echo", &workers)?,
        authority.serving("echo", &pages)?,
        authority.serving("echo", &workers)?,
    ] {
        node(&url(&server), &["all"])?;
    }
    Ok(())
}

#[test]
fn refusals_have_the_status_that_says_why() -> Result<()> {
    let authority = Authority::new()?;
    for server in [
        TestServer::with_arguments("echo", &["--origin", "https://app.example.com"])?,
        authority.serving("echo", &["--origin", "https://app.example.com"])?,
    ] {
        for (more, expected) in [
            (json!({}), 200),
            (json!({ ":path": "/nowhere" }), 404),
            (json!({ ":protocol": "connect-udp" }), 501),
            (json!({ "sec-websocket-version": "12" }), 400),
            (json!({ "sec-websocket-version": null }), 400),
            (json!({ "origin": "https://app.example.com" }), 200),
            (json!({ "origin": "https://evil.example.com" }), 403),
        ] {
            assert_eq!(status(&server, more.clone())?, expected, "{more}");
        }
        let request = json!({ ":method": "GET", ":protocol": null });
        assert_ne!(status(&server, request)?, 200, "a resource is not a page");
        let answer = response_headers(&server, json!({ "sec-websocket-version": "12" }))?;
        assert_eq!(answer["sec-websocket-version"], "13", "{answer}");
    }
    Ok(())
}

#[test]
fn pages_of_the_same_host_may_connect() -> Result<()> {
    let authority = Authority::new()?;
    for server in [TestServer::serving("echo")?, authority.serving("echo", &[])?] {
        let own = url(&server).trim_end_matches('/').to_owned();
        assert_eq!(status(&server, json!({ "origin": own }))?, 200);
        assert_eq!(status(&server, json!({ "origin": "https://evil.example.com" }))?, 403);
    }
    Ok(())
}

#[test]
fn handler_accepts_rejects_and_chooses() -> Result<()> {
    let server = TestServer::serving("guest-choosy")?;
    assert_eq!(status(&server, json!({ ":path": "/?reject=418" }))?, 418);
    let offer = json!({ ":path": "/?subprotocol=v2", "sec-websocket-protocol": "v1, v2" });
    assert_eq!(response_headers(&server, offer)?["sec-websocket-protocol"], "v2");
    assert_eq!(response_headers(&server, json!({ ":path": "/?header=x-mine" }))?["x-mine"], "set");
    Ok(())
}

#[test]
fn compression_is_negotiated() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--compression", "messages"])?;
    let answer =
        response_headers(&server, json!({ "sec-websocket-extensions": "permessage-deflate" }))?;
    let agreed = answer["sec-websocket-extensions"].as_str().unwrap_or_default();
    assert!(agreed.starts_with("permessage-deflate"), "{answer}");
    Ok(())
}

#[test]
fn handler_sees_the_request() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/?a=b")?;
    connection.send_message(1, 0x81, b"request")?;
    let mut reply = connection.wait_for(DATA, 1)?.payload;
    // The text continues in further DATA frames.
    while !String::from_utf8_lossy(&reply).trim_end().ends_with(")") {
        reply.extend(connection.wait_for(DATA, 1)?.payload);
    }
    let reply = String::from_utf8_lossy(&reply);
    assert!(reply.contains("peer_address: \"127.0.0.1\""), "{reply}");
    assert!(reply.contains("a=b") && reply.contains("secure: false"), "{reply}");
    Ok(())
}

#[test]
fn unread_stream_delays_no_other_stream() -> Result<()> {
    let server = TestServer::serving("echo")?;
    // SETTINGS_INITIAL_WINDOW_SIZE is 10,000 per stream; the window of the connection stays at 65,535 bytes.
    let settings = [&[0, 4][..], &10_000_u32.to_be_bytes()].concat();
    let mut connection = Connection::begin_with(server.address(), &settings)?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    for _ in 0..4 {
        connection.send_message(1, 0x82, &[7; 16_000])?;
    }
    let mut came = 0;
    while came < 10_000 {
        came += connection.wait_for(DATA, 1)?.payload.len();
    }
    assert_eq!(came, 10_000);
    for round in 0..10 {
        assert_eq!(connection.ask(3, &format!("round {round}"))?, format!("round {round}"));
    }
    connection.grant(0, 1 << 20)?;
    connection.grant(1, 1 << 20)?;
    while came < 4 * (4 + 16_000) {
        came += connection.wait_for(DATA, 1)?.payload.len();
    }
    assert_eq!(came, 4 * (4 + 16_000));
    Ok(())
}

#[test]
fn output_beyond_the_window_of_a_stream_fills_the_outbound_buffer() -> Result<()> {
    let mut server = TestServer::serving("guest-flood")?;
    let settings = [&[0, 4][..], &10_000_u32.to_be_bytes()].concat();
    let mut connection = Connection::begin_with(server.address(), &settings)?;
    connection.open(1, "/")?;
    // Less than half of the buffer, the level above which the client is not read.
    connection.send_message(1, 0x81, b"14 65536")?;
    let mut came = 0;
    while came < 10_000 {
        came += connection.wait_for(DATA, 1)?.payload.len();
    }
    // Together with the queued output this exceeds 2 MiB.
    connection.send_message(1, 0x81, b"20 65536")?;
    server.wait_for_log("Full")?;
    Ok(())
}

#[test]
fn stream_with_a_busy_handler_delays_no_other_stream() -> Result<()> {
    let server = TestServer::with_arguments("guest-sleep", &["--instance-per", "client"])?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    assert_eq!(connection.ask(1, "sleep 600000")?, "before");
    // As much as flow control allows before the host reads.
    let whole: Vec<u8> = masked_frame(0x82, &[7; 2000]).repeat(33);
    let used = masked_frame(0x81, b"sleep 600000").len();
    for part in whole[..65_535 - used].chunks(16_384) {
        connection.send(DATA, 0, 1, part)?;
    }
    for round in 0..10 {
        assert_eq!(connection.ask(3, &format!("round {round}"))?, format!("round {round}"));
    }
    Ok(())
}

#[test]
fn close_frames_end_the_stream_and_not_the_connection() -> Result<()> {
    let mut server = TestServer::serving("guest-recording")?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    connection.send_message(1, 0x88, &[0x0f, 0xa1])?;
    assert_eq!(connection.receive_message(1)?, (0x88, vec![0x0f, 0xa1]));
    let end = connection.wait_for(DATA, 1)?;
    assert_eq!((end.flags & END_STREAM, end.payload), (END_STREAM, vec![]));
    server.wait_for_log("disconnected 4001 \"\" clean true")?;
    assert!(connection.ask(3, "who")?.starts_with(|_| true));
    Ok(())
}

#[test]
fn reset_or_ended_stream_is_a_lost_client() -> Result<()> {
    let mut server = TestServer::serving("guest-recording")?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.ask(1, "who")?;
    connection.send(RST_STREAM, 0, 1, &CANCEL.to_be_bytes())?;
    server.wait_for_log("disconnected 1006")?;
    connection.open(3, "/")?;
    connection.ask(3, "who")?;
    connection.send(DATA, END_STREAM, 3, &[])?;
    server.wait_for_log("disconnected 1006")?;
    connection.open(5, "/")?;
    connection.ask(5, "who")?;
    connection.socket().shutdown(std::net::Shutdown::Both)?;
    server.wait_for_log("disconnected 1006")?;
    Ok(())
}

#[test]
fn every_websocket_gets_1001_when_the_server_stops() -> Result<()> {
    let server = TestServer::serving("guest-recording")?;
    let mut connection = Connection::begin(server.address())?;
    for stream in [1, 3, 5] {
        connection.open(stream, "/")?;
        connection.ask(stream, "who")?;
    }
    terminate(&server)?;
    // The GOAWAY does not abandon existing streams.
    let goaway = connection.wait_for(GOAWAY, 0)?;
    assert_eq!(goaway.payload[4..8], NO_ERROR.to_be_bytes());
    for stream in [1, 3, 5] {
        let (first, payload) = connection.receive_message(stream)?;
        assert_eq!((first, payload.get(..2)), (0x88, Some(&1001_u16.to_be_bytes()[..])));
        connection.send_message(stream, 0x88, &1001_u16.to_be_bytes())?;
    }
    assert_eq!(connection.expect_end()?.unwrap_or(NO_ERROR), NO_ERROR);
    let ended = server.wait()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let reply = ended.log.matches("disconnected 1001 \"\" clean true sent Some(1001)").count();
    assert_eq!(reply, 3, "{}", ended.log);
    Ok(())
}

#[test]
fn connection_without_a_websocket_times_out() -> Result<()> {
    let flags = ["--handshake-timeout", "300ms"];
    let server = TestServer::with_arguments("echo", &flags)?;
    let idle = Connection::begin(server.address())?;
    let mut asked = Connection::begin(server.address())?;
    asked.send(HEADERS, END_HEADERS | END_STREAM, 1, &get("/healthz"))?;
    asked.wait_for(HEADERS, 1)?;
    let mut used = Connection::begin(server.address())?;
    used.open(1, "/")?;
    // Connections that do not even complete the preface and SETTINGS.
    for bytes in [&PREFACE[..10], PREFACE] {
        let mut stream = open_stream(server.address(), bytes)?;
        stream.read_to_end(&mut Vec::new()).or_else(reset)?;
    }
    assert_eq!(idle.expect_end()?, Some(NO_ERROR));
    assert_eq!(asked.expect_end()?, Some(NO_ERROR));
    // The connection with a WebSocket stays open.
    assert_eq!(used.ask(1, "still here")?, "still here");
    Ok(())
}

fn reset(error: std::io::Error) -> std::io::Result<usize> {
    if error.kind() == ErrorKind::ConnectionReset { Ok(0) } else { Err(error) }
}

#[test]
fn too_many_headers_and_too_long_ones_are_431() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--max-headers", "20"])?;
    let numbered = |number| (format!("x-{number}"), json!("x"));
    let many = |count: u32| Value::Object((0..count).map(numbered).collect());
    assert_eq!(status(&server, many(10))?, 200);
    assert_eq!(status(&server, many(30))?, 431);
    assert_eq!(status(&server, json!({ "x-long": "x".repeat(17_000) }))?, 431);
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    let many = [get("/healthz"), headers(&[("x-many", "x")]).repeat(600)].concat();
    connection.send(HEADERS, END_HEADERS | END_STREAM, 3, &many)?;
    connection.wait_for(HEADERS, 3)?;
    assert_eq!(connection.ask(1, "still here")?, "still here");
    Ok(())
}

#[test]
fn short_messages_wait_for_a_busy_handler() -> Result<()> {
    let server = TestServer::with_arguments("guest-sleep", &["--instance-per", "client"])?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    assert_eq!(connection.ask(1, "sleep 600000")?, "before");
    // As many as the stream's window allows.
    let flood = frame(DATA, 0, 1, &masked_frame(0x81, b"x")).repeat(65_000 / 7);
    (&mut connection.socket()).write_all(&flood)?;
    assert_eq!(connection.ask(3, "hello")?, "hello");
    Ok(())
}

#[test]
fn bursts_on_many_streams_arrive_in_full() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut connection = Connection::begin(server.address())?;
    let streams = (1..100).step_by(2);
    for stream in streams.clone() {
        connection.open(stream, "/")?;
    }
    let mut burst = Vec::new();
    for stream in streams.clone() {
        for number in 0..100 {
            let message = masked_frame(0x81, format!("message {number}").as_bytes());
            burst.extend(frame(DATA, 0, stream, &message));
        }
    }
    connection.grant(0, 1 << 24)?;
    (&mut connection.socket()).write_all(&burst)?;
    for stream in streams {
        for number in 0..100 {
            let (_, message) = connection.receive_message(stream)?;
            assert_eq!(String::from_utf8(message)?, format!("message {number}"));
        }
    }
    Ok(())
}

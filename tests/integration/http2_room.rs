//! How many WebSockets and requests there may be on one connection of HTTP/2.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::TestServer;

use crate::streams::{
    Connection, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, STATUS_200, frame, get,
    websocket,
};

#[test]
fn more_websockets_than_are_allowed_get_503_until_others_end_and_requests_go_on() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--max-http2-streams", "2"])?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    connection.send(HEADERS, END_HEADERS, 5, &websocket("/"))?;
    assert_ne!(connection.wait_for(HEADERS, 5)?.payload.first(), Some(&STATUS_200));
    let told = connection.wait_for(DATA, 5)?.payload;
    assert!(String::from_utf8_lossy(&told).contains("max-http2-streams"), "{told:?}");
    // What a page fetches beside its WebSockets does not wait for room among them.
    connection.send(HEADERS, END_HEADERS | END_STREAM, 7, &get("/healthz"))?;
    assert_eq!(connection.wait_for(HEADERS, 7)?.payload.first(), Some(&STATUS_200));
    assert_eq!(connection.ask(1, "still here")?, "still here");
    connection.send_message(3, 0x88, &[])?;
    assert_eq!(connection.receive_message(3)?.0, 0x88);
    connection.wait_for(DATA, 3)?;
    connection.send(DATA, END_STREAM, 3, &[])?;
    // Its place is free when the handler has heard of the end.
    let mut stream = 9;
    let deadline = std::time::Instant::now() + ws_host_test_support::DEADLINE;
    loop {
        ensure!(std::time::Instant::now() < deadline, "its place is not free");
        connection.send(HEADERS, END_HEADERS, stream, &websocket("/"))?;
        if connection.wait_for(HEADERS, stream)?.payload.first() == Some(&STATUS_200) {
            break;
        }
        stream += 2;
    }
    assert_eq!(connection.ask(stream, "hello")?, "hello");
    Ok(())
}

/// Of those that Chromium opens none waits: 255 WebSockets, and what its page fetches beside them.
#[test]
fn a_pages_websockets_and_fetches_find_room_on_one_connection() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut connection = Connection::begin(server.address())?;
    for stream in (0..255).map(|number| 2 * number + 1) {
        connection.open(stream, "/")?;
    }
    connection.send(HEADERS, END_HEADERS | END_STREAM, 511, &get("/healthz"))?;
    assert_eq!(connection.wait_for(HEADERS, 511)?.payload.first(), Some(&STATUS_200));
    assert_eq!(connection.ask(509, "hello")?, "hello");
    Ok(())
}

#[test]
fn client_is_told_how_many_streams_there_may_be() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--max-http2-streams", "7"])?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(ws_host_test_support::DEADLINE))?;
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let mut settings = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    stream.read_exact(&mut settings)?;
    // MAX_CONCURRENT_STREAMS (RFC 9113 §6.5.2): the WebSockets, and 100 requests beside them.
    let most = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).context("a number")?;
    assert_eq!(most[2..], 107_u32.to_be_bytes());
    Ok(())
}

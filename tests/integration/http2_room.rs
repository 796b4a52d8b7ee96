//! How many WebSockets and requests may share one HTTP/2 connection.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{TestServer, open_stream};

use crate::streams::{
    Connection, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, STATUS_200, frame, get,
    websocket,
};

#[test]
fn websockets_over_the_limit_get_503_until_others_end_and_requests_are_served() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--max-http2-streams", "2"])?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    connection.send(HEADERS, END_HEADERS, 5, &websocket("/"))?;
    assert_ne!(connection.wait_for(HEADERS, 5)?.payload.first(), Some(&STATUS_200));
    let reply = connection.wait_for(DATA, 5)?.payload;
    assert!(String::from_utf8_lossy(&reply).contains("max-http2-streams"), "{reply:?}");
    // Ordinary requests do not need a WebSocket's permit.
    connection.send(HEADERS, END_HEADERS | END_STREAM, 7, &get("/healthz"))?;
    assert_eq!(connection.wait_for(HEADERS, 7)?.payload.first(), Some(&STATUS_200));
    assert_eq!(connection.ask(1, "still here")?, "still here");
    connection.send_message(3, 0x88, &[])?;
    assert_eq!(connection.receive_message(3)?.0, 0x88);
    connection.wait_for(DATA, 3)?;
    connection.send(DATA, END_STREAM, 3, &[])?;
    // The permit is released once the handler has got the last event.
    let mut stream = 9;
    let deadline = std::time::Instant::now() + ws_host_test_support::DEADLINE;
    loop {
        ensure!(std::time::Instant::now() < deadline, "the permit was not released");
        connection.send(HEADERS, END_HEADERS, stream, &websocket("/"))?;
        if connection.wait_for(HEADERS, stream)?.payload.first() == Some(&STATUS_200) {
            break;
        }
        stream += 2;
    }
    assert_eq!(connection.ask(stream, "hello")?, "hello");
    Ok(())
}

/// Chromium opens up to 255 WebSockets per connection, besides the requests of the page. None of them may wait.
#[test]
fn websockets_and_requests_of_a_page_fit_on_one_connection() -> Result<()> {
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
fn settings_announce_how_many_streams_are_allowed() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--max-http2-streams", "7"])?;
    let mut stream =
        open_stream(server.address(), &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let mut settings = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    stream.read_exact(&mut settings)?;
    // MAX_CONCURRENT_STREAMS (RFC 9113 §6.5.2): the WebSockets plus 100 requests.
    let most = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).context("no number")?;
    assert_eq!(most[2..], 107_u32.to_be_bytes());
    Ok(())
}

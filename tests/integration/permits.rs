//! Clients that send nothing, read nothing or never leave must not use up the permits of others.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ws_host_test_support::{
    Client, DEADLINE, Response, TestServer, handshake, masked_frame, open_stream, poll_until,
    raise_open_files,
};

use crate::configured::{Configuration, ask_admin};
use crate::listening::unix_socket;
use crate::static_files::folder_with;
use crate::streams::{
    CANCEL, Connection, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, STATUS_200, get,
    websocket,
};

/// More connections than there are permits of any kind.
const CROWD: usize = 1100;

/// A client that is served within this time was not blocked: the crowd would hold its permits for longer.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Configures two resources with a handler each: `/` echoes, and `/slow` takes as many milliseconds to accept a client
/// as the query says.
fn slow_and_echo(settings: &str) -> Result<Configuration> {
    Configuration::new(&format!(
        "{settings}\n\
         [[resource]]\npath = \"/\"\ncomponent = \"{{{{echo}}}}\"\n\
         [[resource]]\npath = \"/slow\"\ncomponent = \"{{{{guest-slow_connect}}}}\"\n"
    ))
}

/// Opens `CROWD` connections that each send this request.
fn crowd(server: SocketAddr, request: &str) -> Result<Vec<TcpStream>> {
    raise_open_files();
    let one = |_| {
        let stream = open_stream(server, request.as_bytes())?;
        Ok(stream)
    };
    (0..CROWD).map(one).collect()
}

#[track_caller]
fn expect_echo_at_once(server: SocketAddr) -> Result<()> {
    let began = Instant::now();
    assert_eq!(Client::connect_at(server, "/")?.ask("hello")?, "hello");
    assert!(began.elapsed() < AT_ONCE, "after {:?}", began.elapsed());
    Ok(())
}

#[test]
fn connections_without_a_request_are_evicted_oldest_first() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--handshake-timeout", "60s"])?;
    let mut crowd = crowd(server.address(), "GET / HTTP/1.1\r\n")?;
    expect_echo_at_once(server.address())?;
    for old in &mut crowd[..CROWD - 1024] {
        let ended = old.read(&mut [0]);
        let is_reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
        assert!(
            ended.as_ref().is_ok_and(|count| *count == 0) || ended.is_err_and(|e| is_reset(&e))
        );
    }
    let last = crowd.pop().context("no crowd")?;
    (&last).write_all(&handshake("/", "").as_bytes()["GET / HTTP/1.1\r\n".len()..])?;
    assert_eq!(Client::after(last)?.1.status, 101);
    Ok(())
}

#[test]
fn crowd_at_one_address_does_not_block_another() -> Result<()> {
    let (_folder, file, unix) = unix_socket()?;
    let flags = ["--handshake-timeout", "60s", "--listen", &unix];
    let server = TestServer::with_arguments("echo", &flags)?;
    raise_open_files();
    let _crowd: Vec<_> =
        (0..CROWD).map(|_| UnixStream::connect(&file)).collect::<std::io::Result<_>>()?;
    poll_until(|| server.open_files(), |open| *open > 1024)?;
    let mut slow = TcpStream::connect(server.address())?;
    slow.write_all(b"GET / HTTP/1.1\r\n")?;
    expect_echo_at_once(server.address())?;
    slow.write_all(&handshake("/", "").as_bytes()["GET / HTTP/1.1\r\n".len()..])?;
    assert_eq!(Client::after(slow)?.1.status, 101);
    Ok(())
}

#[test]
fn handler_that_accepts_no_client_does_not_block_other_resources() -> Result<()> {
    let settings = "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
                    handshake-timeout = \"60s\"\nmax-clients = 2048";
    let mut server = slow_and_echo(settings)?.serve()?;
    let admin = server.admin()?;
    let crowd = crowd(server.address(), &handshake("/slow?60000", ""))?;
    expect_echo_at_once(server.address())?;
    // The surplus requests get a 503.
    let (mut refused, mut waiting) = (0, 0);
    for mut stream in crowd {
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        match Response::read_head(&mut stream) {
            Ok(response) => {
                assert_eq!(response.status, 503, "{response:?}");
                assert!(response.header("retry-after").is_some(), "{response:?}");
                refused += 1;
            }
            Err(_) => waiting += 1,
        }
    }
    assert_eq!((refused, waiting), (CROWD - 1024, 1024));
    let reply = ask_admin(admin, "GET /metrics", "", &[])?.body;
    assert!(reply.contains("full=\"handshakes\"} 76"), "{reply}");
    Ok(())
}

#[test]
fn slow_readers_of_files_do_not_block_other_clients() -> Result<()> {
    let (_folder, pages) = folder_with("long.txt", &"a".repeat(8 << 20))?;
    let server = TestServer::with_arguments("echo", &["--static", &pages])?;
    let request = "GET /long.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let _crowd = crowd(server.address(), request)?;
    expect_echo_at_once(server.address())?;
    // Once the host has found the connections that read nothing, a client that reads gets the file.
    let ask = || Response::to(server.address(), request);
    assert_eq!(poll_until(ask, |response| response.status == 200)?.body.len(), 8 << 20);
    Ok(())
}

/// Abandons a handshake in one of four ways.
fn leave(server: SocketAddr, number: usize) -> Result<()> {
    let request = handshake("/slow?0", "");
    match number % 4 {
        0 => drop(TcpStream::connect(server)?.write_all(request.as_bytes())),
        1 => {
            // Sends a message early, and leaves.
            let eager = [request.as_bytes(), &masked_frame(0x81, b"hello")].concat();
            drop(TcpStream::connect(server)?.write_all(&eager));
        }
        2 => {
            let mut stream = TcpStream::connect(server)?;
            stream.write_all(request.as_bytes())?;
            stream.shutdown(std::net::Shutdown::Write)?;
            // The server closes, too.
            stream.set_read_timeout(Some(DEADLINE))?;
            stream.read_to_end(&mut Vec::new())?;
        }
        _ => {
            let mut connection = Connection::begin(server)?;
            connection.open(1, "/")?;
            connection.send(HEADERS, END_HEADERS, 3, &websocket("/slow?0"))?;
            connection.send(RST_STREAM, 0, 3, &CANCEL.to_be_bytes())?;
            assert_eq!(connection.ask(1, "hello")?, "hello");
        }
    }
    Ok(())
}

#[test]
fn abandoned_handshakes_release_their_permits() -> Result<()> {
    let settings = "listen = \"127.0.0.1:0\"\nhandshake-timeout = \"60s\"\nmax-clients = 4";
    let mut server = slow_and_echo(settings)?.serve()?;
    let mut sleeping = TcpStream::connect(server.address())?;
    sleeping.write_all(handshake("/slow?60000", "").as_bytes())?;
    server.wait_for_log("asked")?;
    for number in 0..40 {
        poll_until(|| Ok(leave(server.address(), number)), Result::is_ok)??;
    }
    let connect = || Ok(Client::connect(&server));
    let mut client = poll_until(connect, Result::is_ok)??;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn handshake_that_times_out_releases_its_permit() -> Result<()> {
    let settings = "listen = \"127.0.0.1:0\"\nhandshake-timeout = \"300ms\"\nmax-clients = 4";
    let mut server = slow_and_echo(settings)?.serve()?;
    let request = handshake("/slow?60000", "");
    let mut sleeping = TcpStream::connect(server.address())?;
    sleeping.write_all(request.as_bytes())?;
    server.wait_for_log("asked")?;
    let response = Response::to(server.address(), &request)?;
    assert!(response.status == 503 && response.body.contains("in time"), "{response:?}");
    // The running call keeps its permit; the call that waited for its turn does not.
    let connect = || Ok(Client::connect(&server));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(poll_until(connect, Result::is_ok)??);
    }
    let response = Response::to(server.address(), &handshake("/", ""))?;
    assert_eq!(response.status, 503, "{response:?}");
    Ok(())
}

/// Each connection has a WebSocket and reads nothing else.
#[test]
fn unread_http2_responses_are_evicted() -> Result<()> {
    let (_folder, pages) = folder_with("long.txt", &"a".repeat(1 << 20))?;
    let server = TestServer::with_arguments("echo", &["--static", &pages])?;
    let before = server.peak_memory()?;
    // SETTINGS_INITIAL_WINDOW_SIZE: how much of a stream the server may send unasked.
    let window = |bytes: u32| [&[0, 4][..], &bytes.to_be_bytes()].concat();
    let mut crowd = Vec::new();
    for bytes in (0..24).map(|number| number % 2) {
        let mut connection = Connection::begin_with(server.address(), &window(bytes))?;
        connection.open(1, "/")?;
        for stream in (3..200).step_by(2) {
            connection.send(HEADERS, END_HEADERS | END_STREAM, stream, &get("/long.txt"))?;
        }
        // Every request has its response.
        for stream in (3..200).step_by(2) {
            connection.wait_for(HEADERS, stream)?;
        }
        crowd.push(connection);
    }
    let open = server.open_files()?;
    assert!(open < 1024 + 100, "{open} descriptors");
    let grown = server.peak_memory()? - before;
    assert!(grown < 200 << 20, "{} KiB more", grown >> 10);
    // Once the host has found the connections that read nothing, a client that reads gets its response.
    let mut reading = Connection::begin_with(server.address(), &window(2 << 20))?;
    let mut stream = 1;
    let ask = || {
        stream += 2;
        reading.send(HEADERS, END_HEADERS | END_STREAM, stream, &get("/long.txt"))?;
        Ok((reading.wait_for(HEADERS, stream)?, stream))
    };
    let (_, stream) = poll_until(ask, |(head, _)| head.payload.first() == Some(&STATUS_200))?;
    let mut came = 0;
    while came < 60_000 {
        came += reading.wait_for(DATA, stream)?.payload.len();
    }
    // Evicted responses were reset, and every connection stays open.
    for connection in &mut crowd {
        connection.grant(1, 1 << 20)?;
        assert_eq!(connection.ask(1, "still here")?, "still here");
    }
    assert!(crowd.iter().any(|connection| connection.has(RST_STREAM)));
    Ok(())
}

/// The HTTP library keeps the unread output of a closed stream until its connection ends.
#[test]
fn unread_output_of_closed_http2_clients_is_evicted() -> Result<()> {
    // After this time the host gives up on a client that reads nothing.
    let server = TestServer::with_arguments("echo", &["--idle-timeout", "6s"])?;
    let window = [&[0, 4][..], &1_u32.to_be_bytes()].concat();
    let message = masked_frame(0x82, &[7; 60_000]);
    let mut crowd = Vec::new();
    for _ in 0..CROWD / 220 {
        let mut connection = Connection::begin_with(server.address(), &window)?;
        connection.open(1, "/")?;
        connection.grant(0, 1 << 30)?;
        connection.grant(1, 1 << 30)?;
        for stream in (3..443).step_by(2) {
            connection.open(stream, "/")?;
            for piece in message.chunks(16_384) {
                connection.send(DATA, 0, stream, piece)?;
            }
            connection.send_message(stream, 0x88, &[])?;
            connection.send(DATA, END_STREAM, stream, &[])?;
        }
        crowd.push(connection);
    }
    let ask = || {
        for connection in &mut crowd {
            assert_eq!(connection.ask(1, "still here")?, "still here");
        }
        Ok(crowd.iter().any(|connection| connection.has(RST_STREAM)))
    };
    poll_until(ask, |is_reset| *is_reset)?;
    Ok(())
}

/// More idle connections than the host keeps after a response. None has a WebSocket any more.
#[test]
fn idle_http2_connections_are_limited() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--handshake-timeout", "60s"])?;
    raise_open_files();
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut connection = Connection::begin(server.address())?;
        connection.open(1, "/")?;
        connection.send_message(1, 0x88, &[])?;
        assert_eq!(connection.receive_message(1)?.0, 0x88);
        connection.send(DATA, END_STREAM, 1, &[])?;
        crowd.push(connection);
    }
    poll_until(|| server.open_files(), |open| *open < 1024 + 50)?;
    expect_echo_at_once(server.address())
}

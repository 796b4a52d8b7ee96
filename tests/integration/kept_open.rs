//! HTTP/1.1 keep-alive: connections with several requests, and how they end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::{Context, Result};
use ws_host_test_support::{TestServer, handshake, open_stream};

use crate::responses::{ACCEPTED, exchange, read, without_date};
use crate::static_files::folder_with;

fn kept(stream: &mut TcpStream, request: &str) -> Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes)?;
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.context("no length")?.parse()?];
    stream.read_exact(&mut body)?;
    without_date(&(head + std::str::from_utf8(&body)?))
}

const HEALTHY: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Keep-Alive: timeout=29\r\nContent-Length: 3\r\nDate: -\r\n\r\nok\n";

#[test]
fn requests_and_then_a_handshake_share_a_connection() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut stream = open_stream(server.address(), b"")?;
    for _ in 0..20 {
        assert_eq!(kept(&mut stream, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")?, HEALTHY);
    }
    let reply = "There is nothing at this path. There is a WebSocket resource at /.\n";
    assert_eq!(
        kept(&mut stream, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")?,
        format!(
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Keep-Alive: timeout=29\r\nContent-Length: {}\r\nDate: -\r\n\r\n{reply}",
            reply.len()
        )
    );
    // A proxy that keeps its connections open sends its clients' handshakes on them.
    stream.write_all(handshake("/", "").as_bytes())?;
    assert_eq!(read(&mut stream)?, ACCEPTED);
    Ok(())
}

/// The requests arrive in one write. The responses before the handshake must arrive in full.
#[test]
fn pipelined_handshake_waits_until_earlier_requests_are_answered() -> Result<()> {
    let long = "a".repeat(4 << 20);
    let (_folder, pages) = folder_with("long.txt", &long)?;
    let server = TestServer::with_arguments("echo", &["--static", &pages])?;
    let mut stream = open_stream(server.address(), b"")?;
    let all = format!(
        "GET /long.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n{}",
        handshake("/", "")
    );
    stream.write_all(all.as_bytes())?;
    let first = kept(&mut stream, "")?;
    assert!(first.ends_with(&long), "{}", first.len());
    assert_eq!(kept(&mut stream, "")?, HEALTHY);
    assert_eq!(read(&mut stream)?, ACCEPTED);
    Ok(())
}

#[test]
fn connection_close_is_honoured() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let request = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let expected = HEALTHY.replace("Keep-Alive: timeout=29", "Connection: close");
    let reply = exchange(&server, request)?;
    // The order of the headers is up to the HTTP library.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&reply), sorted(&expected));
    Ok(())
}

/// Bodies are not read, so the connection cannot be reused, and the response must say so.
#[test]
fn request_with_a_body_is_the_last_on_its_connection() -> Result<()> {
    let server = TestServer::serving("echo")?;
    for framing in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Content-Length: 5\r\nExpect: 100-continue",
    ] {
        let mut stream = open_stream(
            server.address(),
            format!("POST /healthz HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n").as_bytes(),
        )?;
        let reply = read(&mut stream)?;
        assert!(reply.contains("\r\nConnection: close\r\n"), "{reply}");
        assert!(!reply.contains("Keep-Alive"), "{reply}");
    }
    Ok(())
}

/// `nc -N` does this, as does any client that shuts down writing after its last request.
#[test]
fn client_that_shuts_down_writing_after_the_request_gets_the_whole_response() -> Result<()> {
    let long = "a".repeat(4 << 20);
    let (_folder, pages) = folder_with("long.txt", &long)?;
    let server = TestServer::with_arguments("echo", &["--static", &pages])?;
    for (path, status, length) in
        [("/long.txt", 200, long.len()), ("/healthz", 200, 3), ("/nothing", 404, 67), ("/", 426, 0)]
    {
        for _ in 0..10 {
            let mut stream = open_stream(
                server.address(),
                format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
            )?;
            stream.shutdown(Shutdown::Write)?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply)?;
            let (head, body) = reply.split_once("\r\n\r\n").context("no head")?;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
            assert!(body.len() == length || length == 0, "{path}: {}", body.len());
        }
    }
    Ok(())
}

/// RFC 9112 §9.6: closing at once with bytes unread would reset the connection and lose the response.
#[test]
fn response_reaches_a_client_that_is_still_sending() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let body = "a".repeat(300_000);
    for (head, status) in [
        (handshake("/", &format!("Content-Length: {}\r\n", body.len())), "400"),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()), "426"),
        (
            format!("GET /?a=\"b\" HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()),
            "400",
        ),
        (format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000)), "431"),
    ] {
        for _ in 0..10 {
            let mut stream = open_stream(server.address(), head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
            let answer = read(&mut stream)?;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
    }
    Ok(())
}

//! Connections of HTTP/1.1 with more than one request, and how they end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::{Context, Result};
use ws_host_test_support::{DEADLINE, TestServer, handshake};

use crate::answers::{ACCEPTED, answer, read, without_date};

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
    let mut body = vec![0; length.context("a length")?.parse()?];
    stream.read_exact(&mut body)?;
    without_date(&(head + std::str::from_utf8(&body)?))
}

const HEALTHY: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Keep-Alive: timeout=29\r\nContent-Length: 3\r\nDate: -\r\n\r\nok\n";

#[test]
fn ordinary_requests_follow_one_another_and_a_handshake_follows_them() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(DEADLINE))?;
    for _ in 0..20 {
        assert_eq!(kept(&mut stream, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")?, HEALTHY);
    }
    let told = "Nothing is here. A WebSocket resource is at /.\n";
    assert_eq!(
        kept(&mut stream, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")?,
        format!(
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Keep-Alive: timeout=29\r\nContent-Length: {}\r\nDate: -\r\n\r\n{told}",
            told.len()
        )
    );
    // A proxy that keeps connections to us open sends its clients' handshakes on them.
    stream.write_all(handshake("/", "").as_bytes())?;
    assert_eq!(read(&mut stream)?, ACCEPTED);
    Ok(())
}

/// All in one go: the answers to the first are whole, and not lost when the last takes the connection over.
#[test]
fn handshake_behind_other_requests_waits_until_those_are_answered() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let long = "a".repeat(4 << 20);
    std::fs::write(folder.path().join("long.txt"), &long)?;
    let server = TestServer::with_arguments(
        "echo",
        &["--static", folder.path().to_str().context("UTF-8")?],
    )?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(DEADLINE))?;
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
fn client_that_asks_for_it_is_closed_behind_the_answer() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let request = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let expected = HEALTHY.replace("Keep-Alive: timeout=29", "Connection: close");
    let told = answer(&server, request)?;
    // The HTTP library decides where the header stands.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&told), sorted(&expected));
    Ok(())
}

/// A body is not read: so the connection cannot be used again, and the answer must say so.
#[test]
fn request_with_a_body_is_told_that_it_was_the_last() -> Result<()> {
    let server = TestServer::serving("echo")?;
    for framing in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Content-Length: 5\r\nExpect: 100-continue",
    ] {
        let mut stream = TcpStream::connect(server.address())?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(
            format!("POST /healthz HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n").as_bytes(),
        )?;
        let told = read(&mut stream)?;
        assert!(told.contains("\r\nConnection: close\r\n"), "{told}");
        assert!(!told.contains("Keep-Alive"), "{told}");
    }
    Ok(())
}

/// As `nc -N` does, and whoever shuts its side down behind the last request.
#[test]
fn client_that_closes_its_side_behind_the_request_gets_the_whole_answer() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let long = "a".repeat(4 << 20);
    std::fs::write(folder.path().join("long.txt"), &long)?;
    let pages = folder.path().to_str().context("UTF-8")?;
    let server = TestServer::with_arguments("echo", &["--static", pages])?;
    for (path, status, length) in
        [("/long.txt", 200, long.len()), ("/healthz", 200, 3), ("/nothing", 404, 47), ("/", 426, 0)]
    {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(server.address())?;
            stream.set_read_timeout(Some(DEADLINE))?;
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            let mut told = String::new();
            stream.read_to_string(&mut told)?;
            let (head, body) = told.split_once("\r\n\r\n").context("a head")?;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
            assert!(body.len() == length || length == 0, "{path}: {}", body.len());
        }
    }
    Ok(())
}

/// RFC 9112 §9.6: closed at once, with bytes unread, the connection would be reset and the answer lost.
#[test]
fn answer_reaches_a_client_that_is_still_sending() -> Result<()> {
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
            let mut stream = TcpStream::connect(server.address())?;
            stream.set_read_timeout(Some(DEADLINE))?;
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
            let answer = read(&mut stream)?;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
    }
    Ok(())
}

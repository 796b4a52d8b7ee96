//! The headers that handlers see, over HTTP/1.1 and HTTP/2.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, handshake};

use crate::streams::{Connection, END_HEADERS, HEADERS, headers, websocket};

/// Header lines of a request.
type Lines<'a> = &'a [(&'a str, &'a str)];

/// Returns the header `name` as the handler sees it, over HTTP/1.1 and over HTTP/2.
fn header_seen(server: &TestServer, lines: Lines<'_>, name: &str) -> Result<[String; 2]> {
    let more: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (mut client, response) = Client::open(server.address(), &handshake("/", &more))?;
    ensure!(response.status == 101, "refused: {response:?}");
    let question = format!("header {name}");
    let mut connection = Connection::begin(server.address())?;
    let request = [websocket("/"), headers(lines)].concat();
    connection.send(HEADERS, END_HEADERS, 1, &request)?;
    connection.wait_for(HEADERS, 1)?;
    Ok([client.ask(&question)?, connection.ask(1, &question)?])
}

#[test]
fn cookie_lines_are_joined() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let crumbs = [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "session=abc")];
    assert_eq!(header_seen(&server, &crumbs, "cookie")?, ["a=1; session=abc"; 2]);
    Ok(())
}

#[test]
fn lines_of_a_known_list_are_joined_and_others_stay_apart() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let lines = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-tag", "a"),
        ("x-forwarded-for", "192.0.2.2, 192.0.2.3"),
        ("x-tag", "b"),
    ];
    let expected = ["192.0.2.1, 192.0.2.2, 192.0.2.3"; 2];
    assert_eq!(header_seen(&server, &lines, "x-forwarded-for")?, expected);
    assert_eq!(header_seen(&server, &lines, "x-tag")?, ["a | b"; 2]);
    Ok(())
}

#[test]
fn repeated_singleton_header_is_400() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--origin", "any"])?;
    for (name, one, other) in [
        ("Origin", "http://localhost", "http://evil.example"),
        ("Authorization", "Bearer a", "Bearer b"),
        ("X-Forwarded-Host", "a.example", "b.example"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Host", "localhost", "evil.example"),
    ] {
        let twice = format!("{name}: {one}\r\n{name}: {other}\r\n");
        let response = Response::to(server.address(), &handshake("/", &twice))?;
        assert_eq!(response.status, 400, "{response:?}");
        assert!(response.body.contains(&format!("the {name} header")), "{response:?}");
        let name = name.to_ascii_lowercase();
        let mut connection = Connection::begin(server.address())?;
        let request = [websocket("/"), headers(&[(&name, one), (&name, other)])].concat();
        connection.send(HEADERS, END_HEADERS, 1, &request)?;
        let response = connection.wait_for(HEADERS, 1)?;
        // Status 400 as an index into the static table (RFC 7541, appendix A).
        assert_eq!(response.payload.first(), Some(&0x8c), "{name}: {response:02x?}");
    }
    Ok(())
}

#[test]
fn host_of_an_absolute_target_overrides_the_header() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let request = |origin: &str| {
        let origin = format!("Origin: {origin}\r\n");
        handshake("ws://a.example:8080/", &origin).replace("localhost", "b.example")
    };
    let own = request("http://a.example:8080");
    let (mut client, response) = Client::open(server.address(), &own)?;
    assert_eq!(response.status, 101, "{response:?}");
    assert_eq!(client.ask("header host")?, "a.example:8080");
    let response = Response::to(server.address(), &request("http://b.example"))?;
    assert_eq!(response.status, 403, "{response:?}");
    let without = own.replace("Host: b.example\r\n", "");
    let response = Response::to(server.address(), &without)?;
    assert_eq!(response.status, 400, "{response:?}");
    Ok(())
}

#[test]
fn host_may_end_in_a_colon_without_a_port() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let origin = "Origin: http://127.0.0.1\r\n";
    let request = handshake("/", origin).replace("Host: localhost", "Host: 127.0.0.1:");
    let (mut client, response) = Client::open(server.address(), &request)?;
    assert_eq!(response.status, 101, "{response:?}");
    assert_eq!(client.ask("header host")?, "127.0.0.1:");
    Ok(())
}

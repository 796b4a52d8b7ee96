//! Clients that speak drafts of the protocol from before RFC 6455.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, handshake};

const ALL: [&str; 2] = ["--drafts", "13,8,7,0"];

fn with_version(version: u16, headers: &str) -> String {
    handshake("/", headers).replace("Version: 13", &format!("Version: {version}"))
}

#[test]
fn drafts_07_and_08_work_like_the_rfc() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &ALL)?;
    for version in [7, 8] {
        let (mut client, response) = Client::open(server.address(), &with_version(version, ""))?;
        assert_eq!(response.status, 101, "{response:?}");
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        let reply = client.ask("request")?;
        assert!(reply.contains(&format!("version: {version},")), "{reply}");
        client.close()?;
    }
    Ok(())
}

#[test]
fn drafts_07_and_08_have_their_own_origin_header() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &ALL)?;
    let evil = "Sec-WebSocket-Origin: http://evil.example\r\n";
    let good = "Sec-WebSocket-Origin: http://localhost\r\n";
    for version in [7, 8] {
        let response = Response::to(server.address(), &with_version(version, evil))?;
        assert_eq!(response.status, 403, "{response:?}");
        let (mut client, _) = Client::open(server.address(), &with_version(version, good))?;
        assert!(client.ask("request")?.contains("http://localhost"));
    }
    Ok(())
}

#[test]
fn drafts_are_refused_unless_enabled() -> Result<()> {
    let server = TestServer::serving("echo")?;
    for version in [0, 7, 8, 12] {
        let response = Response::to(server.address(), &with_version(version, ""))?;
        assert_eq!(response.status, 426, "{response:?}");
        assert_eq!(response.header("sec-websocket-version"), Some("13"));
    }
    let server = TestServer::with_arguments("echo", &["--path", "/demo"])?;
    let refused = Response::to(server.address(), HIXIE)?;
    assert_eq!(refused.status, 426, "{refused:?}");
    let server = TestServer::with_arguments("echo", &ALL)?;
    let response = Response::to(server.address(), &with_version(12, ""))?;
    assert_eq!(response.header("sec-websocket-version"), Some("13, 8, 7"));
    Ok(())
}

/// The first example of the draft.
const HIXIE: &str = "GET /demo HTTP/1.1\r\n\
    Host: example.com\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
    Sec-WebSocket-Protocol: sample\r\n\
    Upgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Origin: http://example.com\r\n\r\n\
    ^n:ds[4U";

const PROOF: &[u8] = b"8jKS'y:G*Co,Wxa-";

fn hixie(guest: &str, more: &[&str]) -> Result<(TestServer, TcpStream)> {
    let flags = [&["--path", "/demo"], &ALL[..], more].concat();
    let server = TestServer::with_arguments(guest, &flags)?;
    let stream = open(&server)?;
    Ok((server, stream))
}

fn open(server: &TestServer) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(HIXIE.as_bytes())?;
    let (mut client, response) = Client::after(stream)?;
    ensure!(response.status == 101, "{response:?}");
    let mut proof = [0; 16];
    client.stream().read_exact(&mut proof)?;
    ensure!(proof == PROOF, "{:?}", String::from_utf8_lossy(&proof));
    Ok(client.stream().try_clone()?)
}

fn receive(stream: &mut TcpStream, expected: &[u8]) -> Result<()> {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes)?;
    ensure!(bytes == expected, "{:?}", String::from_utf8_lossy(&bytes));
    Ok(())
}

/// Receives the next text of draft 00.
fn receive_text(stream: &mut TcpStream) -> Result<String> {
    receive(stream, b"\0")?;
    let mut text = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match byte {
            [0xff] => return Ok(String::from_utf8(text)?),
            [other] => text.push(other),
        }
    }
}

fn expect_end(stream: &mut TcpStream) -> Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest)?;
    ensure!(rest.is_empty(), "{rest:02x?}");
    Ok(())
}

#[test]
fn draft_00_gets_the_response_of_its_own_example() -> Result<()> {
    let flags = [&["--path", "/demo", "--subprotocol", "sample"], &ALL[..]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    let mut stream = TcpStream::connect(server.address())?;
    // The challenge may arrive after the head.
    let (head, challenge) = HIXIE.split_at(HIXIE.len() - 5);
    stream.write_all(head.as_bytes())?;
    stream.write_all(challenge.as_bytes())?;
    let (mut client, response) = Client::after(stream)?;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("upgrade"), Some("WebSocket"));
    assert_eq!(response.header("sec-websocket-origin"), Some("http://example.com"));
    assert_eq!(response.header("sec-websocket-location"), Some("ws://example.com/demo"));
    assert_eq!(response.header("sec-websocket-protocol"), Some("sample"));
    receive(client.stream(), PROOF)?;
    client.send(b"\0hello\xff")?;
    receive(client.stream(), b"\0hello\xff")
}

#[test]
fn messages_of_draft_00_go_both_ways_and_it_closes_in_its_own_way() -> Result<()> {
    let (mut server, mut stream) = hixie("guest-recording", &[])?;
    stream.write_all(b"\0gr\xc3\xbcezi\xff\0who\xff")?;
    assert!(receive_text(&mut stream)?.starts_with("client "));
    stream.write_all(b"\xff\0")?;
    receive(&mut stream, b"\xff\0")?;
    expect_end(&mut stream)?;
    // Draft 00 has no close codes.
    server.wait_for_log("disconnected 1005 \"\" clean true sent None")?;
    Ok(())
}

#[test]
fn handler_sees_draft_00_and_gets_errors_for_what_it_lacks() -> Result<()> {
    let (_server, mut stream) = hixie("guest-frames", &[])?;
    stream.write_all(b"\x002 abcd\xff")?;
    // Draft 00 has neither fragments nor binary messages.
    receive(&mut stream, b"\0abcd\xff")?;
    receive(&mut stream, b"\0the client's draft of the protocol has no such messages\xff")?;
    let (_server, mut stream) = hixie("guest-about", &[])?;
    stream.write_all(b"\0request\xff")?;
    let reply = receive_text(&mut stream)?;
    assert!(reply.contains("version: 0,") && reply.contains("http://example.com"), "{reply}");
    Ok(())
}

#[test]
fn clients_of_drafts_and_of_the_rfc_share_a_resource() -> Result<()> {
    let (server, mut old) = hixie("chat", &[])?;
    let mut new = Client::connect_to(&server, "/demo")?;
    let mut greeting = [0; 1];
    old.read_exact(&mut greeting)?;
    assert_eq!(greeting, [0]);
    new.receive_text()?;
    Ok(())
}

#[test]
fn challenge_of_draft_00_may_have_a_content_length() -> Result<()> {
    let flags = [&["--path", "/demo"], &ALL[..]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    let announced = |length| HIXIE.replace("Host:", &format!("Content-Length: {length}\r\nHost:"));
    // In one write, cut within the challenge, and cut within the frame that follows it.
    for cut in [0, 13, 5] {
        let request = [announced("8").as_bytes(), b"\0hello\xff"].concat();
        let (now, later) = request.split_at(request.len() - cut);
        let mut stream = TcpStream::connect(server.address())?;
        stream.set_nodelay(true)?;
        stream.write_all(now)?;
        stream.write_all(later)?;
        let (mut client, response) = Client::after(stream)?;
        assert_eq!(response.status, 101, "{response:?}");
        receive(client.stream(), PROOF)?;
        receive(client.stream(), b"\0hello\xff")?;
    }
    for length in ["7", "9", "16"] {
        let request = format!("{}12345678", announced(length));
        assert_eq!(Response::to_head(server.address(), &request)?.status, 400, "{length}");
    }
    Ok(())
}

#[test]
fn key_of_drafts_07_and_08_may_have_another_length() -> Result<()> {
    let server = TestServer::with_arguments("echo", &ALL)?;
    let request = |version| {
        with_version(version, "").replace("dGhlIHNhbXBsZSBub25jZQ==", "MTMtMTMyMDAwMDAwMDAw")
    };
    for version in [7, 8] {
        let (mut client, response) = Client::open(server.address(), &request(version))?;
        assert_eq!(response.status, 101, "{response:?}");
        assert_eq!(response.header("sec-websocket-accept"), Some("n63K0IcO+HPdW8x1EKCocqRmyxs="));
        assert_eq!(client.ask("hello")?, "hello");
    }
    assert_eq!(Response::to(server.address(), &request(13))?.status, 400);
    Ok(())
}

#[test]
fn truncated_or_wrong_challenges_are_refused() -> Result<()> {
    let flags = [&["--path", "/demo", "--handshake-timeout", "300ms"], &ALL[..]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    let mut there = open(&server)?;
    for (wrong, right) in [
        ("4 @1  46546xW%0l 1 5", "4@146546xW%0l15"),
        ("4 @1  46546xW%0l 1 5", "4 @1  46546xW%0l 1 6"),
        ("4 @1  46546xW%0l 1 5", "no numbers at all"),
        ("4 @1  46546xW%0l 1 5", "9 9999999999999999999999"),
    ] {
        let response = Response::to(server.address(), &HIXIE.replace(wrong, right))?;
        assert_eq!(response.status, 400, "{right}: {response:?}");
    }
    // Three of the eight bytes never arrive: the handshake times out, or the client gives up.
    let truncated = &HIXIE[..HIXIE.len() - 3];
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(truncated.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    assert!(!response.contains("101"), "{response}");
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(truncated.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_to_string(&mut response)?;
    assert!(!response.contains("101"), "{response}");
    // Other clients are not affected.
    there.write_all(b"\0still here\xff")?;
    receive(&mut there, b"\0still here\xff")
}

#[test]
fn invalid_or_too_long_frames_fail_a_connection_of_draft_00() -> Result<()> {
    let server = {
        let flags = [&["--path", "/demo", "--max-message", "16"], &ALL[..]].concat();
        TestServer::with_arguments("echo", &flags)?
    };
    let mut there = open(&server)?;
    for bytes in [
        b"\x80\x05hello".as_slice(),
        b"\xff\x01x",
        b"\0\xc3\x28\xff",
        b"\0seventeen bytes!!\xff",
        b"\x01seventeen bytes!!\xff",
    ] {
        let mut stream = open(&server)?;
        stream.write_all(bytes)?;
        receive(&mut stream, b"\xff\0")?;
        expect_end(&mut stream)?;
    }
    there.write_all(b"\0still here\xff")?;
    receive(&mut there, b"\0still here\xff")
}

#[test]
fn flash_policy_is_served_on_the_same_port() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("policy.xml");
    std::fs::write(&file, "<cross-domain-policy/>")?;
    let file = file.to_str().unwrap_or_default();
    let server = TestServer::with_arguments("echo", &["--flash-policy", file])?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"<policy-")?;
    stream.write_all(b"file-request/>\0")?;
    receive(&mut stream, b"<cross-domain-policy/>\0")?;
    expect_end(&mut stream)?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    // Anything else in angle brackets is parsed as HTTP.
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"<something-else-that-is-long/>\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    Ok(())
}

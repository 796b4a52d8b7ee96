//! Opening handshakes, refused and accepted (RFC 6455 §4).

use anyhow::Result;
use std::io::Write;
use ws_host_test_support::{Client, Response, TestServer, handshake, masked_frame};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Returns a valid handshake with one line replaced.
fn with(line: &str, replacement: &str) -> String {
    let good = handshake("/", "");
    assert!(good.contains(line), "{line:?} is not in the handshake");
    good.replace(line, replacement)
}

#[track_caller]
fn refused(request: &str, status: u16, word: &str) -> Response {
    let server = TestServer::serving("echo").expect("the server starts");
    let response = Response::to(server.address(), request).expect("the response is complete");
    assert_eq!(response.status, status, "{response:?}");
    assert!(response.body.contains(word), "{word:?} is not in {response:?}");
    assert_eq!(response.header("content-length"), Some(response.body.len().to_string().as_str()));
    assert!(
        response.header("connection").is_some_and(|value| value.contains("close")),
        "{response:?}"
    );
    response
}

#[test]
fn accept_key_is_that_of_the_rfc() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (_client, response) = Client::open(server.address(), &handshake("/", ""))?;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(response.header("sec-websocket-protocol"), None);
    assert_eq!(response.header("sec-websocket-extensions"), None);
    Ok(())
}

#[test]
fn header_lists_and_any_case_are_understood() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let request = with("Connection: Upgrade", "connection: keep-alive, uPGRADE")
        .replace("Upgrade: websocket", "upgrade: h2c, WebSocket")
        .replace("Version: 13", "Version: 8, 13");
    let (mut client, response) = Client::open(server.address(), &request)?;
    assert_eq!(response.status, 101, "{response:?}");
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn absolute_uri_is_understood() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let request = with("GET / ", "GET ws://localhost/ ");
    let (mut client, response) = Client::open(server.address(), &request)?;
    assert_eq!(response.status, 101, "{response:?}");
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn bytes_right_after_the_handshake_are_frames() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut stream = std::net::TcpStream::connect(server.address())?;
    let together = [handshake("/", "").as_bytes(), &masked_frame(0x81, b"eager")].concat();
    stream.write_all(&together)?;
    let (mut client, response) = Client::after(stream)?;
    assert_eq!(response.status, 101);
    assert_eq!(client.receive_text()?, "eager");
    Ok(())
}

#[test]
fn response_to_a_plain_request_explains_how_to_upgrade() {
    let response = refused("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "new WebSocket");
    assert_eq!(response.header("upgrade"), Some("websocket"));
}

#[test]
fn other_path_is_not_found() {
    refused(&handshake("/nowhere", ""), 404, "There is one at /");
    let ordinary = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    refused(ordinary, 404, "WebSocket resource at /");
}

#[test]
fn response_to_another_version_lists_the_right_one() {
    let response = refused(&with("Version: 13", "Version: 8"), 426, "13");
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
    refused(&with("Sec-WebSocket-Version: 13\r\n", ""), 400, "Sec-WebSocket-Version");
}

#[test]
fn method_must_be_get() {
    let response = refused(&with("GET", "POST"), 405, "GET");
    assert_eq!(response.header("allow"), Some("GET"));
}

#[test]
fn http_must_be_1_1() {
    refused(&with("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1");
}

#[test]
fn connection_must_upgrade() {
    refused(&with("Connection: Upgrade", "Connection: keep-alive"), 400, "Connection");
}

#[test]
fn host_must_appear_once() {
    refused(&with("Host: localhost\r\n", ""), 400, "host");
    refused(&with("Host: localhost\r\n", "Host: a\r\nHost: b\r\n"), 400, "Host");
}

#[test]
fn key_must_appear_once_with_16_bytes() {
    refused(&with(KEY, ""), 400, "Sec-WebSocket-Key");
    refused(&with(KEY, "Sec-WebSocket-Key: c2hvcnQ=\r\n"), 400, "16 bytes");
    refused(&with(KEY, &format!("{KEY}{KEY}")), 400, "is repeated");
}

#[test]
fn body_is_refused() {
    refused(&handshake("/", "Content-Length: 5\r\n"), 400, "body");
    refused(&handshake("/", "Transfer-Encoding: chunked\r\n"), 400, "body");
}

#[test]
fn page_of_another_host_is_refused_and_one_of_the_same_host_is_not() -> Result<()> {
    refused(&handshake("/", "Origin: https://evil.example\r\n"), 403, "--origin");
    refused(&handshake("/", "Origin: null\r\n"), 403, "origin");
    refused(&handshake("/", "Origin: http://localhost.evil.example\r\n"), 403, "origin");
    let server = TestServer::serving("echo")?;
    let (_, response) =
        Client::open(server.address(), &handshake("/", "Origin: http://localhost\r\n"))?;
    assert_eq!(response.status, 101);
    Ok(())
}

#[test]
fn listed_origin_is_accepted() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--origin", "https://app.example.com"])?;
    let answer = |origin: &str| -> Result<u16> {
        let request = handshake("/", &format!("Origin: {origin}\r\n"));
        Ok(Client::open(server.address(), &request)?.1.status)
    };
    assert_eq!(answer("https://app.example.com")?, 101);
    assert_eq!(answer("https://app.example.com.evil.org")?, 403);
    Ok(())
}

#[test]
fn handler_rejects_clients_with_its_own_status() -> Result<()> {
    let server = TestServer::serving("guest-choosy")?;
    let response = Response::to(server.address(), &handshake("/?reject=451", ""))?;
    assert_eq!((response.status, response.body.as_str()), (451, "go away\n"));
    // RFC 9110 §15.4.5: a 304 has no content.
    let response = Response::to(server.address(), &handshake("/?reject=304", ""))?;
    assert_eq!((response.status, response.body.as_str()), (304, ""));
    assert_eq!(response.header("content-length"), None);
    // Not statuses at all, or one that would claim success.
    for status in ["17", "200", "999"] {
        let response =
            Response::to(server.address(), &handshake(&format!("/?reject={status}"), ""))?;
        assert_eq!(response.status, 500, "{response:?}");
    }
    Ok(())
}

#[test]
fn rejection_may_have_any_header_and_body() -> Result<()> {
    let server = TestServer::serving("guest-choosy")?;
    let response = Response::to(server.address(), &handshake("/?redirect=/login", ""))?;
    assert_eq!((response.status, response.header("location")), (302, Some("/login")));
    let response = Response::to(server.address(), &handshake("/?page=no", ""))?;
    assert_eq!((response.status, response.body.as_str()), (403, "<p>no</p>\n"));
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    for forbidden in ["connection", "content-length", "not(a)name"] {
        let request = handshake(&format!("/?reject-with-header={forbidden}"), "");
        let response = Response::to(server.address(), &request)?;
        assert_eq!((response.status, response.body.as_str()), (500, "The handler failed.\n"));
    }
    Ok(())
}

#[test]
fn handler_chooses_an_offered_subprotocol_only() -> Result<()> {
    let server = TestServer::serving("guest-choosy")?;
    let offer = "Sec-WebSocket-Protocol: soap, wamp\r\n";
    let (mut client, response) =
        Client::open(server.address(), &handshake("/?subprotocol=wamp", offer))?;
    assert_eq!(response.header("sec-websocket-protocol"), Some("wamp"));
    assert_eq!(client.receive_text()?, "welcome");
    let response = Response::to(server.address(), &handshake("/?subprotocol=mqtt", offer))?;
    assert_eq!(response.status, 500, "{response:?}");
    Ok(())
}

#[test]
fn duplicate_subprotocol_offers_are_merged() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let offer = "Sec-WebSocket-Protocol: soap, wamp\r\nSec-WebSocket-Protocol: soap\r\n";
    let (mut client, response) = Client::open(server.address(), &handshake("/", offer))?;
    assert_eq!(response.status, 101, "{response:?}");
    let request: String = client.ask("request")?.split_whitespace().collect();
    assert!(request.contains("subprotocols:[\"soap\",\"wamp\",]"), "{request}");
    assert_eq!(client.ask("header sec-websocket-protocol")?, "soap, wamp, soap");
    Ok(())
}

#[test]
fn handler_adds_headers_but_not_those_of_the_handshake() -> Result<()> {
    let server = TestServer::serving("guest-choosy")?;
    let (_, response) = Client::open(server.address(), &handshake("/?header=x-test", ""))?;
    assert_eq!(response.header("x-test"), Some("set"));
    for forbidden in ["connection", "Sec-WebSocket-Accept", "content-length", "not(a)name"] {
        let request = handshake(&format!("/?header={forbidden}"), "");
        let response = Response::to(server.address(), &request)?;
        assert_eq!(response.status, 500, "{forbidden}: {response:?}");
    }
    // A line feed in a value would inject another header.
    assert_eq!(Response::to(server.address(), &handshake("/?value=0a", ""))?.status, 500);
    Ok(())
}

#[test]
fn messages_sent_in_connected_follow_the_handshake() -> Result<()> {
    let server = TestServer::serving("guest-choosy")?;
    assert_eq!(Client::connect(&server)?.receive_text()?, "welcome");
    Ok(())
}

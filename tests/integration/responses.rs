//! HTTP/1.1 responses, compared byte for byte: some clients depend on more of them than they should.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use ws_host_test_support::{Client, TestServer, handshake, open_stream};

use crate::encrypted::Authority;

/// Sends a request and returns the response up to the end of the connection, or up to the end of a 101. Blanks out
/// the date.
pub(crate) fn exchange(server: &TestServer, request: &str) -> Result<String> {
    let mut stream = open_stream(server.address(), request.as_bytes())?;
    read(&mut stream)
}

pub(crate) fn read(stream: &mut impl Read) -> Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte)? > 0 {
        bytes.push(byte[0]);
        if bytes.starts_with(b"HTTP/1.1 101 ") && bytes.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    without_date(&String::from_utf8(bytes)?)
}

/// Replaces the date of a response, after checking that it is there in the preferred form (RFC 9110 §5.6.7). A 101
/// has none.
pub(crate) fn without_date(response: &str) -> Result<String> {
    if response.starts_with("HTTP/1.1 101 ") {
        return Ok(response.to_owned());
    }
    let (before, dated) =
        response.split_once("Date: ").with_context(|| format!("no date in {response:?}"))?;
    let (date, after) = dated.split_once("\r\n").context("no line")?;
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    Ok(format!("{before}Date: -\r\n{after}"))
}

/// The response to the handshake that these tests send.
pub(crate) const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";

#[test]
fn handshake_response_has_the_form_of_the_rfc() -> Result<()> {
    let server = TestServer::serving("echo")?;
    assert_eq!(exchange(&server, &handshake("/", ""))?, ACCEPTED);
    Ok(())
}

#[test]
fn response_lists_everything_that_was_negotiated() -> Result<()> {
    let server = TestServer::with_arguments(
        "guest-choosy",
        &["--compression", "messages", "--subprotocol", "wamp"],
    )?;
    let request = handshake(
        "/?header=x-test",
        "Sec-WebSocket-Protocol: soap, wamp\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
    );
    assert_eq!(
        exchange(&server, &request)?,
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: wamp\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
         client_no_context_takeover\r\n\
         X-Test: set\r\n\
         \r\n"
    );
    Ok(())
}

#[test]
fn drafts_get_responses_in_their_own_form() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--drafts", "13,8,7,0"])?;
    for version in ["7", "8"] {
        let request = handshake("/", "").replace("Version: 13", &format!("Version: {version}"));
        assert_eq!(exchange(&server, &request)?, ACCEPTED);
    }
    let draft00 = "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Key1: 3e6b263  4 17 80\r\nSec-WebSocket-Key2: 17  9 G`ZD9   2 2b 7X 3 /r90\r\n\
        Origin: http://localhost\r\n\r\nWjN}|M(6";
    let server = TestServer::with_arguments("echo", &["--drafts", "0", "--path", "/chat"])?;
    assert_eq!(
        exchange(&server, draft00)?,
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: WebSocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Location: ws://localhost/chat\r\n\
         Sec-WebSocket-Origin: http://localhost\r\n\
         \r\n"
    );
    Ok(())
}

#[test]
fn refusals_say_what_is_wrong_and_close() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let text = |body: &str| {
        format!(
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nDate: -\r\n\r\n{body}",
            body.len()
        )
    };
    let good = handshake("/", "");
    for (request, expected) in [
        (
            good.replace("Version: 13", "Version: 12"),
            format!(
                "HTTP/1.1 426 Upgrade Required\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\n{}",
                text(
                    "this version of the WebSocket protocol is not supported; supported \
                      Sec-WebSocket-Version: 13\n"
                )
            ),
        ),
        (
            handshake("/", "Origin: https://evil.example\r\n"),
            format!(
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n{}",
                text(
                    "Pages of this origin may not connect. Allow the origin with --origin, or with \
                      `origins` in the configuration.\n"
                )
            ),
        ),
        (
            good.replace("GET", "POST"),
            format!(
                "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n{}",
                text("a WebSocket handshake must be a GET request\n")
            ),
        ),
        (
            good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            format!(
                "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n{}",
                text("the Sec-WebSocket-Key header is missing\n")
            ),
        ),
        (
            good.replace("GET / ", "GET /?a=\"b\" "),
            refused_head(
                "400 Bad Request",
                "The request target contains '\"', which must be percent-encoded as %22.\n",
            ),
        ),
        (
            good.replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "a".repeat(20_000))),
            refused_head(
                "431 Request Header Fields Too Large",
                "The request line and the headers are longer than 16384 bytes (max-header-size).\n",
            ),
        ),
        (
            good.replace("\r\n\r\n", &format!("\r\n{}\r\n", "X: a\r\n".repeat(100))),
            refused_head(
                "431 Request Header Fields Too Large",
                "The request has more than 100 headers (max-headers).\n",
            ),
        ),
        (
            "\u{16}\u{3}\u{1}nothing\r\n\r\n".to_owned(),
            refused_head("400 Bad Request", "This is not an HTTP/1.1 request: invalid token.\n"),
        ),
    ] {
        assert_eq!(exchange(&server, &request)?, expected, "{request}");
    }
    let nowhere = handshake("/nowhere", "");
    let reply = "There is no WebSocket resource at this path. There is one at /.\n";
    let expected = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\
         Content-Length: {}\r\nDate: -\r\n\r\n{reply}",
        reply.len()
    );
    assert_eq!(exchange(&server, &nowhere)?, expected);
    Ok(())
}

/// Covers every rule of the handshake that a client can break.
#[test]
fn each_refusal_names_the_rule() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let good = handshake("/", "");
    let without = |line: &str| good.replace(&format!("{line}\r\n"), "");
    let with = |line: &str| handshake("/", &format!("{line}\r\n"));
    for (request, body) in [
        (
            without("Host: localhost"),
            "the host is missing or malformed, or the request names two different hosts",
        ),
        (
            good.replace("Host: localhost", "Host: a b"),
            "the host is missing or malformed, or the request names two different hosts",
        ),
        (with("Host: localhost"), "the Host header is repeated"),
        (
            good.replace("Connection: Upgrade", "Connection: close"),
            "the Connection header lacks \"Upgrade\"",
        ),
        (good.replace("HTTP/1.1", "HTTP/1.0"), "a WebSocket handshake needs HTTP/1.1 or later"),
        (with("Content-Length: 1"), "a WebSocket handshake request must not have a body"),
        (with("Transfer-Encoding: chunked"), "a WebSocket handshake request must not have a body"),
        (
            good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
            "the Sec-WebSocket-Key header is not the base64 form of 16 bytes",
        ),
        (with("Authorization: a\r\nAuthorization: b"), "the Authorization header is repeated"),
        (
            with("Sec-WebSocket-Protocol: a b"),
            "the Sec-WebSocket-Protocol header is not a list of tokens",
        ),
        (
            with("Sec-WebSocket-Extensions: permessage-deflate;"),
            "the Sec-WebSocket-Extensions header is not a list of extensions",
        ),
    ] {
        let expected = format!(
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nDate: -\r\n\r\n{body}\n",
            body.len() + 1
        );
        assert_eq!(exchange(&server, &request)?, expected, "{request}");
    }
    // RFC 6455 §4.4: this response lists the supported versions.
    let reply = exchange(&server, &without("Sec-WebSocket-Version: 13"))?;
    let expected = "HTTP/1.1 400 Bad Request\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 44\r\n\
        Date: -\r\n\r\nthe Sec-WebSocket-Version header is missing\n";
    assert_eq!(reply, expected);
    Ok(())
}

#[test]
fn refusals_by_the_handler_and_by_limits_have_the_same_form() -> Result<()> {
    let server = TestServer::with_arguments("guest-choosy", &["--max-clients", "1"])?;
    let expected = |status: &str, more: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n{more}Connection: close\r\n\
             Content-Length: {}\r\nDate: -\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(
        exchange(&server, &handshake("/?reject=451", ""))?,
        expected("451 Unavailable For Legal Reasons", "", "go away\n")
    );
    assert_eq!(
        exchange(&server, &handshake("/?reject=17", ""))?,
        expected("500 Internal Server Error", "", "The handler failed.\n")
    );
    let _client = Client::connect(&server)?;
    assert_eq!(
        exchange(&server, &handshake("/", ""))?,
        expected(
            "503 Service Unavailable",
            "Retry-After: 5\r\n",
            "The server has no room for another client.\n"
        )
    );
    Ok(())
}

/// Returns the response to a request whose head cannot be parsed.
fn refused_head(status: &str, reply: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\
         Content-Length: {}\r\nDate: -\r\n\r\n{reply}",
        reply.len()
    )
}

#[test]
fn plain_request_to_a_resource_explains_how_to_connect() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let respond_to = |method: &str| {
        exchange(&server, &format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    };
    let (head, body) = {
        let response = respond_to("GET")?;
        let (head, body) = response.split_once("\r\n\r\n").context("no head")?;
        (head.to_owned(), body.to_owned())
    };
    assert_eq!(
        head,
        format!(
            "HTTP/1.1 426 Upgrade Required\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\nDate: -",
            body.len()
        )
    );
    assert!(body.contains("new WebSocket"), "{body}");
    // RFC 9110 §9.3.2: a HEAD response has the same headers and no body.
    assert_eq!(respond_to("HEAD")?, format!("{head}\r\n\r\n"));
    Ok(())
}

#[test]
fn responses_over_tls_are_the_same() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    let mut stream = authority.ask().connect(server.address())?;
    stream.write_all(handshake("/", "").as_bytes())?;
    assert_eq!(read(&mut stream)?, ACCEPTED);
    let mut stream = authority.ask().connect(server.address())?;
    stream.write_all(handshake("/nowhere", "").as_bytes())?;
    assert!(read(&mut stream)?.starts_with("HTTP/1.1 404 Not Found\r\nContent-Type: "));
    Ok(())
}

/// RFC 9112 §3.2: the rule also covers requests that ask for no WebSocket.
#[test]
fn request_without_a_host_or_with_two_is_refused() -> Result<()> {
    let server = TestServer::serving("echo")?;
    for headers in ["", "Host: a\r\nHost: a\r\n"] {
        let reply = exchange(&server, &format!("GET /healthz HTTP/1.1\r\n{headers}\r\n"))?;
        assert!(reply.starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"), "{reply}");
        assert!(reply.to_lowercase().contains("host"), "{reply}");
    }
    // Old health probes ask like this.
    let reply = exchange(&server, "GET /healthz HTTP/1.0\r\n\r\n")?;
    assert!(reply.starts_with("HTTP/1.0 200 OK\r\n"), "{reply}");
    Ok(())
}

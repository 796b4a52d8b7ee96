//! The admin address: which requests it serves, and what idle connections there can do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, open_stream, poll_until, startup_error};

use crate::configured::{ask_admin, terminate};

/// Reads a response from a connection that stays open.
fn next_response(stream: &mut TcpStream) -> Result<Response> {
    let mut response = Response::read_head(stream)?;
    let length = response.header("content-length").context("no length")?.parse()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    response.body = String::from_utf8(body)?;
    Ok(response)
}

fn scrape(stream: &mut TcpStream) -> Result<Response> {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    next_response(stream)
}

#[test]
fn page_with_a_rebound_dns_name_is_refused() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let port = admin.port();
    let ask = |lines: &str| -> Result<u16> {
        let mut stream = open_stream(admin, b"")?;
        stream.write_all(format!("GET /clients HTTP/1.1\r\n{lines}\r\n").as_bytes())?;
        Ok(next_response(&mut stream)?.status)
    };
    // DNS rebinding: the name resolves to this address, so the browser treats the page as same-origin.
    for name in ["rebound.example.com", "localhost.example.com", "10.0.0.1", "0.0.0.0", "[::]"] {
        assert_eq!(ask(&format!("Host: {name}:{port}\r\n"))?, 403, "{name}");
        let page = format!("Host: {name}:{port}\r\nOrigin: http://{name}:{port}\r\n");
        assert_eq!(ask(&page)?, 403, "{name}");
    }
    for name in ["localhost", "admin.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
        assert_eq!(ask(&format!("Host: {name}:{port}\r\n"))?, 200, "{name}");
        assert_eq!(ask(&format!("Host: {name}\r\n"))?, 200, "{name}");
    }
    assert_eq!(ask("")?, 400);
    assert_eq!(ask("Host: localhost\r\nHost: rebound.example.com\r\n")?, 400);
    let response = Response::to(
        admin,
        "GET http://rebound.example.com/clients HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )?;
    assert_eq!(response.status, 403);
    assert!(response.body.contains("localhost"), "{response:?}");
    // Old health probes send no Host.
    assert_eq!(Response::to(admin, "GET /metrics HTTP/1.0\r\n\r\n")?.status, 200);
    Ok(())
}

#[test]
fn pages_of_other_origins_are_refused_and_same_origin_pages_are_not() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let ask = |lines: &str| -> Result<u16> {
        let mut stream = open_stream(admin, b"")?;
        let request = format!("GET /clients HTTP/1.1\r\nHost: {admin}\r\n{lines}\r\n");
        stream.write_all(request.as_bytes())?;
        Ok(next_response(&mut stream)?.status)
    };
    for line in [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: null",
        "Origin: http://example.com",
        "Origin: http://127.0.0.1:1",
        &format!("Origin: https://{admin}"),
        &format!("Origin: http://{admin}\r\nSec-Fetch-Site: cross-site"),
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site",
    ] {
        assert_eq!(ask(&format!("{line}\r\n"))?, 403, "{line}");
    }
    for line in [
        "Sec-Fetch-Site: none",
        "Sec-Fetch-Site: same-origin",
        &format!("Origin: http://{admin}\r\nSec-Fetch-Site: same-origin"),
    ] {
        assert_eq!(ask(&format!("{line}\r\n"))?, 200, "{line}");
    }
    Ok(())
}

#[test]
fn metrics_can_be_scraped_repeatedly_on_one_connection() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let mut stream = open_stream(admin, b"")?;
    for _ in 0..3 {
        let response = scrape(&mut stream)?;
        assert_eq!(response.status, 200);
        // People and simple clients expect this capitalization.
        assert!(response.head.contains("\r\nContent-Type: "), "{response:?}");
        assert!(response.head.contains("\r\nContent-Length: "), "{response:?}");
    }
    stream.write_all(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    assert_eq!(Response::read_head(&mut stream)?.status, 200);
    stream.write_all(b"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")?;
    let response = next_response(&mut stream)?;
    assert!(response.body.starts_with("echo: unchanged"), "{response:?}");
    stream.write_all(b"GET /reload HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let response = next_response(&mut stream)?;
    assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{response:?}");
    assert_eq!(scrape(&mut stream)?.status, 200);
    Ok(())
}

#[test]
fn idle_connections_do_not_block_the_admin_address() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let mut idle = Vec::new();
    for number in 0..200 {
        let mut stream = open_stream(admin, b"")?;
        match number % 3 {
            0 => {}
            // An incomplete request.
            1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc")?,
            // A request whose body never arrives.
            _ => stream.write_all(
                b"POST /resources/echo/topics/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
            )?,
        }
        idle.push(stream);
        if number % 50 == 0 {
            assert_eq!(scrape(&mut open_stream(admin, b"")?)?.status, 200);
        }
    }
    assert_eq!(ask_admin(admin, "GET /metrics", "", b"")?.status, 200);
    assert_eq!(ask_admin(admin, "POST /reload", "", b"")?.status, 200);
    // The connections that were idle longest were closed to make room.
    let mut rest = Vec::new();
    // Closed or reset, depending on what the server had left unread.
    let _ = idle[0].read_to_end(&mut rest);
    ensure!(rest.is_empty(), "{rest:?}");
    Ok(())
}

#[test]
fn slow_requests_do_not_block_the_metrics() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-sleep", &[])?;
    let mut client = Client::connect(&server)?;
    // Longer than any timeout of this test.
    client.send_text("sleep 50000")?;
    assert_eq!(client.receive_text()?, "before");
    // These requests wait for the handler, and the last of them for a permit.
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let mut stream = open_stream(admin, b"")?;
        stream.write_all(
            b"POST /resources/guest-sleep/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        )?;
        waiting.push(stream);
    }
    assert_eq!(scrape(&mut open_stream(admin, b"")?)?.status, 200);
    assert_eq!(scrape(&mut open_stream(admin, b"")?)?.status, 200);
    Ok(())
}

/// `nc -N` does this.
#[test]
fn client_that_shuts_down_writing_after_the_request_gets_the_response() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    for request in ["POST /reload", "GET /clients", "GET /metrics"] {
        for _ in 0..10 {
            let mut stream = open_stream(admin, b"")?;
            stream
                .write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            assert_eq!(next_response(&mut stream)?.status, 200, "{request}");
        }
    }
    Ok(())
}

#[test]
fn admin_address_with_a_token_answers_only_those_who_know_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, "c2VjcmV0LXNlY3JldA==\n")?;
    let token = file.display().to_string();
    // Not a loopback address: without a token, the server would not start.
    let flags = ["--admin", "0.0.0.0:0", "--admin-token", &token];
    let mut server = TestServer::with_arguments("echo", &flags)?;
    let admin = SocketAddr::from(([127, 0, 0, 1], server.admin()?.port()));
    let ask = |headers: &str| {
        let host = "Host: admin.example.com\r\nConnection: close\r\n";
        Response::to_head(admin, &format!("GET /clients HTTP/1.1\r\n{host}{headers}\r\n"))
    };
    let response = ask("")?;
    assert_eq!(response.status, 401);
    assert_eq!(response.header("www-authenticate"), Some("Bearer realm=\"ws-host\""));
    let response = ask("Authorization: Bearer c2VjcmV0LXNlY3JldB==\r\n")?;
    assert_eq!(response.status, 401);
    assert!(response.header("www-authenticate").is_some_and(|how| how.contains("invalid_token")));
    let line = server.wait_for_log("wrong token")?;
    assert!(line.contains("127.0.0.1") && !line.contains("c2Vj"), "{line}");
    assert_eq!(ask("Authorization: Bearer c2VjcmV0LXNlY3JldA==\r\n")?.status, 200);
    let page = "Authorization: Bearer c2VjcmV0LXNlY3JldA==\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(ask(page)?.status, 403);
    assert_eq!(get(admin, "/healthz")?.status, 200, "health checks need no token");
    assert_eq!(get(admin, "/metrics")?.status, 401);
    Ok(())
}

#[test]
fn tokens_and_addresses_that_are_not_safe_are_refused_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    let token = file.display().to_string();
    let error = startup_error("echo", &["--admin", "0.0.0.0:0"])?;
    assert!(error.contains("admin-token") && error.contains("loopback"), "{error}");
    let flags = ["--admin", "0.0.0.0:0", "--admin-token", &token];
    let error = startup_error("echo", &flags)?;
    assert!(error.contains("cannot be read") && error.contains(&token), "{error}");
    for text in ["", "short", "with a space in the middle of it"] {
        std::fs::write(&file, text)?;
        let error = startup_error("echo", &flags)?;
        assert!(error.contains(&token) && error.contains("openssl rand"), "{text:?}: {error}");
    }
    Ok(())
}

#[test]
fn address_for_health_checks_answers_nothing_else_and_until_the_end() -> Result<()> {
    let flags = ["--health", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut server = TestServer::with_arguments("echo", &flags)?;
    server.admin()?;
    let health = server.health()?;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(health, path)?.body, "ok\n", "{path}");
    }
    for path in ["/metrics", "/clients", "/resources", "/"] {
        assert_eq!(get(health, path)?.status, 404, "{path}");
    }
    let post =
        "POST /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let response = Response::to(health, post)?;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET")));
    // A client that does not answer the close frame keeps the server from ending.
    let client = Client::connect(&server)?;
    terminate(&server)?;
    let response = poll_until(|| get(health, "/readyz"), |response| response.status == 503)?;
    assert_eq!(response.body, "stopping\n");
    assert_eq!(get(health, "/healthz")?.status, 503);
    client.hang_up()?;
    server.wait()?;
    assert!(get(health, "/healthz").is_err());
    Ok(())
}

fn get(address: SocketAddr, path: &str) -> Result<Response> {
    let head = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    Response::to(address, &format!("GET {path} {head}"))
}

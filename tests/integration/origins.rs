//! Allowed origins, and trusted proxies.

use std::time::{Duration, Instant};

use anyhow::Result;
use ws_host_test_support::{Client, Response, TestServer, handshake};

use crate::configured::{Configuration, terminate};

fn status(server: &TestServer, origin: Option<&str>) -> Result<u16> {
    let header = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
    Ok(Response::to_head(server.address(), &handshake("/", &header))?.status)
}

#[track_caller]
fn expect(flags: &[&str], cases: &[(&str, u16)]) -> Result<()> {
    let flags: Vec<&str> = flags.iter().flat_map(|origin| ["--origin", origin]).collect();
    let server = TestServer::with_arguments("echo", &flags)?;
    for (origin, expected) in cases {
        assert_eq!(status(&server, Some(origin))?, *expected, "{flags:?}: {origin}");
    }
    // Clients other than browsers send no origin.
    assert_eq!(status(&server, None)?, 101);
    Ok(())
}

#[test]
fn exact_origin_admits_only_itself() -> Result<()> {
    expect(
        &["https://app.example.com", "http://b.example:81"],
        &[
            ("https://app.example.com", 101),
            ("HTTPS://APP.EXAMPLE.COM", 101),
            ("https://app.example.com:443", 101),
            ("http://b.example:81", 101),
            ("http://localhost", 101),
            ("http://app.example.com", 403),
            ("https://app.example.com:444", 403),
            ("https://app.example.com.evil.org", 403),
            ("https://evilapp.example.com", 403),
            ("null", 403),
        ],
    )
}

#[test]
fn wildcard_stops_at_the_boundary_of_a_part() -> Result<()> {
    expect(
        &["http://local:*", "https://*.example.com"],
        &[
            ("http://local", 101),
            ("http://local:3000", 101),
            ("http://local.evil.com", 403),
            ("http://local.evil.com:3000", 403),
            ("https://local", 403),
            ("https://a.example.com", 101),
            ("https://a.b.example.com", 101),
            ("https://example.com", 403),
            ("https://evilexample.com", 403),
            ("https://a.example.com.evil.org", 403),
        ],
    )
}

#[test]
fn origin_null_is_accepted_when_listed_and_with_any() -> Result<()> {
    expect(&["null"], &[("null", 101), ("https://a.example", 403)])?;
    expect(&["any"], &[("null", 101), ("https://a.example", 101)])
}

#[test]
fn any_accepts_every_origin_however_odd() -> Result<()> {
    let odd = [
        ("http://localhost/", 101),
        ("127.0.0.1:1", 101),
        ("", 101),
        ("a b", 101),
        ("http://b\u{fc}cher.example", 101),
        ("https://a.example\r\nOrigin: https://b.example", 400),
    ];
    expect(&["any"], &odd)?;
    expect(&["null"], &[("127.0.0.1:1", 403), ("", 403), ("a b", 403)])
}

#[test]
fn websocket_url_is_accepted_as_an_origin() -> Result<()> {
    let of_a = [
        ("ws://a.example", 101),
        ("http://a.example/", 101),
        ("ws://a.example:80/", 101),
        ("wss://a.example", 403),
        ("http://a.example//", 403),
        ("ws://localhost/", 101),
    ];
    expect(&["http://a.example"], &of_a)?;
    expect(&["ws://a.example/"], &of_a)
}

#[test]
fn missing_origin_is_refused_where_one_is_required() -> Result<()> {
    let server = Configuration::of("echo", "require-origin = true")?.serve()?;
    assert_eq!(status(&server, None)?, 403);
    assert_eq!(status(&server, Some("http://localhost"))?, 101);
    Ok(())
}

/// Connects with these headers and returns the request as the handler sees it.
fn request(flags: &[&str], headers: &str) -> Result<String> {
    let server = TestServer::with_arguments("guest-about", flags)?;
    let (mut client, response) = Client::open(server.address(), &handshake("/", headers))?;
    assert_eq!(response.status, 101, "{response:?}");
    client.ask("request")
}

const FORWARDED: &str = "X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";

#[test]
fn client_address_comes_from_a_trusted_proxy() -> Result<()> {
    let request_seen = request(&["--trusted-proxy", "127.0.0.0/8"], FORWARDED)?;
    // The proxy itself wrote the right-most address; the client may have invented those to the left of it.
    assert!(request_seen.contains("client_address: \"192.0.2.1\""), "{request_seen}");
    assert!(request_seen.contains("peer_address: \"127.0.0.1\""), "{request_seen}");
    assert!(request_seen.contains("secure: true"), "{request_seen}");
    Ok(())
}

#[test]
fn chain_of_trusted_proxies_is_followed() -> Result<()> {
    let flags = ["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "192.0.2.0/24"];
    let request_seen = request(&flags, FORWARDED)?;
    assert!(request_seen.contains("client_address: \"198.51.100.7\""), "{request_seen}");
    Ok(())
}

#[test]
fn headers_of_an_untrusted_peer_are_ignored() -> Result<()> {
    for flags in [&[][..], &["--trusted-proxy", "10.0.0.0/8"]] {
        let request_seen = request(flags, FORWARDED)?;
        assert!(request_seen.contains("client_address: \"127.0.0.1\""), "{request_seen}");
        assert!(request_seen.contains("secure: false"), "{request_seen}");
    }
    Ok(())
}

#[test]
fn headers_of_the_other_convention_are_ignored() -> Result<()> {
    let standard = "Forwarded: for=\"[2001:db8::1]:4711\";proto=https\r\n";
    let request_seen = request(&["--trusted-proxy", "127.0.0.1"], standard)?;
    assert!(request_seen.contains("client_address: \"127.0.0.1\""), "{request_seen}");
    let server = Configuration::new(
        "listen = \"127.0.0.1:0\"\ntrusted-proxies = [\"127.0.0.1\"]\nforwarded-by = \"forwarded\"\n\
         [[resource]]\ncomponent = \"{{guest-about}}\"\n",
    )?
    .serve()?;
    let both = format!("{FORWARDED}{standard}");
    let (mut client, _) = Client::open(server.address(), &handshake("/", &both))?;
    let request_seen = client.ask("request")?;
    assert!(request_seen.contains("client_address: \"2001:db8::1\""), "{request_seen}");
    Ok(())
}

#[test]
fn forwarded_host_counts_as_the_same_origin() -> Result<()> {
    let headers = "X-Forwarded-Host: app.example.com\r\nOrigin: https://app.example.com\r\n";
    assert!(request(&["--trusted-proxy", "127.0.0.1"], headers)?.contains("app.example.com"));
    let server = TestServer::serving("guest-about")?;
    let response = Response::to(server.address(), &handshake("/", headers))?;
    assert_eq!(response.status, 403, "{response:?}");
    Ok(())
}

#[test]
fn each_convention_reads_its_own_headers() -> Result<()> {
    let headers = format!("{FORWARDED}X-Real-IP: 203.0.113.4\r\nCF-Connecting-IP: 203.0.113.5\r\n");
    for (convention, address) in [
        ("x-forwarded", "192.0.2.1"),
        ("x-real-ip", "203.0.113.4"),
        ("cf-connecting-ip", "203.0.113.5"),
    ] {
        let flags = ["--trusted-proxy", "127.0.0.1", "--forwarded-by", convention];
        let request_seen = request(&flags, &headers)?;
        assert!(
            request_seen.contains(&format!("client_address: \"{address}\"")),
            "{convention}: {request_seen}"
        );
        assert!(request_seen.contains("secure: true"), "{convention}: {request_seen}");
        let twice = format!("{headers}X-Real-IP: 203.0.113.6\r\nCF-Connecting-IP: 203.0.113.6\r\n");
        let request_seen = request(&["--forwarded-by", convention], &headers)?;
        assert!(
            request_seen.contains("client_address: \"127.0.0.1\""),
            "{convention}: {request_seen}"
        );
        if convention != "x-forwarded" {
            let server = TestServer::with_arguments("guest-about", &flags)?;
            let response = Response::to_head(server.address(), &handshake("/", &twice))?;
            assert_eq!(response.status, 400, "{convention}: {response:?}");
        }
    }
    Ok(())
}

#[test]
fn forwarded_port_counts_for_the_same_origin() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--trusted-proxy", "127.0.0.1"])?;
    let status = |headers: &str| -> Result<u16> {
        Ok(Response::to_head(server.address(), &handshake("/", headers))?.status)
    };
    let page = "Origin: https://app.example.com:8443\r\nX-Forwarded-Host: app.example.com\r\n";
    assert_eq!(status(page)?, 403);
    assert_eq!(status(&format!("{page}X-Forwarded-Port: 8443\r\n"))?, 101);
    assert_eq!(status(&format!("{page}X-Forwarded-Port: 8444\r\n"))?, 403);
    // This proxy forwards Host without its port.
    let page = "Origin: https://localhost:8443\r\nX-Forwarded-Port: 8443\r\n";
    assert_eq!(status(page)?, 101);
    Ok(())
}

#[test]
fn refused_page_is_logged_with_the_setting_that_admits_it() -> Result<()> {
    let mut server = TestServer::serving("echo")?;
    assert_eq!(status(&server, Some("https://app.example.com"))?, 403);
    let line = server.wait_for_log("a page was refused")?;
    for word in [
        "WARN",
        r#"origin="https://app.example.com""#,
        r#"host="localhost""#,
        "--origin https://app.example.com",
        "proxy_set_header Host",
    ] {
        assert!(line.contains(word), "no {word} in {line}");
    }
    let mut server = TestServer::serving("echo")?;
    let headers = "X-Forwarded-Host: app.example.com\r\nOrigin: https://app.example.com\r\n";
    assert_eq!(Response::to_head(server.address(), &handshake("/", headers))?.status, 403);
    let line = server.wait_for_log("a page was refused")?;
    assert!(line.contains("--trusted-proxy 127.0.0.1"), "{line}");
    Ok(())
}

#[test]
fn flood_of_refused_pages_does_not_flood_the_log() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let long = format!("https://\"{}", "x".repeat(4000));
    let start = Instant::now();
    let mut refused = 0;
    // Long enough for a second line: lines are limited by time, not by the number of refusals.
    while start.elapsed() < Duration::from_millis(1500) {
        assert_eq!(status(&server, Some(&long))?, 403);
        refused += 1;
    }
    let seconds = start.elapsed().as_secs() as usize + 1;
    // A busy machine may have spent all that time on the first request.
    let least = if refused > 2 { 2 } else { 1 };
    terminate(&server)?;
    let log = server.wait()?.log;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("was refused")).collect();
    assert!((least..=seconds + 1).contains(&lines.len()), "{} of {refused}", lines.len());
    assert!(lines.len() < 2 || lines[1].contains("left_out="), "{lines:?}");
    for line in lines {
        assert!(line.len() < 2000, "{} bytes", line.len());
        assert!(line.contains(r#"origin="https://\\\"xxx"#), "{line}");
    }
    Ok(())
}

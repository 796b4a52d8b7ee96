//! The PROXY protocol: connections that begin with a proxy's header about its client.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, handshake, open_stream, startup_error};

use crate::configured::Configuration;
use crate::encrypted::Authority;

const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\n";
const TRUSTING: [&str; 3] = ["--proxy-protocol", "--trusted-proxy", "127.0.0.1"];

/// Version 2: the signature, the command, the family, a length, addresses and ports.
fn version_2(command: u8, more: &[u8]) -> Vec<u8> {
    let length = (12 + more.len() as u16).to_be_bytes();
    let addresses = [192, 0, 2, 8, 192, 0, 2, 1, 0x12, 0x34, 0, 80];
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, 0x11][..], &length, &addresses, more].concat()
}

/// The server must close the connection without sending anything.
fn dropped(mut stream: TcpStream) -> Result<()> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => {
            return Err(error).context("the server did not close");
        }
        _ => {}
    }
    ensure!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    Ok(())
}

fn request_seen(server: &TestServer, header: &[u8], headers: &str) -> Result<String> {
    let request = handshake("/", headers);
    let (mut client, response) = Client::request(open_stream(server.address(), header)?, &request)?;
    ensure!(response.status == 101, "{response:?}");
    client.ask("request")
}

#[test]
fn client_address_comes_from_the_header() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &TRUSTING)?;
    // PP2_TYPE_SSL with PP2_CLIENT_SSL: the client speaks TLS with the proxy.
    let encrypted = version_2(0x21, &[0x20, 0, 5, 1, 0, 0, 0, 0]);
    let of_v6 = b"PROXY TCP6 2001:db8::1 ::1 5 80\r\n";
    for (header, address, secure) in [
        (LINE.to_vec(), "192.0.2.7", false),
        (of_v6.to_vec(), "2001:db8::1", false),
        (version_2(0x21, &[]), "192.0.2.8", false),
        (encrypted, "192.0.2.8", true),
        // The proxy speaks for itself.
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1", false),
        (version_2(0x20, &[]), "127.0.0.1", false),
    ] {
        let seen = request_seen(&server, &header, "")?;
        assert!(seen.contains(&format!("client_address: \"{address}\"")), "{seen}");
        assert!(seen.contains(&format!("secure: {secure}")), "{seen}");
    }
    Ok(())
}

#[test]
fn header_request_and_frames_may_arrive_together_or_byte_by_byte() -> Result<()> {
    let server = TestServer::with_arguments("echo", &TRUSTING)?;
    let whole = [LINE, handshake("/", "").as_bytes(), b"\x81\x82\0\0\0\0hi"].concat();
    let (mut client, _) = Client::after(open_stream(server.address(), &whole)?)?;
    assert_eq!(client.receive_text()?, "hi");
    let mut stream = open_stream(server.address(), b"")?;
    stream.set_nodelay(true)?;
    for byte in whole {
        stream.write_all(&[byte])?;
    }
    let (mut client, _) = Client::after(stream)?;
    assert_eq!(client.receive_text()?, "hi");
    Ok(())
}

#[test]
fn tls_begins_after_the_header() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("guest-about", &TRUSTING)?;
    for header in [LINE, &version_2(0x21, &[])] {
        let stream = authority.ask().over(open_stream(server.address(), header)?)?;
        let seen = Client::greet(stream)?.ask("request")?;
        assert!(seen.contains("client_address: \"192.0.2."), "{seen}");
        assert!(seen.contains("secure: true"), "{seen}");
    }
    // The header must not come inside TLS.
    assert!(authority.ask().connect(server.address()).is_err());
    Ok(())
}

#[test]
fn connection_without_a_header_is_dropped() -> Result<()> {
    let server = TestServer::with_arguments("echo", &TRUSTING)?;
    let request = handshake("/", "");
    let endless = [&b"PROXY TCP4 "[..], &[b'1'; 4000]].concat();
    for wrong in [request.as_bytes(), b"PROXY nonsense\r\n", &endless, b"PRI * HTTP/2.0\r\n\r\n"] {
        dropped(open_stream(server.address(), wrong)?)?;
    }
    let (mut client, _) = Client::request(open_stream(server.address(), LINE)?, &request)?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn header_of_an_untrusted_peer_is_not_read() -> Result<()> {
    let trusting = ["--proxy-protocol", "--trusted-proxy", "10.0.0.0/8"];
    // Too long for a timeout to be the reason why they are dropped.
    let flags = [&trusting[..], &["--handshake-timeout", "10m"]].concat();
    let mut server = TestServer::with_arguments("echo", &flags)?;
    let whole = [LINE, handshake("/", "").as_bytes()].concat();
    for bytes in [&whole, LINE, b""] {
        dropped(open_stream(server.address(), bytes)?)?;
    }
    let line = server.wait_for_log("a connection was dropped")?;
    assert!(line.contains("--trusted-proxy 127.0.0.1"), "{line}");
    Ok(())
}

#[test]
fn stalled_header_times_out() -> Result<()> {
    let flags = [&TRUSTING[..], &["--handshake-timeout", "500ms"]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    let stalled: Result<Vec<_>> = [0, 1, 6, 20]
        .into_iter()
        .map(|length| open_stream(server.address(), &LINE[..length]))
        .collect();
    let late = open_stream(server.address(), LINE)?;
    for stream in stalled?.into_iter().chain([late]) {
        // After a complete header the HTTP request is missing, and that may get a response.
        let mut stream = stream;
        stream.read_to_end(&mut Vec::new())?;
    }
    let (mut client, _) =
        Client::request(open_stream(server.address(), LINE)?, &handshake("/", ""))?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn flag_needs_a_trusted_proxy() -> Result<()> {
    let error = startup_error("echo", &["--listen", "127.0.0.1:0", "--proxy-protocol"])?;
    assert!(error.contains("proxy-protocol") && error.contains("trusted-prox"), "{error}");
    Ok(())
}

#[test]
fn forwarded_headers_count_only_from_trusted_proxies() -> Result<()> {
    let forwarded = "X-Forwarded-For: 198.51.100.9\r\n";
    let server = TestServer::with_arguments("guest-about", &TRUSTING)?;
    // The client at the address in the header is not trusted: it may have invented these headers.
    let seen = request_seen(&server, LINE, forwarded)?;
    assert!(seen.contains("client_address: \"192.0.2.7\""), "{seen}");
    // Here that address is another proxy, and trusted.
    let chain = [&TRUSTING[..], &["--trusted-proxy", "192.0.2.7"]].concat();
    let server = TestServer::with_arguments("guest-about", &chain)?;
    let seen = request_seen(&server, LINE, forwarded)?;
    assert!(seen.contains("client_address: \"198.51.100.9\""), "{seen}");
    Ok(())
}

#[test]
fn forwarded_headers_do_not_count_when_the_proxy_speaks_for_itself() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &TRUSTING)?;
    let forwarded = "X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\n\
                     X-Forwarded-Host: app.example.com\r\n";
    // PROXY with a family that has no addresses, and LOCAL followed by PP2_TYPE_SSL, which does not count.
    let unspecified = *b"\r\n\r\n\0\r\nQUIT\n\x21\x00\0\0";
    let local = version_2(0x20, &[0x20, 0, 5, 1, 0, 0, 0, 0]);
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN a b c d\r\n", &unspecified, &local] {
        let seen = request_seen(&server, header, forwarded)?;
        assert!(seen.contains("client_address: \"127.0.0.1\""), "{seen}");
        assert!(seen.contains("secure: false"), "{seen}");
        let page = format!("{forwarded}Origin: https://app.example.com\r\n");
        let stream = open_stream(server.address(), header)?;
        let (_, response) = Client::request(stream, &handshake("/", &page))?;
        assert_eq!(response.status, 403, "{response:?}");
    }
    Ok(())
}

#[test]
fn clients_of_an_address_behind_tls_count_as_encrypted() -> Result<()> {
    let secure = [&TRUSTING[..], &["--secure"]].concat();
    let server = TestServer::with_arguments("guest-about", &secure)?;
    for header in [LINE, b"PROXY TCP6 2001:db8::1 ::1 5 80\r\n", &version_2(0x21, &[])] {
        assert!(request_seen(&server, header, "")?.contains("secure: true"));
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("socket");
    let text = format!(
        r#"
        listen = ["127.0.0.1:0", {{ address = "unix:{}", secure = true }}]
        [[resource]]
        component = "{{{{guest-about}}}}"
        "#,
        file.display()
    );
    let server = Configuration::new(&text)?.serve()?;
    assert!(Client::connect(&server)?.ask("request")?.contains("secure: false"));
    let seen = Client::greet(UnixStream::connect(&file)?)?.ask("request")?;
    assert!(seen.contains("secure: true"), "{seen}");
    Ok(())
}

#[test]
fn secure_flag_is_refused_at_an_address_with_tls() -> Result<()> {
    let error = startup_error("echo", &["--listen", "127.0.0.1:0", "--tls-dev", "--secure"])?;
    assert!(error.contains("--secure") && error.contains("speaks TLS itself"), "{error}");
    Ok(())
}

#[test]
fn each_address_has_its_own_proxy_protocol_setting() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("socket");
    let text = format!(
        r#"
        listen = [
            "127.0.0.1:0",
            {{ address = "unix:{}", proxy-protocol = true }},
        ]
        trusted-proxies = ["127.0.0.1"]
        [[resource]]
        component = "{{{{guest-about}}}}"
        "#,
        file.display()
    );
    let server = Configuration::new(&text)?.serve()?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    let mut stream = UnixStream::connect(&file)?;
    stream.write_all(LINE)?;
    let seen = Client::greet(stream)?.ask("request")?;
    assert!(seen.contains("client_address: \"192.0.2.7\""), "{seen}");
    Ok(())
}

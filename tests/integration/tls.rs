//! TLS connections.

use std::io::{ErrorKind, Read, Write};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rcgen::DnType;
use rustls::version::{TLS12, TLS13};
use ws_host_test_support::{
    Client, Response, TestServer, handshake, host_binary, masked_frame, open_stream, startup_error,
};

use crate::connect::connect;
use crate::encrypted::{Authority, shown_by};
use crate::static_files::folder_with;

/// Reads until the server closes the connection.
fn rest(mut stream: impl Read) -> Result<Vec<u8>> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => {
            Err(error).context("the server did not close")
        }
        _ => Ok(rest),
    }
}

#[test]
fn both_tls_versions_echo() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    assert!(server.url().starts_with("wss://127.0.0.1:"), "{}", server.url());
    for version in [&TLS12, &TLS13] {
        let stream = authority.ask().version(&[version]).connect(server.address())?;
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
        let mut client = Client::greet(stream)?;
        assert_eq!(client.ask("hello")?, "hello");
        // The server ends with close_notify: a truncated stream would be an error here.
        client.send_close(1000, "")?;
        assert_eq!(client.receive_close()?.0, 1000);
        assert_eq!(client.stream().read(&mut [0])?, 0);
    }
    Ok(())
}

#[test]
fn client_chooses_the_protocol_with_alpn() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    for (offered, agreed) in [
        (&[&b"http/1.1"[..]][..], Some(&b"http/1.1"[..])),
        (&[b"foo", b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = authority.ask().protocols(offered).connect(server.address())?;
        assert_eq!(stream.conn.alpn_protocol(), agreed);
        assert_eq!(Client::greet(stream)?.ask("hello")?, "hello");
    }
    let stream = authority.ask().protocols(&[b"http/1.1", b"h2"]).connect(server.address())?;
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]), "the server prefers HTTP/2");
    Ok(())
}

#[test]
fn client_with_unknown_alpn_protocols_is_refused() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    let mut other = authority.connect(&server)?;
    let refused = authority.ask().protocols(&[b"foo"]).connect(server.address());
    let error = refused.err().context("the server accepted foo")?;
    // RFC 7301 §3.2.
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    assert_eq!(other.ask("still here")?, "still here");
    assert_eq!(authority.connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn plain_http_request_gets_a_hint_at_wss() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    let long = handshake("/", &format!("X-Long: {}\r\n", "x".repeat(12_000)));
    for request in [handshake("/", ""), "GET / HTTP/1.1\r\n\r\n".to_owned(), long] {
        let response = Response::to(server.address(), &request)?;
        assert_eq!(response.status, 400, "{response:?}");
        assert!(response.body.contains("wss://"), "{response:?}");
    }
    assert_eq!(authority.connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn tls_client_at_a_plain_port_is_refused() -> Result<()> {
    let (server, mut other) = TestServer::with_client("echo", &[])?;
    assert!(Authority::new()?.ask().connect(server.address()).is_err());
    assert_eq!(other.ask("still here")?, "still here");
    Ok(())
}

#[test]
fn stalled_tls_handshakes_time_out() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &["--handshake-timeout", "500ms"])?;
    let mut hello = Vec::new();
    authority.ask().connection()?.write_tls(&mut hello)?;
    let mut stalled = Vec::new();
    for length in [0, 1, 5, hello.len() / 2, hello.len()] {
        stalled.push(open_stream(server.address(), &hello[..length])?);
    }
    // The TLS handshake completes, and then no request follows.
    let silent = authority.ask().connect(server.address())?;
    assert_eq!(authority.connect(&server)?.ask("hello")?, "hello");
    for stream in stalled {
        rest(stream)?;
    }
    rest(silent.sock)?;
    assert_eq!(authority.connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn invalid_tls_handshake_ends_only_its_connection() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &["--handshake-timeout", "1s"])?;
    let mut other = authority.connect(&server)?;
    let mut hello = Vec::new();
    authority.ask().connection()?.write_tls(&mut hello)?;
    let mut broken = hello.clone();
    broken[9..40].fill(0xff);
    let longest = [&[0x16, 3, 1, 0xff, 0xff][..], &[0; 70_000]].concat();
    for garbage in [&[0x16, 3, 1, 0, 2, 1, 0xff, 0, 0, 0, 0][..], &[0x16; 100], &broken, &longest] {
        let mut stream = open_stream(server.address(), b"")?;
        // The server may hang up before it has read everything.
        let _ = stream.write_all(garbage);
        rest(stream)?;
    }
    for cut in [1, 5, 50, hello.len() - 1] {
        let stream = open_stream(server.address(), &hello[..cut])?;
        stream.shutdown(std::net::Shutdown::Write)?;
        rest(stream)?;
    }
    assert_eq!(other.ask("still here")?, "still here");
    assert_eq!(authority.connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn long_messages_and_bursts_arrive_in_full() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    for version in [&TLS12, &TLS13] {
        let stream = authority.ask().version(&[version]).connect(server.address())?;
        let mut client = Client::greet(stream)?;
        for length in [1 << 14, (1 << 14) + 1, 1 << 17, 1 << 20] {
            let message: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            client.send_frame(0x82, &message)?;
            assert_eq!(client.receive()?.payload, message);
        }
        let burst: Vec<u8> = (0..500)
            .flat_map(|number| masked_frame(0x81, format!("message {number}").as_bytes()))
            .collect();
        client.send(&burst)?;
        for number in 0..500 {
            assert_eq!(client.receive_text()?, format!("message {number}"));
        }
    }
    Ok(())
}

#[test]
fn frames_right_after_the_request_are_not_lost() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &["--workers", "2", "--instance-per", "client"])?;
    for _ in 0..8 {
        let mut stream = authority.ask().connect(server.address())?;
        let all = [handshake("/", "").as_bytes(), &masked_frame(0x81, b"early")].concat();
        stream.write_all(&all)?;
        let response = Response::read_head(&mut stream)?;
        assert_eq!(response.status, 101);
        assert_eq!(Client::on(stream).receive_text()?, "early");
    }
    Ok(())
}

#[test]
fn streams_move_between_workers() -> Result<()> {
    let authority = Authority::new()?;
    for sharing in
        [&["--instance-per", "client"][..], &["--path", "/{room}", "--instance-per", "path"]]
    {
        let flags = [&["--workers", "2"], sharing].concat();
        let server = authority.serving("echo", &flags)?;
        let mut clients = Vec::new();
        for number in 0..16 {
            let stream = authority.ask().connect(server.address())?;
            let path = if sharing.len() == 2 { "/".to_owned() } else { format!("/{}", number % 4) };
            let (client, response) = Client::request(stream, &handshake(&path, ""))?;
            assert_eq!(response.status, 101, "{response:?}");
            clients.push(client);
        }
        for client in &mut clients {
            let long = "long".repeat(50_000);
            assert_eq!(client.ask(&long)?, long);
        }
    }
    Ok(())
}

#[test]
fn page_and_its_websocket_use_the_same_port() -> Result<()> {
    let (_folder, pages) = folder_with("index.html", "<p>welcome")?;
    let authority = Authority::new()?;
    let server = authority.serving("echo", &["--static", &pages])?;
    let mut stream = authority.ask().connect(server.address())?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let response = String::from_utf8(rest(stream)?)?;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.ends_with("<p>welcome"), "{response}");
    // The page's own origin has the scheme https.
    let own = format!("Origin: https://localhost:{}\r\n", server.address().port());
    let with_host = |host: &str| handshake("/", &own).replace("localhost\r\nUpg", host);
    let request = with_host(&format!("localhost:{}\r\nUpg", server.address().port()));
    let (_, response) = Client::request(authority.ask().connect(server.address())?, &request)?;
    assert_eq!(response.status, 101, "{response:?}");
    Ok(())
}

#[test]
fn handler_sees_that_the_connection_is_encrypted() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("guest-about", &[])?;
    let seen = authority.connect(&server)?.ask("request")?;
    assert!(seen.contains("secure: true"), "{seen}");
    assert!(seen.contains("client_certificate: None"), "{seen}");
    Ok(())
}

#[test]
fn development_needs_no_certificate() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--tls-dev"])?;
    assert!(server.url().starts_with("wss://"), "{}", server.url());
    // No authority has signed the development certificate.
    let error = Authority::new()?
        .ask()
        .connect(server.address())
        .err()
        .context("the development certificate is trusted")?;
    assert!(format!("{error:#}").contains("UnknownIssuer"), "{error:#}");
    let mut connect = Command::new(host_binary());
    connect.args(["connect", "--insecure", server.url()]).stdin(std::process::Stdio::null());
    let output = connect.output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// Returns the error of a server that does not start with these flags.
fn complaint(flags: &[&str]) -> Result<String> {
    startup_error("echo", &[&["--listen", "127.0.0.1:0"], flags].concat())
}

#[test]
fn unusable_files_are_named() -> Result<()> {
    let authority = Authority::new()?;
    let (certificate, key) = authority.write(&authority.vouch_for("server")?)?;
    let (certificate, key) = (certificate.as_str(), key.as_str());
    let empty = authority.folder().join("empty.pem");
    std::fs::write(&empty, "no PEM here\n")?;
    let empty = empty.to_str().context("not UTF-8")?;
    let strange = Authority::new()?;
    let (_, other_key) = strange.write(&strange.vouch_for("other")?)?;
    let other_key = other_key.as_str();
    for (flags, words) in [
        (&["--tls-cert", "/nothing.pem", "--tls-key", key][..], &["/nothing.pem"][..]),
        (&["--tls-cert", certificate, "--tls-key", "/nothing.pem"], &["/nothing.pem"]),
        (&["--tls-key", key], &["tls-key", "tls-cert"]),
        (&["--tls-cert", certificate], &["tls-cert", "tls-key"]),
        (&["--tls-cert", empty, "--tls-key", key], &["empty.pem", "BEGIN CERTIFICATE"]),
        (&["--tls-cert", certificate, "--tls-key", empty], &["empty.pem", "key"]),
        (&["--tls-cert", certificate, "--tls-key", other_key], &[certificate, other_key]),
        (&["--tls-cert", certificate, "--tls-key", key, "--tls-dev"], &["tls-dev", "tls-cert"]),
        (&["--tls-dev", "--tls-client-ca", "/nothing.pem"], &["/nothing.pem"]),
        (&["--tls-dev", "--tls-client-ca", empty], &["empty.pem", "BEGIN CERTIFICATE"]),
        (&["--tls-dev", "--tls-client-auth", "required"], &["tls-client-auth", "tls-client-ca"]),
        (&["--tls-client-ca", certificate], &["tls-client-ca", "tls-cert"]),
    ] {
        let error = complaint(flags)?;
        for word in words {
            assert!(error.contains(word), "{flags:?}: no {word} in {error}");
        }
        assert!(!error.contains("panicked"), "{error}");
    }
    Ok(())
}

#[test]
fn client_certificate_is_requested_and_shown_to_the_handler() -> Result<()> {
    let (authority, strange) = (Authority::new()?, Authority::new()?);
    let ca = &authority.argument()?;
    let (alice, mallory) = (authority.vouch_for("alice")?, strange.vouch_for("alice")?);
    for (need, without) in [("optional", true), ("required", false)] {
        let flags = ["--tls-client-ca", ca, "--tls-client-auth", need];
        let server = authority.serving("guest-about", &flags)?;
        for version in [&TLS12, &TLS13] {
            let version = [version];
            let ask = authority.ask().version(&version);
            // With TLS 1.3 the client sees the refusal only when it reads.
            let request = |shown| -> Result<String> {
                let ask = match shown {
                    Some(shown) => ask.showing(shown),
                    None => ask,
                };
                Client::greet(ask.connect(server.address())?)?.ask("request")
            };
            let seen = request(Some(&alice))?;
            assert!(seen.contains("CN=alice"), "{seen}");
            assert!(
                request(Some(&mallory)).is_err(),
                "{need}: mallory's certificate is not trusted"
            );
            match request(None) {
                Ok(seen) => {
                    assert!(without, "accepted without a certificate");
                    assert!(seen.contains("client_certificate: None"), "{seen}");
                }
                Err(error) => assert!(!without, "{error:#}"),
            }
        }
    }
    Ok(())
}

#[test]
fn certificate_subject_cannot_forge_another_name() -> Result<()> {
    let authority = Authority::new()?;
    let ca = &authority.argument()?;
    let server = authority.serving("guest-about", &["--tls-client-ca", ca])?;
    let mallory = authority.vouch_for_subject(&[
        (DnType::CountryName, "XX"),
        (DnType::OrganizationName, "x, CN=admin"),
        (DnType::CommonName, " mallory+OU=\"staff\"\n"),
    ])?;
    let stream = authority.ask().showing(&mallory).connect(server.address())?;
    let seen = Client::greet(stream)?.ask("request")?;
    // RFC 4514: the last part first, with `\` before special characters. The guest prints the subject as a Rust string
    // literal, which doubles each backslash.
    let subject = r#"CN=\\ mallory\\+OU\\=\\\"staff\\\"\\0A,O=x\\, CN\\=admin,C=XX"#;
    assert!(seen.contains(&format!("\"{subject}\"")), "{seen}");
    assert!(!seen.contains("CN=admin"), "{seen}");
    Ok(())
}

#[test]
fn command_line_client_shows_its_certificate_over_both_versions_of_http() -> Result<()> {
    let authority = Authority::new()?;
    let ca = &authority.argument()?;
    let flags = ["--tls-client-ca", ca, "--tls-client-auth", "required"];
    let server = authority.serving("guest-about", &flags)?;
    let (certificate, key) = authority.vouch_for("alice")?.write(authority.folder(), "alice-")?;
    let (certificate, key) = (certificate.as_str(), key.as_str());
    for version in [&[][..], &["--http2"]] {
        let flags = [&["--ca", ca, "--cert", certificate, "--key", key], version].concat();
        let (_, printed, log) = connect(server.url(), &flags, "request")?;
        assert!(printed.contains("CN=alice"), "{printed}{log}");
        let (output, _, log) = connect(server.url(), &[&["--ca", ca], version].concat(), "?")?;
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains("--cert"), "{log}");
    }
    Ok(())
}

#[test]
fn changed_certificate_files_are_used() -> Result<()> {
    let authority = Authority::new()?;
    let mut server = authority.serving("echo", &[])?;
    let mut before = authority.connect(&server)?;
    let new = authority.vouch_for("new")?;
    assert_ne!(shown_by(before.stream())?, new.certificate);
    authority.write(&new)?;
    server.wait_for_log("the certificate was reloaded")?;
    let mut after = authority.connect(&server)?;
    assert_eq!(shown_by(after.stream())?, new.certificate);
    assert_eq!(before.ask("still here")?, "still here");
    assert_eq!(after.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn certificate_without_its_key_keeps_the_old_one() -> Result<()> {
    let authority = Authority::new()?;
    let mut server = authority.serving("echo", &[])?;
    let old = shown_by(authority.connect(&server)?.stream())?;
    let new = authority.vouch_for("new")?;
    let key = authority.folder().join("key.pem");
    let old_key = std::fs::read(&key)?;
    authority.write(&new)?;
    std::fs::write(&key, old_key)?;
    let line = server.wait_for_log("the certificate was not reloaded")?;
    assert!(line.contains("key.pem"), "{line}");
    assert_eq!(shown_by(authority.connect(&server)?.stream())?, old);
    // Once the key is there as well, the server uses the new certificate.
    authority.write(&new)?;
    server.wait_for_log("the certificate was reloaded")?;
    assert_eq!(shown_by(authority.connect(&server)?.stream())?, new.certificate);
    Ok(())
}

#[test]
fn sighup_reloads_the_certificate_without_watching() -> Result<()> {
    let authority = Authority::new()?;
    let mut server = authority.serving("echo", &["--no-watch"])?;
    let old = shown_by(authority.connect(&server)?.stream())?;
    let new = authority.vouch_for("new")?;
    authority.write(&new)?;
    assert_eq!(shown_by(authority.connect(&server)?.stream())?, old);
    crate::configured::hang_up(&server)?;
    server.wait_for_log("the certificate was reloaded")?;
    assert_eq!(shown_by(authority.connect(&server)?.stream())?, new.certificate);
    std::fs::write(authority.folder().join("cert.pem"), "nothing")?;
    crate::configured::hang_up(&server)?;
    let line = server.wait_for_log("was not reloaded")?;
    assert!(line.contains("cert.pem"), "{line}");
    assert_eq!(authority.connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

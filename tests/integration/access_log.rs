//! The access log, JSON lines, and the ids of connections.

use std::collections::BTreeSet;
use std::io::Read;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use ws_host_test_support::{Client, TestServer, handshake, masked_frame, open_stream};

use crate::configured::{Configuration, ask_admin};
use crate::encrypted::Authority;
use crate::streams::{Connection, DATA};

/// What every line of the log has.
const COMMON: [&str; 4] = ["timestamp", "level", "target", "message"];

const JSON: [&str; 5] = ["--log-format", "json", "--log", "debug", "--access-log"];

/// Stops a server and returns its log.
fn log_of(server: TestServer) -> Result<String> {
    server.signal(Signal::TERM)?;
    Ok(server.wait()?.log)
}

/// Stops a server and returns the lines of its log. Each must be a JSON object.
fn lines_of(server: TestServer) -> Result<Vec<Value>> {
    let log = log_of(server)?;
    log.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
            let object = value.as_object().with_context(|| line.to_owned())?;
            ensure!(COMMON.iter().all(|name| object[*name].is_string()), "{line}");
            let timestamp = object["timestamp"].as_str().unwrap_or_default();
            let is_utc = timestamp.len() == "2026-01-02T03:04:05.123456Z".len()
                && timestamp.ends_with('Z')
                && timestamp.as_bytes()[10] == b'T';
            ensure!(is_utc, "{line}");
            Ok(value)
        })
        .collect()
}

/// Returns the lines with a message.
fn with_message<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == message).collect()
}

/// Returns the only line with a message.
fn only<'a>(lines: &'a [Value], message: &str) -> Result<&'a Value> {
    let found = with_message(lines, message);
    ensure!(found.len() == 1, "{message}: {lines:#?}");
    Ok(found[0])
}

/// Returns the numbers of messages and bytes, received and sent.
fn traffic(line: &Value) -> [Option<u64>; 4] {
    ["received_messages", "received_bytes", "sent_messages", "sent_bytes"]
        .map(|name| line[name].as_u64())
}

#[test]
fn every_line_is_a_json_object() -> Result<()> {
    let server = TestServer::with_arguments("guest-noisy", &JSON)?;
    let mut client = Client::connect(&server)?;
    client.ask("a \"quote\", a \\ and a tab\t")?;
    client.ask("\u{1b}[31mred")?;
    client.close()?;
    Client::open(server.address(), &handshake("/nowhere", ""))?;
    assert!(open_stream(server.address(), b"nonsense\r\n\r\n")?.read(&mut [0; 100])? > 0);
    let lines = lines_of(server)?;
    let of_guest: Vec<&Value> = lines.iter().filter(|line| line["target"] == "guest").collect();
    let has = |text: &str| of_guest.iter().any(|line| line["message"] == text);
    assert!(has("a \"quote\", a \\ and a tab\t"), "{of_guest:?}");
    assert!(has("\\u{1b}[31mred"), "{of_guest:?}");
    let levels: BTreeSet<&str> = lines.iter().filter_map(|line| line["level"].as_str()).collect();
    assert!(levels.contains("INFO") && levels.contains("DEBUG"), "{levels:?}");
    Ok(())
}

#[test]
fn summary_has_what_was_sent_each_way_and_how_it_ended() -> Result<()> {
    let flags = [&JSON[..], &["--subprotocol", "chat", "--origin", "any"]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    let headers = "User-Agent: browser 1.0\r\nOrigin: https://app.example.com\r\n\
                   Sec-WebSocket-Protocol: other, chat\r\n";
    let (mut client, response) =
        Client::open(server.address(), &handshake("/?token=secret", headers))?;
    assert_eq!(response.status, 101);
    for text in ["one", "three", "", "a longer one"] {
        assert_eq!(client.ask(text)?, text);
    }
    // Not a message.
    client.send_hex("89 80 00 00 00 00")?;
    client.receive()?;
    client.send_close(4001, "good bye")?;
    client.receive_close()?;
    client.expect_end()?;
    let lines = lines_of(server)?;
    let line = only(&lines, "closed")?;
    assert_eq!(traffic(line), [Some(4), Some(20), Some(4), Some(20)]);
    for (name, expected) in [
        ("target", "access"),
        ("level", "INFO"),
        ("resource", "echo"),
        ("address", "127.0.0.1"),
        ("http", "1.1"),
        ("path", "/"),
        ("origin", "https://app.example.com"),
        ("user_agent", "browser 1.0"),
        ("subprotocol", "chat"),
        ("cause", "client"),
        ("reason", "good bye"),
    ] {
        assert_eq!(line[name], expected, "{name}: {line}");
    }
    assert_eq!(
        (&line["status"], &line["code"], &line["sent_code"]),
        (&101.into(), &4001.into(), &4001.into())
    );
    assert!(line["duration"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{line}");
    assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{line}");
    assert!(!format!("{lines:?}").contains("secret"), "queries may hold secrets");
    Ok(())
}

#[test]
fn connection_has_one_id_from_handshake_to_close_over_http1_tls_and_http2() -> Result<()> {
    let authority = Authority::new()?;
    let admin_flags = ["--admin", "127.0.0.1:0"];
    let flags = [&JSON[..], &admin_flags].concat();
    let mut plain = TestServer::with_arguments("echo", &flags)?;
    let admin = plain.admin()?;
    let mut client = Client::connect(&plain)?;
    assert_eq!(client.ask("hello")?, "hello");
    let clients: Value = serde_json::from_str(&ask_admin(admin, "GET /clients", "", b"")?.body)?;
    let id = clients[0]["id"].as_u64().context("no client")?;
    client.close()?;
    let lines = lines_of(plain)?;
    assert_eq!(only(&lines, "closed")?["client"], id);

    let encrypted = authority.serving("echo", &flags)?;
    authority.connect(&encrypted)?.close()?;
    let mut both = vec![lines, lines_of(encrypted)?];

    let server = TestServer::with_arguments("echo", &flags)?;
    let mut http2 = Connection::begin(server.address())?;
    for (stream, text) in [(1, "first"), (3, "the second")] {
        http2.open(stream, "/")?;
        assert_eq!(http2.ask(stream, text)?, text);
    }
    for stream in [1, 3] {
        http2.send(DATA, 0, stream, &masked_frame(0x88, &[0x03, 0xe8]))?;
        http2.receive_message(stream)?;
    }
    drop(http2);
    let of_http2 = lines_of(server)?;
    let closed = with_message(&of_http2, "closed");
    assert_eq!(closed.len(), 2);
    assert_eq!(closed[0]["connection"], closed[1]["connection"], "both are streams of one");
    assert_ne!(closed[0]["client"], closed[1]["client"]);
    assert!(closed.iter().all(|line| line["http"] == "2" && line["status"] == 200), "{closed:?}");
    let bytes: BTreeSet<_> = closed.iter().map(|line| traffic(line)[1]).collect();
    assert_eq!(bytes, [Some(5), Some(10)].into());
    both.push(of_http2);

    for lines in both {
        let [accepted, ended, closed] =
            ["accepted", "disconnected: the client closed the connection", "closed"].map(
                |message| {
                    with_message(&lines, message)
                        .iter()
                        .map(|line| (line["connection"].as_u64(), line["client"].as_u64()))
                        .collect::<BTreeSet<_>>()
                },
            );
        assert!(!closed.is_empty() && closed.iter().all(|ids| ids.0.is_some() && ids.1.is_some()));
        assert_eq!((&accepted, &ended), (&closed, &closed));
    }
    Ok(())
}

#[test]
fn refused_handshake_has_a_line_that_says_why() -> Result<()> {
    let flags = [&JSON[..], &["--origin", "https://app.example.com"]].concat();
    let server = TestServer::with_arguments("guest-choosy", &flags)?;
    let ask =
        |request: &str| -> Result<u16> { Ok(Client::open(server.address(), request)?.1.status) };
    assert_eq!(ask(&handshake("/nowhere", ""))?, 404);
    assert_eq!(ask(&handshake("/?reject=418", "User-Agent: me\r\n"))?, 418);
    assert_eq!(ask(&handshake("/", "Origin: https://evil.example.com\r\n"))?, 403);
    assert_eq!(ask(&handshake("/", "").replace("dGhl", "d"))?, 400);
    assert_eq!(ask(&handshake("/?subscribe-and-panic=x", ""))?, 500);
    let lines = lines_of(server)?;
    let refused = with_message(&lines, "refused");
    let seen: Vec<_> = refused
        .iter()
        .map(|line| (line["outcome"].as_str().unwrap_or(""), line["status"].as_u64()))
        .collect();
    let expected = [
        ("unknown-path", Some(404)),
        ("refused", Some(418)),
        ("origin", Some(403)),
        ("invalid", Some(400)),
        ("failed", Some(500)),
    ];
    assert_eq!(seen, expected);
    assert_eq!(refused[0]["path"], "/nowhere");
    assert_eq!(
        (&refused[1]["resource"], &refused[1]["user_agent"]),
        (&"guest-choosy".into(), &"me".into())
    );
    assert_eq!(refused[2]["origin"], "https://evil.example.com");
    assert!(refused.iter().all(|line| line["connection"].is_u64()), "{refused:?}");
    assert!(with_message(&lines, "closed").is_empty(), "{lines:?}");
    Ok(())
}

#[test]
fn failed_tls_handshake_has_a_line_with_the_id_of_its_connection() -> Result<()> {
    let authority = Authority::new()?;
    let mut server = authority.serving("echo", &JSON)?;
    // A record of the type `handshake` with nonsense in it.
    let _stream = open_stream(server.address(), b"\x16\x03\x01\x00\x05nonsense")?;
    server.wait_for_log("tls-failed")?;
    let lines = lines_of(server)?;
    let line = only(&lines, "refused")?;
    assert_eq!(line["outcome"], "tls-failed");
    let reason = line["reason"].as_str().context("no reason")?;
    let debug = only(&lines, &format!("received no valid HTTP request: {reason}"))?;
    assert_eq!(debug["connection"], line["connection"]);
    assert_eq!(debug["peer"], line["peer"]);
    Ok(())
}

#[test]
fn what_a_client_sends_cannot_look_like_another_line_or_field() -> Result<()> {
    let path = "/%0a%1b[2J\"'\\";
    let agent = "\"x\" cause=forged \x1b[31m \t\\n é";
    let reason = "a\nb\r\u{1b}[2J\u{85}\u{2028}\"} cause=forged";
    for format in ["text", "json"] {
        let flags = ["--log-format", format, "--access-log", "--path", "/{any}", "--log", "debug"];
        let server = TestServer::with_arguments("echo", &flags)?;
        let headers = format!("User-Agent: {}\r\n", agent.replace('\u{1b}', ""));
        let (mut client, response) = Client::open(server.address(), &handshake(path, &headers))?;
        assert_eq!(response.status, 101, "{response:?}");
        client.send_close(4000, reason)?;
        client.receive_close()?;
        client.expect_end()?;
        Client::open(server.address(), &handshake("/no/where\"", &headers))?;
        let log = log_of(server)?;
        let is_printable = |byte: u8| byte == b'\n' || (0x20..0x7f).contains(&byte) || byte >= 0x80;
        assert!(log.bytes().all(is_printable), "{log}");
        assert!(!log.contains(['\u{85}', '\u{2028}']), "{log}");
        let is_summary = |line: &&str| line.contains("received_messages");
        assert_eq!(log.lines().filter(is_summary).count(), 1, "{log}");
        if format == "text" {
            // Outside of quotes, the cause is named once.
            let line = log.lines().find(is_summary).context("no summary")?;
            let mut unquoted = String::new();
            let mut is_quoted = false;
            let mut characters = line.chars();
            while let Some(character) = characters.next() {
                match character {
                    '"' => is_quoted = !is_quoted,
                    '\\' if is_quoted => drop(characters.next()),
                    _ if !is_quoted => unquoted.push(character),
                    _ => {}
                }
            }
            assert_eq!(unquoted.matches("cause=").count(), 1, "{unquoted}");
            assert!(!unquoted.contains("forged"), "{unquoted}");
        } else {
            let lines: Vec<Value> =
                log.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?;
            let line = only(&lines, "closed")?;
            assert_eq!(line["cause"], "client");
            assert_eq!(line["reason"], r#"a\nb\r\x1b[2J\xc2\x85\xe2\x80\xa8\"} cause=forged"#);
            assert_eq!(line["user_agent"], r#"\"x\" cause=forged [31m \t\\n \xc3\xa9"#);
            assert!(line["path"].as_str().is_some_and(|path| !path.contains('\n')), "{line}");
        }
    }
    Ok(())
}

#[test]
fn access_log_is_off_by_default_and_a_setting_of_its_own() -> Result<()> {
    let log_of_clients = |server: TestServer| -> Result<String> {
        Client::connect(&server)?.close()?;
        Client::open(server.address(), &handshake("/nowhere", ""))?;
        Client::open(server.address(), &handshake("/", "").replace("dGhl", "d"))?;
        log_of(server)
    };
    let is_there =
        |log: &str| ["received_messages", "unknown-path", "invalid"].map(|word| log.contains(word));
    let off = log_of_clients(TestServer::serving("echo")?)?;
    assert_eq!(is_there(&off), [false; 3], "{off}");
    // The level of other lines does not matter.
    let quiet =
        log_of_clients(TestServer::with_arguments("echo", &["--access-log", "--log", "error"])?)?;
    assert_eq!(is_there(&quiet), [true; 3], "{quiet}");
    assert!(!quiet.contains("stopping"), "{quiet}");
    let filtered = ["--access-log", "--log", "info,access=off"];
    let filtered = log_of_clients(TestServer::with_arguments("echo", &filtered)?)?;
    assert_eq!(is_there(&filtered), [false; 3], "{filtered}");
    let configuration = Configuration::new(
        "listen = \"127.0.0.1:0\"\naccess-log = true\n[[resource]]\ncomponent = \"{{echo}}\"\n",
    )?;
    let configured = log_of_clients(configuration.serve()?)?;
    assert_eq!(is_there(&configured), [true; 3], "{configured}");
    Ok(())
}

#[test]
fn fault_names_the_client_its_connection_and_the_version_of_the_component() -> Result<()> {
    let flags = [&JSON[..], &["--admin", "127.0.0.1:0"]].concat();
    let mut server = TestServer::with_arguments("guest-trap", &flags)?;
    let admin = server.admin()?;
    let resources: Value =
        serde_json::from_str(&ask_admin(admin, "GET /resources", "", b"")?.body)?;
    let mut client = Client::connect(&server)?;
    client.send_text("trap")?;
    client.expect_close(1011)?;
    drop(client);
    let lines = lines_of(server)?;
    let closed = only(&lines, "closed")?;
    assert_eq!(closed["cause"], "handler-failed");
    let fault = lines.iter().find(|line| line["level"] == "ERROR").context("no fault")?;
    for name in ["connection", "client", "resource"] {
        assert_eq!(fault[name], closed[name], "{name}");
    }
    assert_eq!(fault["hash"], resources[0]["hash"]);
    assert_eq!(fault["component"], "guest-trap.wasm");
    Ok(())
}

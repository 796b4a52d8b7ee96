//! WebSockets that handlers open to granted servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{
    Client, DEADLINE, TestServer, component, host_binary, raise_open_files, root, startup_error,
    wait_until,
};

use crate::configured::{Configuration, ask_admin, terminate};
use crate::encrypted::Authority;
use crate::keeper::counter;

/// A server of the Python package `websockets`.
struct Python {
    process: Child,
    /// The lines that it prints.
    lines: Receiver<String>,
    url: String,
}

impl Python {
    fn start() -> Result<Self> {
        let mut command = Command::new(root().join(".venv-clients/bin/python"));
        command.arg(root().join("tests/clients/server.py")).stdout(Stdio::piped());
        let mut process = command.spawn().context("is .venv-clients there? make clients")?;
        let output = process.stdout.take().context("its output is piped")?;
        let (sender, lines) = sync_channel(100);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            // Fails if the test is over.
            while lines.next().is_some_and(|line| sender.send(line).is_ok()) {}
        });
        let mut python = Self { process, lines, url: String::new() };
        python.url = python.line()?;
        Ok(python)
    }

    fn line(&self) -> Result<String> {
        self.lines.recv_timeout(DEADLINE).context("the server prints nothing")
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Fails only if the process has exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server, and a handler that may connect to it.
struct Scene {
    upstream: TestServer,
    server: TestServer,
    client: Client,
    url: String,
    _configuration: Configuration,
}

impl Scene {
    /// `more` are further settings of the handler's resource.
    fn new(upstream: TestServer, more: &str) -> Result<Self> {
        let url = format!("ws://{}", upstream.address());
        let configuration = bridge(&url, more)?;
        let server = configuration.serve()?;
        let client = Client::connect(&server)?;
        Ok(Self { upstream, server, client, url, _configuration: configuration })
    }

    fn with_echo(more: &str) -> Result<Self> {
        Self::new(TestServer::with_arguments("echo", &["--log", "debug"])?, more)
    }

    fn open(&mut self) -> Result<()> {
        assert_eq!(self.client.ask(&format!("open {}", self.url))?, "ok");
        Ok(())
    }

    /// Sends something to the echo, which must answer.
    fn check(&mut self, text: &str) -> Result<()> {
        said(&mut self.client, text, &format!("text {text}"))
    }
}

fn bridge(url: &str, more: &str) -> Result<Configuration> {
    Configuration::new(&format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[[resource]]\nname = \"a\"\n\
         component = \"{{{{guest-bridging}}}}\"\ngrant = [\"{url}\"]\n{more}\n"
    ))
}

/// Sends something to the server that was connected last. It answers.
fn said(client: &mut Client, text: &str, answer: &str) -> Result<()> {
    client.send_text(&format!("say {text}"))?;
    let mut got = [client.receive_text()?, client.receive_text()?];
    // The server is fast: its answer may come before the end of the event that asks for it.
    got.sort_by_key(|line| line != "ok");
    assert_eq!(got, ["ok", answer]);
    Ok(())
}

#[test]
fn messages_go_both_ways() -> Result<()> {
    let mut scene = Scene::with_echo("")?;
    scene.open()?;
    // The connection may not be open yet: what is sent waits.
    scene.check("hello")?;
    scene.check("again")?;
    assert_eq!(scene.client.ask("count")?, "1 connections, 1 clients, 2 messages");
    scene.client.send_text("ping")?;
    let mut got = [scene.client.receive_text()?, scene.client.receive_text()?];
    got.sort();
    assert_eq!(got, ["ok", "pong ping"]);
    Ok(())
}

#[test]
fn connection_is_no_client() -> Result<()> {
    let mut scene = Scene::with_echo("")?;
    scene.open()?;
    scene.check("hello")?;
    let admin = scene.server.admin()?;
    let clients = ask_admin(admin, "GET /clients", "", b"")?.body;
    assert_eq!(clients.matches("\"id\"").count(), 1, "{clients}");
    assert_eq!(counter(admin, "ws_host_outgoing_connections")?, 1);
    // What is published reaches it if it is subscribed.
    assert_eq!(scene.client.ask("subscribe news")?, "ok");
    scene.client.send_text("publish news today")?;
    let mut got = [scene.client.receive_text()?, scene.client.receive_text()?];
    got.sort();
    assert_eq!(got, ["ok", "text today"]);
    Ok(())
}

#[test]
fn python_server_gets_and_sends_everything() -> Result<()> {
    let python = Python::start()?;
    let server = bridge(&python.url, "")?.serve()?;
    let mut client = Client::connect(&server)?;
    let url = python.url.clone();
    let expect = |client: &mut Client, command: &str, answer: &str| {
        client.send_text(command)?;
        let mut got = [client.receive_text()?, client.receive_text()?];
        got.sort_by_key(|line| line != "ok");
        assert_eq!(got, ["ok", answer], "{command}");
        anyhow::Ok(())
    };
    expect(&mut client, &format!("offer {url}/feed?a=b chat"), "text chat None /feed?a=b")?;
    said(&mut client, "gr\u{fc}\u{df}e", "text gr\u{fc}\u{df}e")?;
    expect(&mut client, "say close", "end Client 4000 bye")?;
    assert_eq!(python.line()?, "closed 4000 bye");
    let header = format!("header {url}/ authorization secret");
    expect(&mut client, &header, "text None secret /")?;
    expect(&mut client, "say vanish", "end Lost 1006 the client left without a close frame")
        .or_else(|error| if error.to_string().contains("reset") { Ok(()) } else { Err(error) })?;
    python.line()?;
    expect(&mut client, &header, "text None secret /")?;
    expect(&mut client, "close", "end Handler 1000 enough")?;
    assert_eq!(python.line()?, "closed 1000 enough");
    // The limit on messages is that of clients.
    expect(&mut client, &header, "text None secret /")?;
    client.send_text("say long")?;
    assert_eq!(client.receive_text()?, "ok");
    let end = client.receive_text()?;
    assert!(end.starts_with("end TooLong 1006"), "{end}");
    assert!(python.line()?.starts_with("closed 1009"));
    Ok(())
}

#[test]
fn other_servers_are_denied_and_the_log_names_the_grant() -> Result<()> {
    let mut scene = Scene::with_echo("")?;
    let port = scene.upstream.address().port();
    for (url, answer) in [
        ("ws://127.0.0.1:9/".to_owned(), "NotGranted"),
        (format!("wss://127.0.0.1:{port}/"), "NotGranted"),
        (format!("ws://localhost:{port}/"), "NotGranted"),
        (format!("ws://[::ffff:127.0.0.1]:{port}/"), "NotGranted"),
        ("wss://example.com/".to_owned(), "NotGranted"),
        (format!("http://127.0.0.1:{port}/"), "InvalidUrl"),
        (format!("ws://me@127.0.0.1:{port}/"), "InvalidUrl"),
        (format!("ws://127.0.0.1:{port}/#a"), "InvalidUrl"),
        ("ws://".to_owned(), "InvalidUrl"),
        (format!("ws://127.0.0.1:{port}/{}", "a".repeat(5_000)), "TooLong"),
    ] {
        assert_eq!(scene.client.ask(&format!("open {url}"))?, answer, "{url}");
    }
    let line = scene.server.wait_for_log("not granted: add \"wss://example.com\"")?;
    assert!(line.contains("guest-bridging.wasm") && line.contains("`grant`"), "{line}");
    for name in ["host", "connection", "upgrade", "sec-websocket-key", "transfer-encoding", "a:b"] {
        let answer = scene.client.ask(&format!("header {} {name} x", scene.url))?;
        assert_eq!(answer, "InvalidHeader", "{name}");
    }
    assert_eq!(scene.client.ask("count")?, "0 connections, 1 clients, 0 messages");
    Ok(())
}

/// The resolver of the system takes 127.1 for a name of 127.0.0.1, on every machine.
#[test]
fn name_with_a_private_address_needs_the_mark_private() -> Result<()> {
    let upstream = TestServer::serving("echo")?;
    let url = format!("ws://127.1:{}", upstream.address().port());
    let server = bridge(&url, "")?.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask(&format!("open {url}"))?, "ok");
    let end = client.receive_text()?;
    assert!(end.starts_with("end NotOpened 1006") && end.contains("127.0.0.1"), "{end}");
    let server = bridge(&format!("{url} private"), "")?.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask(&format!("open {url}"))?, "ok");
    said(&mut client, "hello", "text hello")
}

#[test]
fn certificate_of_the_server_is_checked() -> Result<()> {
    let authority = Authority::new()?;
    let upstream = authority.serving("echo", &[])?;
    let url = format!("wss://localhost:{}", upstream.address().port());
    let other = Authority::new()?;
    for (trusted, is_valid) in [(&authority, true), (&other, false)] {
        let mut command = Command::new(host_binary());
        command.arg("--component").arg(component("guest-bridging")).args(["--grant", &url]);
        command.args(["--listen", "127.0.0.1:0"]).env("SSL_CERT_FILE", trusted.file());
        let server = TestServer::spawn(command)?;
        let mut client = Client::connect(&server)?;
        assert_eq!(client.ask(&format!("open {url}"))?, "ok");
        if is_valid {
            said(&mut client, "hello", "text hello")?;
        } else {
            let end = client.receive_text()?;
            assert!(end.starts_with("end NotOpened") && end.contains("certificate"), "{end}");
        }
    }
    Ok(())
}

/// Answers each connection with these bytes, and leaves it open.
fn raw_server(answer: &'static [u8]) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept() {
            // The other end may have given up already.
            let _ = socket.read(&mut [0; 4096]).and_then(|_| socket.write_all(answer));
            open.push(socket);
        }
    });
    Ok(url)
}

#[test]
fn servers_that_open_no_websocket_are_given_up_with_a_reason() -> Result<()> {
    let long: &'static str = Box::leak("a".repeat(100_000).into_boxed_str());
    for (answer, words) in [
        (&b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"[..], "403"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200"),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", "302"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "does not match the request's key",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
        (b"", "http.first-byte-timeout"),
        (long.as_bytes(), ""),
    ] {
        let url = raw_server(answer)?;
        let settings = "http = { first-byte-timeout = \"300ms\" }";
        let mut server = bridge(&url, settings)?.serve()?;
        let mut client = Client::connect(&server)?;
        assert_eq!(client.ask(&format!("open {url}/secret"))?, "ok");
        let end = client.receive_text()?;
        assert!(end.starts_with("end NotOpened 1006") && end.contains(words), "{words}: {end}");
        let line = server.wait_for_log("failed")?;
        assert!(line.contains(words) && !line.contains("secret"), "{line}");
        assert_eq!(client.ask("count")?, "0 connections, 1 clients, 0 messages");
    }
    let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let server = bridge(&format!("ws://{gone}"), "")?.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask(&format!("open ws://{gone}"))?, "ok");
    let end = client.receive_text()?;
    assert!(end.starts_with("end NotOpened") && end.contains("refused"), "{end}");
    Ok(())
}

#[test]
fn handler_can_give_up_a_connection_that_is_not_open() -> Result<()> {
    // The kernel accepts the connection, and nobody reads from it.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}", silent.local_addr()?);
    let server = bridge(&url, "")?.serve()?;
    let mut client = Client::connect(&server)?;
    for command in ["close", "abort"] {
        assert_eq!(client.ask(&format!("open {url}"))?, "ok");
        client.send_text(command)?;
        let mut got = [client.receive_text()?, client.receive_text()?];
        got.sort_by_key(|line| line.starts_with("end"));
        assert!(got[1].starts_with("end Handler 1006 the connection was dropped"), "{got:?}");
    }
    assert_eq!(client.ask("count")?, "0 connections, 1 clients, 0 messages");
    Ok(())
}

#[test]
fn connections_of_an_instance_are_bounded() -> Result<()> {
    let mut scene = Scene::with_echo("")?;
    let many = format!("many {} 20", scene.url);
    assert_eq!(scene.client.ask(&many)?, "4 refused: Some(\"TooMany\")");
    assert_eq!(scene.client.ask("count")?, "16 connections, 1 clients, 0 messages");
    scene.check("hello")?;
    // The end of one makes room.
    scene.client.send_text("close")?;
    let mut got = [scene.client.receive_text()?, scene.client.receive_text()?];
    got.sort();
    assert_eq!(got, ["end Handler 1000 enough", "ok"]);
    assert_eq!(scene.client.ask(&format!("many {} 2", scene.url))?, "1 refused: Some(\"TooMany\")");
    Ok(())
}

#[test]
fn connections_of_all_instances_of_a_resource_are_bounded() -> Result<()> {
    raise_open_files();
    let mut scene = Scene::with_echo("instance-per = \"client\"")?;
    let mut clients = Client::connect_many(&scene.server, 64)?;
    for client in &mut clients {
        assert_eq!(client.ask(&format!("many {} 16", scene.url))?, "0 refused: None");
    }
    let one = format!("many {} 1", scene.url);
    assert_eq!(scene.client.ask(&one)?, "1 refused: Some(\"TooMany\")");
    // A client that leaves makes room.
    clients.remove(0).close()?;
    wait_until(|| Ok(scene.client.ask(&one)? == "0 refused: None"))
}

#[test]
fn connection_that_takes_no_more_says_so() -> Result<()> {
    let mut scene = Scene::with_echo("max-message = \"100KiB\"")?;
    scene.open()?;
    scene.check("hello")?;
    assert_eq!(scene.client.ask("flood")?, "true sent, then Full");
    Ok(())
}

#[test]
fn connections_outlive_reloads_and_traps() -> Result<()> {
    let mut scene = Scene::with_echo("")?;
    let admin = scene.server.admin()?;
    scene.open()?;
    assert_eq!(scene.client.ask("attach !")?, "ok");
    scene.check("one")?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert_eq!(response.status, 200, "{response:?}");
    scene.check("two")?;
    assert_eq!(scene.client.ask("count")?, "1 connections, 1 clients, 2 messages");
    scene.client.send_text("trap")?;
    assert_eq!(scene.client.receive_close()?.0, 1011);
    scene.client = Client::connect(&scene.server)?;
    assert_eq!(scene.client.ask("count")?, "1 connections, 1 clients, 0 messages");
    scene.check("three")?;
    scene.client.send_text("close")?;
    let mut got = [scene.client.receive_text()?, scene.client.receive_text()?];
    got.sort();
    assert_eq!(got, ["end! Handler 1000 enough", "ok"], "the attachment is still there");
    Ok(())
}

#[test]
fn hibernated_instance_is_woken_by_its_server() -> Result<()> {
    let upstream = TestServer::serving("guest-bridging")?;
    let url = format!("ws://{}", upstream.address());
    let flags = ["--grant", &url, "--hibernate-after", "100ms", "--log", "ws_host=debug"];
    let (mut server, mut client) = TestServer::with_client("guest-bridging", &flags)?;
    assert_eq!(client.ask(&format!("open {url}"))?, "ok");
    let mut other = Client::connect(&upstream)?;
    wait_until(|| Ok(other.ask("count")?.contains("2 clients")))?;
    for length in 1..4 {
        server.wait_for_log("hibernated")?;
        // The upstream sends this to all its clients.
        other.send_frame(0x82, &vec![0; length])?;
        let expected = format!("{length} bytes from a client");
        assert_eq!(client.receive_text()?, format!("text {expected}"));
        assert_eq!(other.receive_text()?, expected);
    }
    upstream.signal(Signal::KILL)?;
    assert!(client.receive_text()?.starts_with("end Lost 1006"));
    Ok(())
}

#[test]
fn connections_are_closed_when_the_server_stops() -> Result<()> {
    let mut scene = Scene::with_echo("")?;
    scene.open()?;
    scene.check("hello")?;
    terminate(&scene.server)?;
    let line = scene.upstream.wait_for_log("disconnected")?;
    assert!(line.contains("code=1001"), "{line}");
    let ended = scene.server.wait()?;
    assert!(ended.status.success(), "{ended:?}");
    Ok(())
}

#[test]
fn connection_ends_with_the_instance_of_its_client() -> Result<()> {
    let mut scene = Scene::with_echo("instance-per = \"client\"")?;
    scene.open()?;
    scene.check("hello")?;
    scene.client.close()?;
    let line = scene.upstream.wait_for_log("disconnected")?;
    assert!(line.contains("code=1001"), "{line}");
    Ok(())
}

#[test]
fn connection_is_closed_when_its_grant_is_revoked() -> Result<()> {
    let upstream = TestServer::serving("echo")?;
    let url = format!("ws://{}", upstream.address());
    let text = |grants: &str| {
        format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[[resource]]\nname = \"a\"\n\
             component = \"{{{{guest-bridging}}}}\"\ngrant = [{grants}]\n"
        )
    };
    let configuration = Configuration::new(&text(&format!("\"{url}\"")))?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask(&format!("open {url}"))?, "ok");
    said(&mut client, "hello", "text hello")?;
    configuration.write(&text(&format!("\"{url}\", \"config\"")))?;
    ask_admin(admin, "POST /reload", "", b"")?;
    said(&mut client, "still granted", "text still granted")?;
    configuration.write(&text("\"config\""))?;
    ask_admin(admin, "POST /reload", "", b"")?;
    assert_eq!(client.receive_text()?, "end Operator 1001 no longer granted");
    assert_eq!(client.ask(&format!("open {url}"))?, "NotGranted");
    Ok(())
}

#[test]
fn grants_of_websockets_that_are_wrong_are_refused() -> Result<()> {
    for (grant, words) in [
        ("wss://api.example.com/feed", "leave the path out"),
        ("wss://*.example.com", "every host must be named"),
        ("wss:api.example.com", "is not a capability"),
    ] {
        let error = startup_error("guest-bridging", &["--grant", grant])?;
        assert!(error.contains("--grant") && error.contains(words), "{grant}: {error}");
    }
    Ok(())
}

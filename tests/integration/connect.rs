//! `ws-host connect`, against ws-host and other servers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result};
use tempfile::TempDir;
use ws_host_test_support::{TestServer, host_binary, root};

/// Returns the command with all three standard streams piped.
pub(crate) fn command(url: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(host_binary());
    command.args(["connect", url]).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `ws-host connect` with this input until it exits. Returns its output, and stdout and stderr as text.
pub(crate) fn connect(url: &str, flags: &[&str], input: &str) -> Result<(Output, String, String)> {
    run(command(url, flags), input)
}

/// Runs a command with this input until it exits.
pub(crate) fn run(
    mut command: Command,
    input: impl AsRef<[u8]>,
) -> Result<(Output, String, String)> {
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("standard input is piped")?;
    // The process may exit before it has read all of its input.
    let _ = stdin.write_all(input.as_ref());
    drop(stdin);
    ended(child)
}

/// Waits until the process exits.
pub(crate) fn ended(child: Child) -> Result<(Output, String, String)> {
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, log) = (text(&output.stdout), text(&output.stderr));
    assert!(!log.contains("panicked"), "{log}");
    Ok((output, printed, log))
}

#[test]
fn lines_of_a_pipe_are_sent_as_messages_and_replies_are_printed() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (output, printed, log) = connect(server.url(), &["--plain"], "hello\ngr\u{fc}ezi\n\nlast")?;
    assert_eq!(printed, "hello\ngr\u{fc}ezi\n\nlast\n");
    assert_eq!(output.status.code(), Some(0), "{log}");
    Ok(())
}

#[test]
fn messages_are_printed_with_direction_and_kind() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let input = "hello\n/binary 01 02 ff\n//slash\n/unknown\n";
    let (output, printed, log) = connect(server.url(), &["--commands"], input)?;
    assert_eq!(printed, "< text hello\n< binary 01 02 ff\n< text /slash\n");
    assert!(
        log.contains("connected to ws://") && log.contains("there is no command /unknown"),
        "{log}"
    );
    assert!(log.contains("closed with 1000\n1 of 4 messages were not sent\n"), "{log}");
    assert_eq!(output.status.code(), Some(5));
    Ok(())
}

#[test]
fn ping_measures_the_round_trip() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (_, printed, log) = connect(server.url(), &["--commands"], "/ping far\nhello\n")?;
    assert!(printed.contains("< pong far (") && printed.contains(" ms)"), "{printed}{log}");
    Ok(())
}

#[test]
fn exit_code_says_how_the_connection_ended() -> Result<()> {
    let server = TestServer::serving("guest-closing")?;
    let (output, _, log) = connect(server.url(), &[], "close 4001 enough\n")?;
    assert_eq!(output.status.code(), Some(3), "{log}");
    assert!(log.contains("with 4001 (enough)"), "{log}");
    let server = TestServer::serving("guest-aborting")?;
    let (output, _, log) = connect(server.url(), &[], "abort me\n")?;
    assert_eq!(output.status.code(), Some(4), "{log}");
    Ok(())
}

#[test]
fn failure_to_connect_says_why_and_what_to_do() -> Result<()> {
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let server = TestServer::serving("echo")?;
    let here = server.url();
    for (url, flags, word) in [
        (format!("ws://{nobody}/"), &[][..], "refused"),
        (here.to_owned(), &["--origin", "http://evil.example"], "--origin"),
        (format!("{here}nowhere"), &[], "404"),
        ("http://localhost/".to_owned(), &[], "ws://"),
        (here.replace("ws://", "wss://"), &["--connect-timeout", "5s"], "TLS"),
    ] {
        let (output, printed, log) = connect(&url, flags, "")?;
        assert_eq!(output.status.code(), Some(1), "{url}: {log}");
        assert!(log.contains(word), "{word:?} is not in: {log}");
        assert!(printed.is_empty(), "{printed}");
    }
    Ok(())
}

#[test]
fn subprotocols_and_headers_are_sent() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &["--subprotocol", "chat"])?;
    let flags = ["--subprotocol", "chat", "--header", "Cookie: a=b", "--plain"];
    let (_, printed, log) = connect(server.url(), &flags, "cookie\n")?;
    assert_eq!(printed, "a=b\n", "{log}");
    assert!(log.contains("subprotocol chat"), "{log}");
    Ok(())
}

#[test]
fn control_characters_from_the_server_do_not_reach_the_terminal() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (_, printed, _) = connect(server.url(), &[], "\u{1b}[2Jhello\n")?;
    assert!(printed.contains("[2Jhello") && !printed.contains('\u{1b}'), "{printed:?}");
    Ok(())
}

#[test]
fn negotiated_compression_is_reported_and_can_be_turned_off() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--compression", "messages"])?;
    let text = format!("{}\n", "a".repeat(1000));
    for (flags, agreed) in
        [(&["--plain"][..], ", compressed"), (&["--plain", "--no-compression"], "")]
    {
        let (output, printed, log) = connect(server.url(), flags, &text)?;
        assert_eq!((&printed, output.status.code()), (&text, Some(0)), "{log}");
        assert!(log.starts_with(&format!("connected to {}{agreed}\n", server.url())), "{log}");
    }
    Ok(())
}

#[test]
fn unix_socket_replaces_host_and_port() -> Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path().join("socket").display().to_string();
    let _server = TestServer::with_arguments("echo", &["--listen", &format!("unix:{path}")])?;
    for flags in [&["--unix", &path][..], &["--http2", "--unix", &path]] {
        let (output, printed, log) = connect("ws://localhost/", flags, "hello\n")?;
        assert_eq!((printed.as_str(), output.status.code()), ("< text hello\n", Some(0)), "{log}");
    }
    let nowhere = folder.path().join("nowhere").display().to_string();
    let (output, _, log) = connect("ws://localhost/", &["--unix", &nowhere], "")?;
    assert_eq!(output.status.code(), Some(1));
    assert!(log.contains("nowhere") && log.contains("No such file"), "{log}");
    Ok(())
}

#[test]
fn http2_is_used_on_request_and_reported() -> Result<()> {
    // Longer than every flow-control window on the way.
    let input = format!("hello\n{}\nlast\n", "x".repeat(3_000_000));
    for (tls, flags) in [(&[][..], &["--plain"][..]), (&["--tls-dev"], &["--plain", "--insecure"])]
    {
        let arguments = [&["--max-message", "4MiB", "--max-outbound", "8MiB"], tls].concat();
        let server = TestServer::with_arguments("echo", &arguments)?;
        for (version, over) in [(&["--http2"][..], " over HTTP/2"), (&[], "")] {
            let flags = [flags, version, &["--max-message", "4MiB"]].concat();
            let (output, printed, log) = connect(server.url(), &flags, &input)?;
            assert!(printed == input, "{} bytes came back: {log}", printed.len());
            assert!(log.starts_with(&format!("connected to {}{over}\n", server.url())), "{log}");
            assert_eq!(output.status.code(), Some(0), "{log}");
        }
    }
    Ok(())
}

/// A server in Node. Dropping it kills the process.
struct Node(Child);

impl Node {
    /// Starts a server and returns it with its port.
    fn start(script: &str) -> Result<(Self, String)> {
        let mut child = Command::new("node")
            .arg(root().join("tests/clients").join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node is missing: `make clients` says what is needed")?;
        let output = child.stdout.take().context("standard output is piped")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        Ok((Self(child), port.trim().to_owned()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn node_server_is_reached_over_http2() -> Result<()> {
    let (_node, port) = Node::start("http2.mjs")?;
    let url = format!("ws://127.0.0.1:{port}/chat?x=1");
    let flags = ["--http2", "--subprotocol", "chat", "--plain"];
    // Longer than an HTTP/2 frame and than Node's window. Node resets a stream that it closes while more is queued
    // than our window allows.
    let long = "x".repeat(700_000);
    let input = format!("hello\n{long}\n");
    let (output, printed, log) = connect(&url, &flags, &input)?;
    assert!(printed == input, "{} bytes came back: {log}", printed.len());
    assert!(log.contains(&format!("connected to {url} over HTTP/2, subprotocol chat\n")), "{log}");
    assert!(log.contains("closed with 1000"), "{log}");
    assert_eq!(output.status.code(), Some(0), "{log}");
    let (output, _, log) = connect(&format!("ws://127.0.0.1:{port}/"), &["--http2"], "")?;
    assert_eq!(output.status.code(), Some(1));
    assert!(log.contains("400 Bad Request: this is no WebSocket"), "{log}");
    Ok(())
}

#[test]
fn server_with_another_http_version_is_reported() -> Result<()> {
    let (_node, port) = Node::start("http2.mjs")?;
    let server = format!("ws://127.0.0.1:{port}/");
    let (output, _, log) = connect(&server, &["--connect-timeout", "5s"], "")?;
    assert_eq!(output.status.code(), Some(1));
    assert!(log.contains("does not speak HTTP/1.1") && log.contains("--http2"), "{log}");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}/", listener.local_addr()?);
    thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0; 24])?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    });
    let (output, _, log) = connect(&url, &["--http2"], "")?;
    assert_eq!(output.status.code(), Some(1));
    assert!(log.contains("does not speak HTTP/2") && log.contains("Leave out --http2"), "{log}");
    Ok(())
}

#[test]
fn certificate_of_the_client_needs_its_key() -> Result<()> {
    let (output, _, log) = connect("wss://localhost/", &["--cert", "me.pem"], "")?;
    assert_eq!(output.status.code(), Some(2));
    assert!(log.contains("--key"), "{log}");
    let nobody = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("wss://{}/", nobody.local_addr()?);
    let flags = ["--insecure", "--cert", "/nowhere/me.pem", "--key", "/nowhere/me.key"];
    let (output, _, log) = connect(&url, &flags, "")?;
    assert_eq!(output.status.code(), Some(1));
    assert!(log.contains("/nowhere/me.pem") && log.contains("--cert"), "{log}");
    Ok(())
}

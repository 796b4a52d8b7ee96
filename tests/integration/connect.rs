//! `ws-host connect`, against our own server and others.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use ws_host_test_support::{TestServer, host_binary};

/// Runs it with this input, to its end.
fn connect(url: &str, flags: &[&str], input: &str) -> Result<(Output, String, String)> {
    let mut child = Command::new(host_binary())
        .args(["connect", url])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("standard input is piped")?;
    // It may have ended before it read all.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (told, log) = (text(&output.stdout), text(&output.stderr));
    assert!(!log.contains("panicked"), "{log}");
    Ok((output, told, log))
}

#[test]
fn lines_of_a_pipe_are_messages_and_their_answers_come_out() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (output, told, log) = connect(server.url(), &["--plain"], "hello\ngr\u{fc}ezi\n\nlast")?;
    assert_eq!(told, "hello\ngr\u{fc}ezi\n\nlast\n");
    assert_eq!(output.status.code(), Some(0), "{log}");
    Ok(())
}

#[test]
fn messages_are_told_with_direction_and_kind() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let input = "hello\n/binary 01 02 ff\n//slash\n/unknown\n";
    let (output, told, log) = connect(server.url(), &[], input)?;
    assert_eq!(told, "< text hello\n< binary 01 02 ff\n< text /slash\n");
    assert!(log.contains("connected to ws://") && log.contains("there is no /unknown"), "{log}");
    assert!(log.contains("closed with 1000"), "{log}");
    assert_eq!(output.status.code(), Some(0));
    Ok(())
}

#[test]
fn ping_measures_the_way_there_and_back() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (_, told, log) = connect(server.url(), &[], "/ping far\nhello\n")?;
    assert!(told.contains("< pong far (") && told.contains(" ms)"), "{told}{log}");
    Ok(())
}

#[test]
fn exit_code_tells_how_it_ended() -> Result<()> {
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
fn who_cannot_connect_is_told_why_and_what_to_do() -> Result<()> {
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
        let (output, told, log) = connect(&url, flags, "")?;
        assert_eq!(output.status.code(), Some(1), "{url}: {log}");
        assert!(log.contains(word), "{word:?} is not in: {log}");
        assert!(told.is_empty(), "{told}");
    }
    Ok(())
}

#[test]
fn subprotocols_and_headers_are_sent() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &["--subprotocol", "chat"])?;
    let flags = ["--subprotocol", "chat", "--header", "Cookie: a=b", "--plain"];
    let (_, told, log) = connect(server.url(), &flags, "cookie\n")?;
    assert_eq!(told, "a=b\n", "{log}");
    assert!(log.contains("subprotocol chat"), "{log}");
    Ok(())
}

#[test]
fn what_the_server_sends_does_not_move_the_cursor() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (_, told, _) = connect(server.url(), &[], "\u{1b}[2Jhello\n")?;
    assert!(told.contains("[2Jhello") && !told.contains('\u{1b}'), "{told:?}");
    Ok(())
}

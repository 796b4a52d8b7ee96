//! `ws-host connect` in pipelines: nothing is lost silently.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use ws_host_test_support::{TestServer, host_binary};

use crate::connect::{command, connect, ended, run};
use crate::proxy::{Proxy, Way};

/// Limits that fit all messages of these tests.
const LONG: &[&str] = &["--max-message", "16MiB", "--max-outbound", "32MiB"];

/// A running client whose input stays open.
struct Talk {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Talk {
    fn start(mut command: std::process::Command) -> Result<Self> {
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        Ok(Self { child, output })
    }

    /// Sends a line and reads one.
    fn ask(&mut self, line: &str) -> Result<String> {
        self.send(line)?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    fn send(&mut self, line: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("standard input is piped")?;
        Ok(writeln!(input, "{line}")?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Waits until the process exits while its input stays open. Returns exit code and log.
    fn end(mut self) -> Result<(Option<i32>, String)> {
        let input = self.child.stdin.take();
        let (output, _, log) = ended(self.child)?;
        drop(input);
        Ok((output.status.code(), log))
    }
}

#[test]
fn reply_that_arrives_after_the_end_of_the_input_is_printed() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let (output, printed, log) = connect(server.url(), &["--plain"], "timer 1 200\n")?;
    assert_eq!(printed, "Ok(())\nfired 1 in version 1\n", "{log}");
    assert_eq!(output.status.code(), Some(0), "{log}");
    Ok(())
}

#[test]
fn wait_is_configurable() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    // Longer than any test takes.
    let input = "timer 1 3600000\n";
    let (output, printed, log) = connect(server.url(), &["--plain", "--wait", "10ms"], input)?;
    assert_eq!((&*printed, output.status.code()), ("Ok(())\n", Some(0)), "{log}");
    let server = TestServer::serving("guest-closing")?;
    let flags = ["--plain", "--wait", "forever"];
    let (output, _, log) = connect(server.url(), &flags, "close 1000 enough\n")?;
    assert!(log.contains("closed by the server with 1000 (enough)"), "{log}");
    assert_eq!(output.status.code(), Some(0), "{log}");
    Ok(())
}

#[test]
fn client_exits_after_count_messages() -> Result<()> {
    let server = TestServer::serving("guest-keeper")?;
    let input = "timer 1 200\ntimer 2 3600000\n";
    let (output, printed, log) = connect(server.url(), &["--plain", "--count", "3"], input)?;
    assert_eq!(printed, "Ok(())\nOk(())\nfired 1 in version 1\n", "{log}");
    assert_eq!(output.status.code(), Some(0), "{log}");
    // The same while the input stays open; nothing beyond the count is printed.
    let server = TestServer::serving("echo")?;
    let mut talk = Talk::start(command(server.url(), &["--plain", "--count", "1"]))?;
    assert_eq!(talk.ask("one")?, "one");
    let (code, log) = talk.end()?;
    assert_eq!(code, Some(0), "{log}");
    Ok(())
}

#[test]
fn fewer_messages_than_count_is_an_error_that_says_how_many_arrived() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let flags = ["--plain", "--count", "3", "--wait", "100ms"];
    let (output, printed, log) = connect(server.url(), &flags, "a\nb\n")?;
    assert_eq!(printed, "a\nb\n");
    assert!(log.contains("received 2 of 3 messages"), "{log}");
    assert_eq!(output.status.code(), Some(5), "{log}");
    let server = TestServer::serving("guest-closing")?;
    let (output, _, log) = connect(server.url(), &["--count", "1"], "close 1000 bye\n")?;
    assert!(log.contains("received 0 of 1 messages"), "{log}");
    assert_eq!(output.status.code(), Some(5), "{log}");
    Ok(())
}

#[test]
fn lines_that_begin_with_slashes_are_data() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let input = "/home/me\n//x\n/close\n/\n";
    let (output, printed, log) = connect(server.url(), &["--plain"], input)?;
    assert_eq!((&*printed, output.status.code()), (input, Some(0)), "{log}");
    let (output, printed, log) =
        connect(server.url(), &["--plain", "--commands"], "//x\n/close\n")?;
    assert_eq!((&*printed, output.status.code()), ("/x\n", Some(0)), "{log}");
    Ok(())
}

#[test]
fn line_endings_are_not_sent_and_the_last_line_needs_none() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let (_, printed, log) = connect(server.url(), &["--plain"], "a\r\nb\n\r\nlast")?;
    assert_eq!(printed, "a\nb\n\nlast\n", "{log}");
    Ok(())
}

#[test]
fn line_that_is_not_utf8_is_an_error_with_its_number() -> Result<()> {
    let server = TestServer::serving("echo")?;
    // Even when enough messages have arrived, an unsent message is an error.
    let (output, _, log) =
        run(command(server.url(), &["--plain", "--count", "1"]), b"\xff\xfe\nask\n")?;
    assert_eq!(output.status.code(), Some(5), "{log}");
    assert!(log.contains("line 1 of the input is not UTF-8"), "{log}");
    let (output, printed, log) = run(command(server.url(), &["--plain"]), b"a\n\xff\xfe\nb\n")?;
    assert_eq!(printed, "a\nb\n");
    assert!(log.contains("line 2 of the input is not UTF-8"), "{log}");
    assert!(log.contains("1 of 3 messages were not sent"), "{log}");
    assert_eq!(output.status.code(), Some(5), "{log}");
    Ok(())
}

#[test]
fn server_that_closes_before_the_input_ends_is_an_error() -> Result<()> {
    let server = TestServer::serving("guest-closing")?;
    let mut talk = Talk::start(command(server.url(), &[]))?;
    talk.send("close 1000 enough")?;
    let (code, log) = talk.end()?;
    assert!(log.contains("closed by the server with 1000 (enough)"), "{log}");
    assert!(
        log.contains(
            "the input was not sent, because the connection ended first (messages sent: 1)"
        ),
        "{log}"
    );
    assert_eq!(code, Some(5), "{log}");
    Ok(())
}

#[test]
fn messages_that_the_server_does_not_read_are_counted() -> Result<()> {
    let server = TestServer::with_arguments("echo", LONG)?;
    // Longer than all socket buffers on the way.
    let long = "x".repeat(15 << 20);
    let input = format!("first\n{long}\nmiddle\nlast\n");
    for (way, code, how) in [
        (Way::CloseBehind(100_000), 5, "closed by the server with 1000"),
        (Way::CutBehind(100_000), 4, "lost: "),
    ] {
        let proxy = Proxy::start(server.address(), way)?;
        let (output, _, log) = run(proxy.lead("ws://server.invalid/", &["--plain"]), &input)?;
        assert!(log.contains(how) && log.contains("3 of 4 messages were not sent"), "{log}");
        assert_eq!(output.status.code(), Some(code), "{log}");
    }
    Ok(())
}

/// Returns a client that ignores no signal, even if the tests were started with some ignored.
fn attentive(url: &str, flags: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new("env");
    command
        .arg("--default-signal=HUP,INT,TERM")
        .arg(host_binary())
        .args(["connect", url])
        .args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn signals_close_with_1001_and_set_the_exit_code() -> Result<()> {
    let server = TestServer::serving("echo")?;
    for (signal, name, code) in
        [(Signal::HUP, "SIGHUP", 129), (Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)]
    {
        let mut talk = Talk::start(attentive(server.url(), &["--plain"]))?;
        assert_eq!(talk.ask("hello")?, "hello");
        talk.signal(signal)?;
        let (ended, log) = talk.end()?;
        assert!(log.contains(&format!("ended by {name}\nclosed with 1001\n")), "{log}");
        assert_eq!(ended, Some(code), "{log}");
    }
    Ok(())
}

#[test]
fn signal_ends_a_client_with_unread_output() -> Result<()> {
    let server = TestServer::with_arguments("echo", LONG)?;
    let flags = ["--plain", "--max-message", "16MiB"];
    let mut talk = Talk::start(attentive(server.url(), &flags))?;
    assert_eq!(talk.ask("hello")?, "hello");
    // Longer than a pipe holds. The first byte is printed only after the whole message has arrived.
    talk.send(&"x".repeat(1 << 20))?;
    talk.output.fill_buf()?;
    talk.signal(Signal::TERM)?;
    let (ended, log) = talk.end()?;
    assert_eq!(ended, Some(143), "{log}");
    Ok(())
}

#[test]
fn signal_that_is_ignored_from_the_start_stays_ignored() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" connect --plain \"$1\""]);
    shell.arg(host_binary()).arg(server.url());
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut talk = Talk::start(shell)?;
    assert_eq!(talk.ask("one")?, "one");
    talk.signal(Signal::HUP)?;
    assert_eq!(talk.ask("two")?, "two");
    drop(talk.child.stdin.take());
    let (ended, log) = talk.end()?;
    assert_eq!(ended, Some(0), "{log}");
    Ok(())
}

#[test]
fn output_that_cannot_be_written_is_an_error() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut full = command(server.url(), &["--plain"]);
    full.stdout(File::options().write(true).open("/dev/full")?);
    let (output, _, log) = run(full, "hello\n")?;
    assert!(log.contains("some messages were not printed to standard output: No space"), "{log}");
    assert_eq!(output.status.code(), Some(5), "{log}");
    Ok(())
}

//! The log: output of guests, levels and rate limits.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, component, host_binary};

use crate::keeper::trap;

#[test]
fn lines_of_a_guest_are_logged_with_its_name() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client("guest-noisy", &[])?;
    client.ask("all is well")?;
    let line = server.wait_for_log("all is well")?;
    assert!(line.contains("INFO guest") && line.contains("guest-noisy.wasm"), "{line}");
    client.ask("!beware")?;
    assert!(server.wait_for_log("beware")?.contains("WARN guest"));
    Ok(())
}

#[test]
fn output_of_a_guest_is_printable() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    Client::connect(&server)?.ask("\u{1b}[2J\rfake entry\u{202e}")?;
    let line = server.wait_for_log("fake entry")?;
    assert!(line.contains(r"\u{1b}[2J\rfake entry\u{202e}"), "{line}");
    Ok(())
}

#[test]
fn line_without_an_end_is_logged_in_pieces() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    Client::connect(&server)?.ask(&format!("{}end", "x".repeat(10_000)))?;
    assert!(server.wait_for_log("xend")?.len() < 5000);
    Ok(())
}

#[test]
fn level_is_chosen_by_flag_and_environment() -> Result<()> {
    for (flags, level, is_told) in
        [(&["--log", "error"][..], None, false), (&[], Some("error"), false), (&[], None, true)]
    {
        let mut command = Command::new(host_binary());
        command.arg("--component").arg(component("guest-noisy"));
        command.args(["--listen", "127.0.0.1:0"]).args(flags).env_remove("RUST_LOG");
        command.envs(level.map(|level| ("RUST_LOG", level)));
        let server = TestServer::spawn(command)?;
        Client::connect(&server)?.ask("hello")?;
        let log = end(server)?;
        assert_eq!(log.contains("guest"), is_told, "{flags:?} {level:?}: {log}");
    }
    Ok(())
}

#[test]
fn payloads_are_not_logged_by_the_host() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--log", "debug"])?;
    assert_eq!(Client::connect_to(&server, "/?token=secret")?.ask("confidential")?, "confidential");
    let log = end(server)?;
    assert!(log.contains("disconnected"), "{log}");
    assert!(!log.contains("confidential") && !log.contains("secret"), "{log}");
    Ok(())
}

/// Shuts a server down and returns its log.
fn end(server: TestServer) -> Result<String> {
    server.signal(Signal::TERM)?;
    Ok(server.wait()?.log)
}

#[test]
fn lines_beyond_max_log_are_dropped_and_counted() -> Result<()> {
    let flags = ["--max-log", "16KiB", "--max-cpu", "20s"];
    let (mut server, mut client) = TestServer::with_client("guest-noisy", &flags)?;
    let began = Instant::now();
    client.ask("lines 3000000")?;
    server.wait_for_log("prints more than max-log allows (16.0 KiB a second)")?;
    // The first line of the next second reports how many lines were dropped.
    while began.elapsed() < Duration::from_millis(1100) {
        client.ask("hello")?;
    }
    client.ask("hello")?;
    server.wait_for_log("lines were left out")?;
    let seconds = began.elapsed().as_secs() as usize + 2;
    client.close()?;
    let log = end(server)?;
    // The log adds up to 128 bytes to each line.
    assert!(log.len() < seconds * (32 << 10), "{} bytes in {seconds} s", log.len());
    Ok(())
}

#[test]
fn guest_that_writes_too_much_at_once_traps_and_delays_no_other_client() -> Result<()> {
    let flags = ["--workers", "1", "--instance-per", "client", "--max-memory", "256MiB"];
    let (server, mut writer) = TestServer::with_client("guest-noisy", &flags)?;
    let mut other = Client::connect(&server)?;
    other.ask("hello")?;
    writer.send_text("once 60000000")?;
    let began = Instant::now();
    other.ask("hello")?;
    // Most of this time is the guest's own work on its memory.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    writer.expect_close(1011)?;
    other.close()?;
    let log = end(server)?;
    assert!(log.contains("check-write permits"), "{log}");
    assert!(log.len() < 64 << 10, "{} bytes", log.len());
    Ok(())
}

#[test]
fn repeated_faults_are_logged_at_most_ten_times_a_second() -> Result<()> {
    let flags = ["--instance-per", "client"];
    let server = TestServer::with_arguments("guest-trap", &flags)?;
    let began = Instant::now();
    for _ in 0..200 {
        trap(&server, "/")?;
    }
    let seconds = began.elapsed().as_secs() as usize + 2;
    let log = end(server)?;
    let reports = log.matches("the handler trapped").count();
    assert!((1..=10 * seconds).contains(&reports), "{reports} in {seconds} s");
    Ok(())
}

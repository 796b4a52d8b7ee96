//! A log that nobody reads, and one that is read as usual.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{
    Client, DEADLINE, Response, TestServer, component, handshake, host_binary,
};

use crate::keeper::counter;

fn noisy(flags: &[&str]) -> Command {
    let mut command = Command::new(host_binary());
    command.arg("--component").arg(component("guest-noisy"));
    command.args(["--listen", "127.0.0.1:0", "--max-log", "1GiB"]).args(flags);
    command
}

#[test]
fn unread_log_blocks_nothing() -> Result<()> {
    let (server, _pipe) =
        TestServer::spawn_unread(noisy(&["--max-clients", "1", "--drain-timeout", "3s"]))?;
    let mut client = Client::connect(&server)?;
    // More than a pipe holds.
    client.ask("lines 300000")?;
    assert_eq!(client.ask("hello")?, "printed");
    // Refusals are logged, too.
    for _ in 0..3 {
        let response = Response::to_head(server.address(), &handshake("/", ""))?;
        assert_eq!(response.status, 503);
    }
    server.signal(Signal::TERM)?;
    client.expect_close(1001)?;
    let (sender, exited) = sync_channel(1);
    // If the server does not exit, the end of the test kills it.
    std::thread::spawn(move || sender.send(server.wait()));
    assert_eq!(exited.recv_timeout(DEADLINE)??.status.code(), Some(0));
    Ok(())
}

#[test]
fn dropped_lines_are_counted_when_the_log_is_read_again() -> Result<()> {
    let (mut server, pipe) = TestServer::spawn_unread(noisy(&["--admin", "127.0.0.1:0"]))?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    client.ask("lines 3000000")?;
    assert!(counter(admin, "ws_host_log_lines_lost_total")? > 0);
    let mut log = BufReader::new(pipe).lines();
    let lost =
        log.find(|line| line.as_ref().is_ok_and(|line| line.contains("log lines were lost")));
    let lost = lost.context("no line on what was lost")??;
    let number =
        lost.split(' ').find_map(|word| word.parse::<usize>().ok()).context("no number")?;
    assert!((1..30_000).contains(&number), "{lost}");
    client.ask("back again")?;
    let back = log.find(|line| line.as_ref().is_ok_and(|line| line.contains("back again")));
    back.context("no next line")??;
    Ok(())
}

#[test]
fn log_that_is_read_loses_nothing() -> Result<()> {
    let server = TestServer::spawn(noisy(&[]))?;
    let mut client = Client::connect(&server)?;
    for _ in 0..10 {
        client.ask("lines 20000")?;
    }
    client.ask("the last word")?;
    server.signal(Signal::TERM)?;
    client.expect_close(1001)?;
    let log = server.wait()?.log;
    assert_eq!(log.matches(&"x".repeat(99)).count(), 2000);
    assert!(log.contains("the last word") && log.contains("stopping"), "{log}");
    Ok(())
}

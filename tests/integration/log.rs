//! What guests print.

use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, component, host_binary};

#[test]
fn lines_of_a_guest_stand_in_the_log_with_its_name() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    let mut client = Client::connect(&server)?;
    client.ask("all is well")?;
    let line = server.wait_for_log("all is well")?;
    assert!(line.contains("INFO guest") && line.contains("guest-noisy.wasm"), "{line}");
    client.ask("!beware")?;
    assert!(server.wait_for_log("beware")?.contains("WARN guest"));
    Ok(())
}

#[test]
fn control_characters_of_a_guest_are_escaped() -> Result<()> {
    let mut server = TestServer::serving("guest-noisy")?;
    Client::connect(&server)?.ask("\u{1b}[2J\rfake entry")?;
    let line = server.wait_for_log("fake entry")?;
    assert!(line.contains(r"\u{1b}[2J\rfake entry"), "{line}");
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

/// Ends a server in good order, and gives its log.
fn end(server: TestServer) -> Result<String> {
    server.signal(Signal::TERM)?;
    Ok(server.wait()?.log)
}

//! Instances that have been idle for a while are packed: they give memory back, and have the same state afterwards.

use anyhow::{Context, Result};
use ws_host_test_support::{Client, TestServer, component, raise_open_files, wait_until};

/// An instance that cannot hibernate is packed after the time after which it would otherwise hibernate.
const ALONE: &[&str] = &["--instance-per", "client", "--workers", "1", "--hibernate-after", "2s"];

/// Waits until the memory of the process has grown by at most `each` bytes per client since `before`.
fn wait_until_packed(
    server: &TestServer,
    before: usize,
    clients: usize,
    each: usize,
) -> Result<()> {
    let grown = || server.anonymous_memory().map(|now| now.saturating_sub(before) / clients);
    wait_until(|| Ok(grown()? <= each)).with_context(|| format!("{:?} bytes each", grown().ok()))
}

#[test]
fn idle_client_with_a_sandbox_of_its_own_takes_at_most_24_kib() -> Result<()> {
    const CLIENTS: usize = 1_000;
    raise_open_files();
    let server = TestServer::with_arguments("echo", ALONE)?;
    let mut first = Client::connect(&server)?;
    assert_eq!(first.ask("hello")?, "hello");
    let before = server.anonymous_memory()?;
    let mut clients = Client::connect_many(&server, CLIENTS)?;
    for client in &mut clients {
        assert_eq!(client.ask("hello")?, "hello");
    }
    wait_until_packed(&server, before, CLIENTS, 24 << 10)?;
    // They work as before.
    for client in &mut clients {
        assert_eq!(client.ask("hello again")?, "hello again");
    }
    Ok(())
}

#[test]
fn instance_has_the_same_state_whenever_it_was_packed() -> Result<()> {
    const CLIENTS: usize = 100;
    let server = TestServer::with_arguments("guest-recording", ALONE)?;
    let mut first = Client::connect(&server)?;
    first.ask("who")?;
    let before = server.anonymous_memory()?;
    let mut clients = Client::connect_many(&server, CLIENTS)?;
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send_text(&format!("{number} in round {round}"))?;
            let report = client.ask("report")?;
            let expected = (0..=round).map(|round| format!("text {number} in round {round}"));
            // Each line begins with `client` and a number.
            let found = report.lines().skip(1).filter_map(|line| line.splitn(3, ' ').nth(2));
            assert!(found.eq(expected), "{report}");
        }
        // An instance that is awake takes 45 KiB, and a packed one 17 to 20.
        wait_until_packed(&server, before, CLIENTS, 27 << 10)?;
    }
    Ok(())
}

#[test]
fn reload_leaves_idle_instances_packed() -> Result<()> {
    const CLIENTS: usize = 200;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("handler.wasm");
    std::fs::copy(component("echo"), &file)?;
    let mut server = TestServer::serving_file(&file, ALONE)?;
    let mut first = Client::connect(&server)?;
    assert_eq!(first.ask("hello")?, "hello");
    let before = server.anonymous_memory()?;
    let mut clients = Client::connect_many(&server, CLIENTS)?;
    wait_until_packed(&server, before, CLIENTS, 24 << 10)?;
    std::fs::copy(component("guest-recording"), &file)?;
    server.wait_for_log("reloaded the component")?;
    // The new instances have had no event, and will not have one soon.
    wait_until_packed(&server, before, CLIENTS, 27 << 10)?;
    for client in &mut clients {
        assert_eq!(client.ask("report")?, "", "the new code does not answer");
    }
    Ok(())
}

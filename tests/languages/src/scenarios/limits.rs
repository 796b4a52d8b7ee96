//! The handler `faults` at the limits of CPU time and memory.

use anyhow::{Result, ensure};
use ws_host_test_support::Client;

use super::faults::{expect_instance, serve};
use crate::build::Components;
use crate::language::Exceptions;

super::scenarios! {
    endless_loop_is_ended_and_the_next_client_served,
    endless_memory_is_ended_and_the_next_client_served,
}

fn endless_loop_is_ended_and_the_next_client_served(components: &Components) -> Result<()> {
    expect_end(components, "loop", &["--max-cpu", "500ms"], "max-cpu")
}

fn endless_memory_is_ended_and_the_next_client_served(components: &Components) -> Result<()> {
    expect_end(components, "memory", &["--max-memory", "64MiB", "--max-cpu", "30s"], "max-memory")
}

/// Checks that this message ends the instance at this limit.
fn expect_end(components: &Components, message: &str, limits: &[&str], limit: &str) -> Result<()> {
    let (mut server, mut witness) = serve(components, limits)?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("id")?;
    client.send_text(message)?;
    client.expect_close(1011)?;
    let line = server.wait_for_log("event=\"received-text\"")?;
    for words in [limit, &format!(" client={id}")] {
        ensure!(line.contains(words), "expected {words:?}, got {line}");
    }
    expect_instance(Exceptions::Trap, &mut witness)
}

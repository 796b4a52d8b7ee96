//! The handler `faults` at the limits of CPU time and memory.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::build::Components;

super::scenarios! {
    endless_loop_is_ended_and_the_next_client_served,
    endless_memory_is_ended_and_the_next_client_served,
}

fn endless_loop_is_ended_and_the_next_client_served(components: &Components) -> Result<()> {
    let mut server = TestServer::serving_file(&components.faults, &["--max-cpu", "500ms"])?;
    let mut witness = Client::connect(&server)?;
    let mut client = Client::connect(&server)?;
    client.send_text("loop")?;
    client.expect_close(1011)?;
    server.wait_for_log("max-cpu")?;
    witness.ask("count")?;
    Ok(())
}

fn endless_memory_is_ended_and_the_next_client_served(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(
        &components.faults,
        &["--max-memory", "64MiB", "--max-cpu", "30s"],
    )?;
    let mut witness = Client::connect(&server)?;
    let mut client = Client::connect(&server)?;
    client.send_text("memory")?;
    client.expect_close(1011)?;
    witness.ask("count")?;
    Ok(())
}

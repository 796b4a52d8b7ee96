//! How much memory of the host an instance really takes.

use std::path::Path;

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer};

/// Enough that what the host allocates for all of them together does not matter.
const CLIENTS: usize = 50;

/// Returns by how much the anonymous memory of the host grows for each client that has an instance of its own. The
/// memory of the connection is included.
pub(crate) fn of_an_instance(component: &Path) -> Result<usize> {
    // A hibernated instance has no memory. Another worker would start with another client.
    let arguments =
        ["--instance-per", "client", "--hibernate-after", "0s", "--workers", "1", "--log", "warn"];
    let server = TestServer::serving_file(component, &arguments)?;
    // What the first instance needs and the others share.
    let _first = echoing(&server)?;
    let before = server.anonymous_memory()?;
    let clients = (0..CLIENTS).map(|_| echoing(&server)).collect::<Result<Vec<_>>>()?;
    let grown = server.anonymous_memory()?.saturating_sub(before);
    drop(clients);
    Ok(grown / CLIENTS)
}

/// Connects a client, and has one message echoed, so that the instance has run its code.
fn echoing(server: &TestServer) -> Result<Client> {
    let mut client = Client::connect(server)?;
    let echo = client.ask("hello")?;
    ensure!(echo == "hello", "the echo is {echo:?}");
    Ok(client)
}

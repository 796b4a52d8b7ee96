//! The host for tests, with real components.

mod clients;
mod documented;
mod faults;
mod files;
mod reload;
mod repeat;
mod scripts;
mod time;

use anyhow::{Context, Result};
use ws_host_test_support::component;

use ws_host_testing::{Received, TestClient, TestHost};

/// A handler that answers `count`, `timer`, `sleep` and much more, and has a state.
const KEEPER: &str = "guest-keeper";

/// Serves the component of this name.
fn serve(name: &str) -> Result<TestHost> {
    Ok(TestHost::start(component(name))?)
}

/// Serves the component of this name, and connects a client.
fn serve_one(name: &str) -> Result<(TestHost, TestClient)> {
    let host = serve(name)?;
    let client = host.connect("/")?;
    Ok((host, client))
}

/// Sends a message, and returns the text that comes next.
fn ask(client: &TestClient, question: &str) -> Result<String> {
    client.send(question);
    match client.next().with_context(|| format!("no answer to {question:?}"))? {
        Received::Text(text) => Ok(text),
        other => anyhow::bail!("the answer to {question:?} is {other}"),
    }
}

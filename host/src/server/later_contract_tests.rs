//! Components that were built against the present contract, on a host with a later release of the contract.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use tokio::net::TcpListener;
use ws_host_test_support::{Client, handshake};

use super::{Host, Peer};
use crate::config::{self, ResourceConfig};
use crate::guest::{Density, later_contract};

/// Returns the path of a checked-in file of the compatibility tests.
fn fixture(name: &str) -> PathBuf {
    ws_host_test_support::root().join("tests/compatibility").join(name)
}

/// Serves a component on a host of a later contract, and runs a client against it.
async fn with_client(
    component: &Path,
    client: impl FnOnce(std::net::SocketAddr) -> Result<()> + Send + 'static,
) -> Result<()> {
    let host = Host::start(config::HostConfig::new(Vec::new())).await?;
    let runtime = later_contract::runtime().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    host.state.context.runtimes.put(Density::Few, Arc::new(runtime));
    host.configure(vec![ResourceConfig::new("/", component)?]).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let host = host.clone();
            tokio::spawn(async move { host.serve_stream(stream, Peer::plain(peer)).await });
        }
    });
    let result = tokio::task::spawn_blocking(move || client(address)).await?;
    serving.abort();
    result
}

/// Checks that the host serves the checked-in component of a language. The later contract has one more error and one
/// more cause. Also checks that the component reads the added error as `error`, and the added cause as `cause`.
async fn serves(language: &'static str, error: &'static str, cause: &'static str) -> Result<()> {
    let component = fixture(&format!("{language}/handler.wasm"));
    serves_file(&component, language, error, cause).await
}

/// Checks the same with the component that `make compatibility` builds. If that component is missing, prints that the
/// check is skipped.
async fn serves_built(language: &'static str) -> Result<()> {
    let file = format!("target/compatibility/{language}.wasm");
    let component = ws_host_test_support::root().join(file);
    if component.exists() {
        return serves_file(&component, language, "tired", "bored ").await;
    }
    eprintln!("SKIPPED: {} is missing: `make compatibility` builds it", component.display());
    Ok(())
}

async fn serves_file(
    component: &Path,
    language: &'static str,
    error: &'static str,
    cause: &'static str,
) -> Result<()> {
    with_client(component, move |address| {
        let (mut client, answer) = Client::open(address, &handshake("/", ""))?;
        ensure!(answer.status == 101, "{answer:?}");
        ensure!(answer.header("x-written-in") == Some(language), "{answer:?}");
        ensure!(client.ask("hello")? == "hello");
        ensure!(client.ask("close 4000")? == format!("not closed: {error}"));
        client.close()?;
        // The handler knows the cause only after the connection has ended, which takes a moment.
        let reply = loop {
            let mut next = Client::connect_at(address, "/")?;
            let reply = next.ask("cause")?;
            if !reply.is_empty() {
                break reply;
            }
        };
        ensure!(reply.starts_with(cause), "{reply:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn rust_reads_values_added_later_as_unknown() -> Result<()> {
    serves("rust", "unknown", "unknown ").await
}

#[tokio::test]
async fn c_gets_values_added_later() -> Result<()> {
    serves("c", "tired", "bored ").await
}

#[tokio::test]
async fn javascript_gets_values_added_later() -> Result<()> {
    serves("js", "tired", "bored ").await
}

#[tokio::test]
async fn python_gets_values_added_later() -> Result<()> {
    serves_built("python").await
}

#[tokio::test]
async fn go_gets_values_added_later() -> Result<()> {
    serves_built("go").await
}

#[tokio::test]
async fn component_with_later_functions_interfaces_and_exports_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let component = folder.path().join("later.wasm");
    std::fs::write(&component, wat::parse_file(fixture("later.wat"))?)?;
    with_client(&component, |address| {
        // The component accepts the client only if the later functions return what they should.
        Client::connect_at(address, "/")?.close()
    })
    .await
}

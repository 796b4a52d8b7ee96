//! Components that were built today, on a host of a later release of the contract.

#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use tokio::net::TcpListener;
use ws_host_test_support::{Client, handshake};

use super::{Host, Peer};
use crate::config::{self, Resource};
use crate::guest::{Density, grown};

/// What was built of this name, and kept.
fn kept(name: &str) -> PathBuf {
    ws_host_test_support::root().join("tests/compatibility").join(name)
}

/// Serves a component on a host that has grown, and lets a client talk to it.
async fn with_client(
    component: &Path,
    talk: impl FnOnce(std::net::SocketAddr) -> Result<()> + Send + 'static,
) -> Result<()> {
    let host = Host::start(config::Host::new(Vec::new())).await?;
    let runtime = grown::runtime().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    host.state.context.runtimes.put(Density::Few, Arc::new(runtime));
    host.configure(vec![Resource::new("/", component)?]).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let host = host.clone();
            tokio::spawn(async move { host.serve_stream(stream, Peer::plain(peer)).await });
        }
    });
    let talked = tokio::task::spawn_blocking(move || talk(address)).await?;
    serving.abort();
    talked
}

/// The component of this language is served, and hears words that came after it as this.
async fn serves(language: &'static str, error: &'static str, cause: &'static str) -> Result<()> {
    let component = kept(&format!("{language}/handler.wasm"));
    serves_file(&component, language, error, cause).await
}

/// The same with what `make compatibility` built. Without it there is nothing to be seen here, and that is said.
async fn serves_built(language: &'static str) -> Result<()> {
    let file = format!("target/compatibility/{language}.wasm");
    let component = ws_host_test_support::root().join(file);
    if component.exists() {
        return serves_file(&component, language, "tired", "bored ").await;
    }
    eprintln!("SKIPPED: there is no {}: `make compatibility` builds it", component.display());
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
        // It goes once its connection has ended, and not at once.
        let told = loop {
            let mut next = Client::connect_at(address, "/")?;
            let told = next.ask("cause")?;
            if !told.is_empty() {
                break told;
            }
        };
        ensure!(told.starts_with(cause), "{told:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn rust_takes_words_that_it_does_not_know_as_unknown() -> Result<()> {
    serves("rust", "unknown", "unknown ").await
}

#[tokio::test]
async fn c_gets_words_that_came_after_it() -> Result<()> {
    serves("c", "tired", "bored ").await
}

#[tokio::test]
async fn javascript_gets_words_that_came_after_it() -> Result<()> {
    serves("js", "tired", "bored ").await
}

#[tokio::test]
async fn python_gets_words_that_came_after_it() -> Result<()> {
    serves_built("python").await
}

#[tokio::test]
async fn go_gets_words_that_came_after_it() -> Result<()> {
    serves_built("go").await
}

#[tokio::test]
async fn component_with_later_functions_interfaces_and_exports_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let component = folder.path().join("later.wasm");
    std::fs::write(&component, wat::parse_file(kept("later.wat"))?)?;
    with_client(&component, |address| {
        // It lets a client in if the functions that came later answer as they should.
        Client::connect_at(address, "/")?.close()
    })
    .await
}

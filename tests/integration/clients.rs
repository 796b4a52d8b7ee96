//! Clients in other languages, and a real browser. `make clients` installs them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{TestServer, root};

use crate::encrypted::Authority;
use crate::static_files::folder_with;

fn scripts() -> PathBuf {
    root().join("tests/clients")
}

pub(crate) fn succeeds(mut command: Command) -> Result<()> {
    let output = command.output().with_context(|| {
        format!("cannot run {command:?}: `make clients` installs what it needs")
    })?;
    ensure!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(())
}

#[test]
fn npm_package_ws_talks_to_the_echo() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut node = Command::new("node");
    node.arg(scripts().join("echo.mjs")).arg(server.url());
    succeeds(node)
}

#[test]
fn python_package_websockets_talks_to_the_echo() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let mut python = Command::new(root().join(".venv-clients/bin/python"));
    python.arg(scripts().join("echo.py")).arg(server.url());
    succeeds(python)
}

/// Starts one server per compression mode.
fn compressing() -> Result<Vec<TestServer>> {
    let serve = |how| TestServer::with_arguments("echo", &["--compression", how]);
    ["messages", "context"].into_iter().map(serve).collect()
}

#[test]
fn npm_package_ws_talks_compressed() -> Result<()> {
    for server in compressing()? {
        let mut node = Command::new("node");
        node.arg(scripts().join("echo.mjs")).args([server.url(), "compressed"]);
        succeeds(node)?;
    }
    Ok(())
}

#[test]
fn python_package_websockets_talks_compressed() -> Result<()> {
    for server in compressing()? {
        let mut python = Command::new(root().join(".venv-clients/bin/python"));
        python.arg(scripts().join("echo.py")).args([server.url(), "compressed"]);
        succeeds(python)?;
    }
    Ok(())
}

#[test]
fn browser_talks_compressed() -> Result<()> {
    for server in compressing()? {
        let mut node = Command::new("node");
        node.arg(scripts().join("extension.mjs")).arg(server.address().to_string());
        succeeds(node)?;
    }
    Ok(())
}

#[test]
fn two_pages_of_a_browser_chat() -> Result<()> {
    let pages = root().join("examples/chat/static");
    let flags = ["--static", pages.to_str().context("a path that is not UTF-8")?];
    let server = TestServer::with_arguments("chat", &flags)?;
    let mut node = Command::new("node");
    node.arg(scripts().join("chat.mjs")).arg(format!("http://{}/", server.address()));
    succeeds(node)
}

#[test]
fn pages_of_a_browser_paint_in_two_rooms() -> Result<()> {
    let pages = root().join("examples/rooms/static");
    let static_files = ["--static", pages.to_str().context("a path that is not UTF-8")?];
    let flags = ["--path", "/room/{id}", "--instance-per", "path", "--workers", "2"];
    let server = TestServer::with_arguments("rooms", &[&static_files[..], &flags].concat())?;
    let mut node = Command::new("node");
    node.arg(scripts().join("rooms.mjs")).arg(format!("http://{}/", server.address()));
    succeeds(node)
}

#[test]
fn npm_package_ws_talks_encrypted() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    let mut node = Command::new("node");
    node.env("NODE_EXTRA_CA_CERTS", authority.file());
    node.arg(scripts().join("echo.mjs")).arg(server.url());
    succeeds(node)
}

#[test]
fn python_package_websockets_talks_encrypted() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("echo", &[])?;
    let mut python = Command::new(root().join(".venv-clients/bin/python"));
    python.env("SSL_CERT_FILE", authority.file());
    python.arg(scripts().join("echo.py")).arg(server.url());
    succeeds(python)
}

#[test]
fn page_of_a_browser_uses_its_own_connection_for_its_websockets() -> Result<()> {
    let (_folder, pages) = folder_with("index.html", "<p>welcome")?;
    for workers in ["1", "2"] {
        let flags = ["--static", &pages, "--workers", workers, "--instance-per", "client"];
        let server = Authority::new()?.serving("guest-about", &flags)?;
        let mut node = Command::new("node");
        node.arg(scripts().join("secure.mjs")).arg(server.address().port().to_string());
        succeeds(node)?;
    }
    Ok(())
}

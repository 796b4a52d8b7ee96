//! The live page of the admin address, in a real browser and as its files.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;
use ws_host_test_support::{Client, Response, TestServer, root, wait_until};

use crate::clients::succeeds;
use crate::configured::ask_admin;
use crate::keeper::{ON_REQUEST, mark_component};

/// Serves a handler that takes messages from outside, with an instance for each path, and a new component for the next
/// reload.
fn watch_in_browser(arguments: &[&str], token: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("outside.wasm");
    mark_component("guest-outside", "old", &file)?;
    let flags =
        [ON_REQUEST, &["--path", "/room/{id}", "--instance-per", "path"], arguments].concat();
    let mut server = TestServer::serving_file(&file, &flags)?;
    let admin = server.admin()?;
    mark_component("guest-outside", "new", &file)?;
    let mut node = Command::new("node");
    node.arg(root().join("tests/clients/page.mjs"));
    node.args([&admin.to_string(), &server.address().to_string(), token]);
    // Somebody who wants to see the page names a folder for pictures of it.
    if let Some(pictures) = std::env::var_os("LIVE_PAGE_PICTURES") {
        node.arg(pictures);
    }
    succeeds(node)
}

#[test]
fn page_shows_what_happens_and_its_buttons_work() -> Result<()> {
    watch_in_browser(&[], "")
}

#[test]
fn page_asks_for_the_token() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, "a-token-that-nobody-guesses\n")?;
    let file = file.to_string_lossy();
    watch_in_browser(&["--admin-token", &file], "a-token-that-nobody-guesses")
}

fn get(admin: SocketAddr, path: &str, accept: &str) -> Result<Response> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{accept}Connection: close\r\n");
    Response::to(admin, &format!("{head}\r\n"))
}

#[test]
fn page_has_a_strict_policy_and_only_browsers_get_it() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let html = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n";
    for (path, kind) in
        [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")]
    {
        let response = get(admin, path, html)?;
        assert_eq!(response.status, 200, "{path}");
        let header = |name| response.header(name).unwrap_or_default().to_owned();
        assert!(header("content-type").starts_with(kind), "{path}");
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
    for accept in ["", "Accept: */*\r\n", "Accept: application/json\r\n"] {
        let response = get(admin, "/", accept)?;
        assert_eq!(response.status, 404, "{accept}");
        assert!(response.body.starts_with("Available requests"), "{response:?}");
    }
    Ok(())
}

#[test]
fn state_without_a_token_is_refused_although_the_page_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, "a-token-that-nobody-guesses\n")?;
    let (_server, admin) =
        TestServer::with_admin("echo", &["--admin-token", &file.to_string_lossy()])?;
    assert_eq!(get(admin, "/", "Accept: text/html\r\n")?.status, 200);
    assert_eq!(get(admin, "/page.js", "")?.status, 200);
    assert_eq!(get(admin, "/status", "")?.status, 401);
    assert_eq!(get(admin, "/clients", "")?.status, 401);
    Ok(())
}

#[test]
fn newest_hundred_clients_are_listed_and_all_are_searched() -> Result<()> {
    let flags = ["--path", "/{id}", "--instance-per", "path"];
    let (server, admin) = TestServer::with_admin("echo", &flags)?;
    let _first = Client::connect_to(&server, "/first")?;
    let _others = (0..120)
        .map(|number| Client::connect_to(&server, &format!("/{number}")))
        .collect::<Result<Vec<_>>>()?;
    let status = |query: &str| -> Result<Value> {
        let response = ask_admin(admin, &format!("GET /status{query}"), "", b"")?;
        Ok(serde_json::from_str(&response.body)?)
    };
    wait_until(|| Ok(status("")?["resources"][0]["clients"] == 121))?;
    let all = status("")?;
    let ids: Vec<Option<u64>> =
        all["clients"].as_array().into_iter().flatten().map(|one| one["id"].as_u64()).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    assert_eq!(all["instances"].as_array().map(Vec::len), Some(100));
    let found = status("?find=%2Ffir")?;
    assert_eq!(found["clients"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["clients"][0]["path"], "/first");
    assert_eq!(found["resources"][0]["clients"], 121);
    Ok(())
}

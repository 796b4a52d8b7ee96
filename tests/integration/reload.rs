//! Reloads: new code takes over while clients are connected.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{Client, Response, TestServer};

use crate::configured::ask_admin;
use crate::keeper::{Keeper, ON_REQUEST, Scene, counter, post_reload};

#[track_caller]
pub(crate) fn replaced(response: &Response, words: &str) {
    assert_eq!(response.status, 200, "{response:?}");
    assert!(response.body.contains("replaced") && response.body.contains(words), "{response:?}");
}

#[test]
fn new_file_takes_over_with_the_state_of_the_old_one() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(client.ask("version")?, "1");
    keeper.replace_with(2)?;
    let line = server.wait_for_log("reloaded the component")?;
    for word in ["old=", "new=", "swapped=1", "longest_pause=", "took="] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    // Nothing was kept, lost, hibernated, waiting or tried out.
    let fields = line.split(' ').filter(|word| word.contains('='));
    assert_eq!(fields.count(), 6, "{line}");
    assert_eq!(client.ask("version")?, "2");
    assert_eq!(client.ask("count")?, "2");
    assert_eq!(client.ask("history")?, "1 for 1 ");
    client.close()
}

#[test]
fn file_is_watched_however_it_is_replaced() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&[])?;
    let mut client = Client::connect(&server)?;
    // Written in place.
    std::fs::write(keeper.file(), keeper.version(2)?)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("version")?, "2");
    // Removed and written again.
    std::fs::remove_file(keeper.file())?;
    std::fs::write(keeper.file(), keeper.version(3)?)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("version")?, "3");
    Ok(())
}

/// Opening a pipe blocks until another process writes to it.
#[test]
fn pipe_in_place_of_the_file_is_refused() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ON_REQUEST)?;
    let admin = server.admin()?;
    let pipe = keeper.file().with_extension("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status()?.success());
    std::fs::rename(pipe, keeper.file())?;
    let refused = post_reload(admin)?;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.contains("not a regular file"), "{refused:?}");
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "0 lost");
    assert_eq!(Client::connect(&server)?.ask("version")?, "2");
    Ok(())
}

#[test]
fn file_behind_a_symbolic_link_is_watched() -> Result<()> {
    let keeper = Keeper::new()?;
    let folder = tempfile::tempdir()?;
    let link = folder.path().join("link.wasm");
    std::os::unix::fs::symlink(keeper.file(), &link)?;
    let mut server = TestServer::serving_file(&link, &[])?;
    keeper.replace_with(2)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(Client::connect(&server)?.ask("version")?, "2");
    Ok(())
}

#[test]
fn half_written_file_is_retried() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&["--log", "ws_host=debug"])?;
    let new = keeper.version(2)?;
    std::fs::write(keeper.file(), &new[..new.len() / 2])?;
    server.wait_for_log("the file may still be incomplete")?;
    std::fs::write(keeper.file(), &new)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(Client::connect(&server)?.ask("version")?, "2");
    server.signal(Signal::TERM)?;
    let log = server.wait()?.log;
    assert!(!log.contains("ERROR"), "{log}");
    Ok(())
}

#[test]
fn file_that_stays_broken_is_an_error_and_the_old_code_continues() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&[])?;
    let mut client = Client::connect(&server)?;
    for (bytes, words) in
        [(&b"hello"[..], "not WebAssembly"), (&b"\0asm\x0d\0\x01\0"[..], "export")]
    {
        keeper.replace_with_bytes(bytes)?;
        let line = server.wait_for_log("not reloaded")?;
        assert!(line.contains(words) && line.contains("keeper.wasm"), "{line}");
        assert_eq!(client.ask("version")?, "1");
    }
    std::fs::remove_file(keeper.file())?;
    let line = server.wait_for_log("not reloaded")?;
    assert!(line.contains("there is no file"), "{line}");
    keeper.replace_with(2)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn sighup_reloads() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&["--no-watch"])?;
    let mut client = Client::connect(&server)?;
    server.signal(Signal::HUP)?;
    server.wait_for_log("the component has not changed")?;
    keeper.replace_with(2)?;
    server.signal(Signal::HUP)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn admin_address_reloads_and_counts() -> Result<()> {
    let is_rejected = |admin| counter(admin, "ws_host_component_rejected{resource=\"keeper\"}");
    let Scene { keeper, server: _server, admin, mut client } = Keeper::new()?.scene(&[])?;
    assert_eq!(client.ask("count")?, "1");
    let response = post_reload(admin)?;
    assert_eq!(
        (response.status, response.body.starts_with("keeper: unchanged ")),
        (200, true),
        "{response:?}"
    );
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 instances swapped, 0 kept, 0 lost");
    assert_eq!(is_rejected(admin)?, 0);
    assert_eq!(client.ask("count")?, "2");
    keeper.replace_with_bytes(b"hello")?;
    let response = post_reload(admin)?;
    assert_eq!(response.status, 422, "{response:?}");
    assert!(response.body.contains("not WebAssembly"), "{response:?}");
    assert_eq!(is_rejected(admin)?, 1);
    for (outcome, count) in [("unchanged", 1), ("replaced", 1), ("failed", 1)] {
        let line = format!("ws_host_reloads_total{{resource=\"keeper\",outcome=\"{outcome}\"}}");
        assert_eq!(counter(admin, &line)?, count, "{line}");
    }
    // As long as the broken file is there.
    assert_eq!(post_reload(admin)?.status, 422);
    assert_eq!(is_rejected(admin)?, 1);
    // The older file is not new code, but the file is no longer broken.
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    assert_eq!(is_rejected(admin)?, 0);
    keeper.replace_with_bytes(b"hello")?;
    assert_eq!(post_reload(admin)?.status, 422);
    assert_eq!(is_rejected(admin)?, 1);
    keeper.replace_with(3)?;
    replaced(&post_reload(admin)?, "1 instances swapped, 0 kept, 0 lost");
    assert_eq!(is_rejected(admin)?, 0);
    Ok(())
}

#[test]
fn removed_cache_is_recreated_for_this_user_only() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let flags = ["--cache", cache.to_str().context("not UTF-8")?];
    let Scene { keeper, server: _server, admin, mut client } = Keeper::new()?.scene(&flags)?;
    for version in 2..=4 {
        // A rename is atomic: the host may be writing there.
        std::fs::rename(&cache, folder.path().join(format!("removed-{version}")))?;
        keeper.replace_with(version)?;
        replaced(&post_reload(admin)?, "1 instances swapped");
        assert_eq!(client.ask("version")?, version.to_string());
        assert_eq!(std::fs::metadata(&cache)?.permissions().mode() & 0o777, 0o700);
    }
    // Other users could have replaced a cache that they may write to.
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777))?;
    keeper.replace_with(5)?;
    let response = post_reload(admin)?;
    assert_eq!(response.status, 422, "{response:?}");
    assert!(response.body.contains("other users can write to this folder"), "{response:?}");
    assert_eq!(client.ask("version")?, "4");
    Ok(())
}

#[test]
fn admin_address_is_not_for_web_pages_and_knows_its_methods() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ON_REQUEST)?;
    let admin = server.admin()?;
    let ask = |request: &str, headers: &str| ask_admin(admin, request, headers, b"");
    assert_eq!(ask("GET /reload", "")?.status, 405);
    assert_eq!(ask("POST /metrics", "")?.status, 405);
    assert_eq!(ask("GET /", "")?.status, 404);
    assert_eq!(ask("POST /reload", "Origin: http://a\r\n")?.status, 403);
    Ok(())
}

#[test]
fn component_whose_exports_no_longer_match_is_refused_with_the_difference() -> Result<()> {
    let Scene { keeper, server: _server, admin, mut client } = Keeper::new()?.scene(&[])?;
    let lacking = r#"(component
        (instance $i) (export "ws-host:socket/handler@0.1.0" (instance $i)))"#;
    let half = r#"(component
        (instance $i) (export "ws-host:socket/lifecycle@0.1.0" (instance $i)))"#;
    let other = r#"(component
        (instance $i) (export "ws-host:socket/handler@0.9.0" (instance $i)))"#;
    let importing = r#"(component
        (import "acme:rockets/launch@1.0.0" (instance (export "go" (func))))
        (instance $i) (export "ws-host:socket/handler@0.1.0" (instance $i)))"#;
    for (text, words) in [
        (lacking, "`connected` is missing"),
        (half, "does not export ws-host:socket/handler@0.1.0"),
        (other, "ws-host:socket@0.9.0"),
        (importing, "acme:rockets/launch@1.0.0"),
    ] {
        keeper.replace_with_bytes(&wat::parse_str(text)?)?;
        let response = post_reload(admin)?;
        assert_eq!(response.status, 422, "{response:?}");
        assert!(response.body.contains(words), "{words} is not in {response:?}");
    }
    assert_eq!(client.ask("version")?, "1");
    Ok(())
}

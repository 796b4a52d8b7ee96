//! Reloads: new code takes over while clients are connected.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Answer, Client, TestServer, component};

use crate::configured::ask_admin;
use crate::keeper::{Keeper, counter, mark_component, post_reload};

/// Reloads only on request, so that the test decides when.
const ASKED: &[&str] = &["--no-watch", "--admin", "127.0.0.1:0"];

#[track_caller]
fn replaced(answer: &Answer, words: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("replaced") && answer.body.contains(words), "{answer:?}");
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
    for word in ["old=", "new=", "swapped=1", "kept=0", "longest_pause=", "took="] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
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
    let mut server = keeper.serve(ASKED)?;
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
    server.wait_for_log("perhaps the component is still being written")?;
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
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    let answer = post_reload(admin)?;
    assert_eq!(
        (answer.status, answer.body.starts_with("keeper: unchanged ")),
        (200, true),
        "{answer:?}"
    );
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 instances swapped, 0 kept, 0 lost");
    assert_eq!(client.ask("count")?, "2");
    keeper.replace_with_bytes(b"hello")?;
    let answer = post_reload(admin)?;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("not WebAssembly"), "{answer:?}");
    for (outcome, count) in [("unchanged", 1), ("replaced", 1), ("failed", 1)] {
        let line = format!("ws_host_reloads_total{{resource=\"keeper\",outcome=\"{outcome}\"}}");
        assert_eq!(counter(admin, &line)?, count, "{line}");
    }
    Ok(())
}

#[test]
fn removed_cache_is_recreated_for_this_user_only() -> Result<()> {
    let keeper = Keeper::new()?;
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let flags = ["--cache", cache.to_str().context("UTF-8")?];
    let mut server = keeper.serve(&[ASKED, &flags].concat())?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
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
    let answer = post_reload(admin)?;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("others can write to this folder"), "{answer:?}");
    assert_eq!(client.ask("version")?, "4");
    Ok(())
}

#[test]
fn admin_address_is_not_for_web_pages_and_knows_its_methods() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ASKED)?;
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
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
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
        let answer = post_reload(admin)?;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body.contains(words), "{words} is not in {answer:?}");
    }
    assert_eq!(client.ask("version")?, "1");
    Ok(())
}

#[test]
fn old_code_continues_when_the_new_code_refuses_the_state() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    // Version 9 refuses the state, version 8 traps.
    for (version, words) in [(9, "version 9 knows no state"), (8, "the handler trapped")] {
        keeper.replace_with(version)?;
        replaced(&post_reload(admin)?, "0 instances swapped, 1 kept");
        server.wait_for_log(words)?;
        assert_eq!(client.ask("version")?, "1");
    }
    assert_eq!(client.ask("count")?, "2");
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 instances swapped, 0 kept");
    assert_eq!(client.ask("count")?, "3");
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn code_that_traps_in_suspend_is_replaced_without_its_state() -> Result<()> {
    let keeper = Keeper::new()?;
    keeper.replace_with(7)?;
    let mut server = keeper.serve(ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 lost");
    server.wait_for_log("the handler trapped")?;
    assert_eq!(client.ask("version")?, "2");
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(client.ask("history")?, "nothing for 1 ");
    Ok(())
}

#[test]
fn state_over_max_state_is_lost() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&[ASKED, &["--max-state", "1KiB"]].concat())?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(client.ask("ballast 2000")?, "heavy");
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 instances swapped");
    server.wait_for_log("max-state allows 1024")?;
    assert_eq!(client.ask("count")?, "1");
    Ok(())
}

#[test]
fn handler_without_state_restarts_and_keeps_its_clients() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trap.wasm");
    mark_component("guest-trap", "a", &file)?;
    let mut server = TestServer::serving_file(&file, ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "hello 1");
    assert_eq!(client.ask("hello")?, "hello 2");
    mark_component("guest-trap", "b", &file)?;
    replaced(&post_reload(admin)?, "1 instances swapped");
    assert_eq!(client.ask("hello")?, "hello 1");
    Ok(())
}

#[test]
fn event_finishes_in_the_code_in_which_it_began() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ASKED)?;
    let admin = server.admin()?;
    let mut sleeper = Client::connect(&server)?;
    let mut other = Client::connect(&server)?;
    assert_eq!(sleeper.ask("sleep 500")?, "asleep");
    // This event waits for its turn, after the sleep.
    other.send_text("version")?;
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "longest pause");
    assert_eq!(sleeper.receive_text()?, "awake");
    assert_eq!(other.receive_text()?, "2");
    assert_eq!(sleeper.ask("history")?, "1 for 2 ");
    Ok(())
}

#[test]
fn attachments_outlive_a_reload_and_a_trap() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("attached")?, "None");
    assert_eq!(client.ask("attach a name")?, "Ok(())");
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 instances swapped");
    assert_eq!(client.ask("attached")?, r#"Some(Ok("a name"))"#);
    let mut other = Client::connect(&server)?;
    other.send_text("trap")?;
    other.expect_close(1011)?;
    assert_eq!(client.ask("attached")?, r#"Some(Ok("a name"))"#);
    assert_eq!(client.ask("attach-octets 16385")?, "Err(TooLong)");
    assert_eq!(client.ask("attached")?, r#"Some(Ok("a name"))"#);
    assert_eq!(client.ask("attach-octets 16384")?, "Ok(())");
    Ok(())
}

/// Connections under load.
const CLIENTS: usize = 1000;
const THREADS: usize = 4;
const RELOADS: usize = 50;

#[test]
fn reload_under_load_loses_duplicates_and_reorders_nothing() -> Result<()> {
    ws_host_test_support::raise_open_files();
    for sharing in ["resource", "path", "client"] {
        let keeper = Keeper::new()?;
        let flags = ["--path", "/{room}", "--instance-per", sharing, "--workers", "2"];
        let mut server = keeper.serve(&[ASKED, &flags].concat())?;
        let admin = server.admin()?;
        let over = AtomicBool::new(false);
        let mut clients = connect_many(&server)?;
        let sent = std::thread::scope(|scope| -> Result<u64> {
            let chunks = clients.chunks_mut(CLIENTS / THREADS);
            let threads: Vec<_> =
                chunks.map(|clients| scope.spawn(|| converse(clients, &over))).collect();
            let reloaded = reload_often(&keeper, admin);
            over.store(true, Ordering::Relaxed);
            let mut sent = 0;
            for thread in threads {
                sent += thread.join().ok().context("a thread panicked")??;
            }
            reloaded?;
            Ok(sent)
        })?;
        assert!(sent >= 10 * CLIENTS as u64, "only {sent} messages: no load");
        for client in clients {
            client.close()?;
        }
    }
    Ok(())
}

/// Connects the clients to a hundred rooms.
fn connect_many(server: &TestServer) -> Result<Vec<Client>> {
    let connect = |number| {
        let mut client = Client::connect_to(server, &format!("/{}", number % 100))?;
        client.receive_text()?;
        Ok(client)
    };
    (0..CLIENTS).map(connect).collect()
}

/// Reloads `RELOADS` times. Every fifth file is broken; each of the others differs from the one before.
fn reload_often(keeper: &Keeper, admin: SocketAddr) -> Result<()> {
    for number in 0..RELOADS {
        if number % 5 == 4 {
            keeper.replace_with_bytes(b"\0asm\x0d\0\x01\0broken")?;
            let answer = post_reload(admin)?;
            ensure!(answer.status == 422, "{answer:?}");
        } else {
            keeper.replace_with(2 + (number % 3) as u8)?;
            let answer = post_reload(admin)?;
            ensure!(answer.body.contains("replaced"), "{answer:?}");
            ensure!(answer.body.contains(" 0 kept, 0 lost"), "{answer:?}");
        }
    }
    Ok(())
}

/// Keeps two numbered messages in flight on each connection. Returns how many came back.
fn converse(clients: &mut [Client], over: &AtomicBool) -> Result<u64> {
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        for client in &mut *clients {
            client.send_text(&format!("{number} a"))?;
            client.send_text(&format!("{number} b"))?;
        }
        for client in &mut *clients {
            ensure!(client.receive_text()? == format!("{number} a"));
            ensure!(client.receive_text()? == format!("{number} b"));
        }
        number += 1;
    }
    Ok(number * 2 * clients.len() as u64)
}

#[test]
fn counter_example_continues_counting() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("counter.wasm");
    std::fs::copy(component("counter"), &file)?;
    let mut server = TestServer::serving_file(&file, &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "1 messages");
    // The effect of an edit of the source. The text has the same length, so the file stays valid.
    let edited = std::fs::read(&file)?;
    let at = edited.windows(9).position(|window| window == b" messages").context("the word")?;
    let edited = [&edited[..at], b" surprise", &edited[at + 9..]].concat();
    std::fs::write(&file, edited)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("hello")?, "2 surprise");
    Ok(())
}

#[test]
fn names_of_the_chat_outlive_a_reload() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("chat.wasm");
    mark_component("chat", "a", &file)?;
    let mut server = TestServer::serving_file(&file, ASKED)?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.receive_text()?, "* you are guest-1");
    assert_eq!(client.receive_text()?, "* here: ");
    assert_eq!(client.ask("/name Ada")?, "* guest-1 is now Ada");
    mark_component("chat", "b", &file)?;
    replaced(&post_reload(admin)?, "1 instances swapped");
    assert_eq!(client.ask("hello")?, "Ada: hello");
    let mut other = Client::connect(&server)?;
    assert_eq!(other.receive_text()?, "* you are guest-2");
    assert_eq!(other.receive_text()?, "* here: Ada");
    Ok(())
}

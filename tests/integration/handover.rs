//! Reloads: what new code takes over from the old, and that no message is lost.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, component};

use crate::keeper::{Keeper, ON_REQUEST, Scene, mark_component, post_reload, trap};
use crate::reload::replaced;

#[test]
fn old_code_continues_when_the_new_code_refuses_the_state() -> Result<()> {
    let Scene { keeper, mut server, admin, mut client } = Keeper::new()?.scene(&[])?;
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
    let Scene { keeper, mut server, admin, mut client } = keeper.scene(&[])?;
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
    let Scene { keeper, mut server, admin, mut client } =
        Keeper::new()?.scene(&["--max-state", "1KiB"])?;
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
    let mut server = TestServer::serving_file(&file, ON_REQUEST)?;
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
    let Scene { keeper, server, admin, client: mut sleeper } = Keeper::new()?.scene(&[])?;
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
    let Scene { keeper, server, admin, mut client } = Keeper::new()?.scene(&[])?;
    assert_eq!(client.ask("attached")?, "None");
    assert_eq!(client.ask("attach a name")?, "Ok(())");
    keeper.replace_with(2)?;
    replaced(&post_reload(admin)?, "1 instances swapped");
    assert_eq!(client.ask("attached")?, r#"Some(Ok("a name"))"#);
    trap(&server, "/")?;
    assert_eq!(client.ask("attached")?, r#"Some(Ok("a name"))"#);
    assert_eq!(client.ask("attach-bytes 16385")?, "Err(TooLong)");
    assert_eq!(client.ask("attached")?, r#"Some(Ok("a name"))"#);
    assert_eq!(client.ask("attach-bytes 16384")?, "Ok(())");
    Ok(())
}

/// The size of the load.
const CLIENTS: usize = 1000;
const THREADS: usize = 4;
const RELOADS: usize = 50;

#[test]
fn reload_under_load_loses_duplicates_and_reorders_nothing() -> Result<()> {
    ws_host_test_support::raise_open_files();
    for sharing in ["resource", "path", "client"] {
        let keeper = Keeper::new()?;
        let flags = ["--path", "/{room}", "--instance-per", sharing, "--workers", "2"];
        let mut server = keeper.serve(&[ON_REQUEST, &flags].concat())?;
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
            let response = post_reload(admin)?;
            ensure!(response.status == 422, "{response:?}");
        } else {
            keeper.replace_with(2 + (number % 3) as u8)?;
            let response = post_reload(admin)?;
            ensure!(response.body.contains("replaced"), "{response:?}");
            ensure!(response.body.contains(" 0 kept, 0 lost"), "{response:?}");
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
    let at = edited.windows(9).position(|window| window == b" messages").context("no word")?;
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
    let mut server = TestServer::serving_file(&file, ON_REQUEST)?;
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

//! Trials, canaries and rollbacks of new code.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow, ensure};
use ws_host_test_support::{Client, Response, TestServer};

use crate::configured::ask_admin;
use crate::keeper::{Keeper, counter, join, post_reload, trap};

const ROOMS: &[&str] = &[
    "--path",
    "/{room}",
    "--instance-per",
    "path",
    "--no-watch",
    "--admin",
    "127.0.0.1:0",
    "--log",
    "ws_host=debug",
];

struct Scene {
    keeper: Keeper,
    server: TestServer,
    admin: SocketAddr,
    /// One client per room.
    clients: Vec<Client>,
}

/// Starts a server with these flags and connects one client to each of `rooms` rooms, which keep their numbers.
fn scene(rooms: usize, flags: &[&str]) -> Result<Scene> {
    let keeper = Keeper::precious()?;
    let mut server = keeper.serve(&[ROOMS, flags].concat())?;
    let admin = server.admin()?;
    let mut clients = Vec::new();
    for room in 0..rooms {
        let mut client = Client::connect_to(&server, &format!("/{room}"))?;
        assert_eq!(client.ask(&format!("keep {room}"))?, "kept");
        clients.push(client);
    }
    Ok(Scene { keeper, server, admin, clients })
}

impl Scene {
    fn reload(&self, version: u8) -> Result<Response> {
        self.keeper.replace_with(version)?;
        post_reload(self.admin)
    }

    fn trial(&self) -> Result<String> {
        let response = ask_admin(self.admin, "GET /resources", "", b"")?;
        let (_, state) = response.body.split_once("\"trial\":\"").unwrap_or_default();
        Ok(state.split('"').next().unwrap_or_default().to_owned())
    }

    /// Checks that each room runs this version and has kept its number.
    fn expect(&mut self, version: &str) -> Result<()> {
        for (room, client) in self.clients.iter_mut().enumerate() {
            assert_eq!(client.ask("version")?, version);
            assert_eq!(client.ask("kept")?, room.to_string());
        }
        Ok(())
    }
}

fn post_rollback(admin: SocketAddr) -> Result<Response> {
    ask_admin(admin, "POST /rollback", "", b"")
}

#[test]
fn fault_on_trial_rolls_back_to_the_state_that_was_handed_over() -> Result<()> {
    let mut scene = scene(3, &["--trial", "1h"])?;
    assert_eq!(scene.trial()?, "settled");
    let response = scene.reload(8)?;
    assert!(response.body.contains("3 instances swapped"), "{response:?}");
    assert!(response.body.contains("on trial for 3600s"), "{response:?}");
    assert_eq!(scene.trial()?, "running");
    // Version 8 traps at the message of this client.
    trap(&scene.server, "/0")?;
    let line = scene.server.wait_for_log("rolled back")?;
    assert!(line.contains("ERROR") && line.contains("swapped=3"), "{line}");
    scene.expect("1")?;
    assert_ne!(scene.clients[0].ask("age")?, "none");
    assert_eq!(scene.trial()?, "rolled-back");
    let line = "ws_host_reloads_total{resource=\"keeper\",outcome=\"rolled-back\"}";
    assert_eq!(counter(scene.admin, line)?, 1);
    let is_rejected = "ws_host_component_rejected{resource=\"keeper\"}";
    assert_eq!(counter(scene.admin, is_rejected)?, 1);
    // The same file is not loaded again; another one is.
    let response = post_reload(scene.admin)?;
    assert_eq!(response.status, 422, "{response:?}");
    assert!(response.body.contains("failed its trial"), "{response:?}");
    scene.expect("1")?;
    let response = scene.reload(2)?;
    assert!(response.body.contains("3 instances swapped"), "{response:?}");
    scene.expect("2")?;
    assert_eq!(scene.trial()?, "running");
    assert_eq!(counter(scene.admin, is_rejected)?, 0);
    Ok(())
}

#[test]
fn fault_on_trial_rolls_back_hibernated_and_woken_instances() -> Result<()> {
    let mut scene = scene(3, &["--trial", "1h", "--hibernate-after", "100ms"])?;
    for _ in 0..3 {
        scene.server.wait_for_log("hibernated")?;
    }
    let response = scene.reload(8)?;
    assert!(
        response.body.contains("1 instances swapped, 0 kept, 0 lost, 2 hibernated"),
        "{response:?}"
    );
    // Each room wakes in the new code, until one fails.
    trap(&scene.server, "/1")?;
    scene.server.wait_for_log("rolled back")?;
    scene.expect("1")
}

#[test]
fn operator_can_roll_back_during_a_trial() -> Result<()> {
    let mut scene = scene(3, &["--trial", "1h"])?;
    let response = post_rollback(scene.admin)?;
    assert_eq!(response.status, 409, "{response:?}");
    scene.reload(2)?;
    scene.expect("2")?;
    assert_eq!(scene.clients[1].ask("keep newer")?, "kept");
    let response = post_rollback(scene.admin)?;
    assert_eq!(response.status, 200, "{response:?}");
    assert!(response.body.contains("rolled back from"), "{response:?}");
    assert!(response.body.contains("3 instances swapped"), "{response:?}");
    // Later changes are gone, and the handler sees the age of its state.
    scene.expect("1")?;
    assert_ne!(scene.clients[1].ask("age")?, "none");
    assert_eq!(post_rollback(scene.admin)?.status, 409);
    Ok(())
}

#[test]
fn trial_ends_and_the_new_code_stays() -> Result<()> {
    let mut scene = scene(2, &["--trial", "200ms"])?;
    scene.reload(2)?;
    scene.server.wait_for_log("the trial is over")?;
    assert_eq!(scene.trial()?, "settled");
    assert_eq!(post_rollback(scene.admin)?.status, 409);
    trap(&scene.server, "/hostile")?;
    scene.expect("2")
}

#[test]
fn fault_that_the_old_code_had_too_does_not_roll_back() -> Result<()> {
    let mut scene = scene(2, &["--trial", "1h"])?;
    for version in [1, 2] {
        if version == 2 {
            scene.reload(2)?;
        }
        trap(&scene.server, "/hostile")?;
    }
    assert_eq!(scene.trial()?, "running");
    scene.expect("2")
}

#[test]
fn refused_state_does_not_roll_back() -> Result<()> {
    let mut scene = scene(2, &["--trial", "1h"])?;
    let response = scene.reload(9)?;
    assert!(response.body.contains("0 instances swapped, 2 kept"), "{response:?}");
    assert_eq!(scene.trial()?, "running");
    scene.expect("1")?;
    let response = post_rollback(scene.admin)?;
    assert_eq!(response.status, 200, "{response:?}");
    scene.expect("1")?;
    assert_eq!(scene.clients[0].ask("age")?, "", "the state was never handed over");
    Ok(())
}

#[test]
fn canary_gets_new_code_first_and_the_others_after_the_trial() -> Result<()> {
    let mut scene = scene(10, &["--trial", "1s", "--canary", "20%"])?;
    let response = scene.reload(2)?;
    assert!(response.body.contains("2 instances swapped"), "{response:?}");
    assert!(response.body.contains("8 more instances follow"), "{response:?}");
    let mut versions = Vec::new();
    for client in &mut scene.clients {
        versions.push(client.ask("version")?);
    }
    assert_eq!(versions.iter().filter(|version| *version == "2").count(), 2, "{versions:?}");
    let line = scene.server.wait_for_log("the trial is over")?;
    assert!(line.contains("swapped=8"), "{line}");
    scene.expect("2")
}

#[test]
fn failing_canary_rolls_back_without_touching_the_others() -> Result<()> {
    let mut scene = scene(10, &["--trial", "1h", "--canary", "20%"])?;
    scene.reload(8)?;
    let mut closed = 0;
    for room in 0..10 {
        let mut client = Client::connect_to(&scene.server, &format!("/{room}"))?;
        client.send_text("version")?;
        if client.receive()?.first == 0x88 {
            closed += 1;
            scene.server.wait_for_log("rolled back")?;
        }
    }
    assert_eq!(closed, 1, "the first fault rolls back");
    scene.expect("1")
}

#[test]
fn rollbacks_under_load_lose_no_message_and_no_state() -> Result<()> {
    let flags = ["--trial", "1h", "--workers", "2", "--hibernate-after", "50ms"];
    let mut scene = scene(60, &flags)?;
    let over = AtomicBool::new(false);
    let mut clients = std::mem::take(&mut scene.clients);
    std::thread::scope(|scope| -> Result<()> {
        let mut threads = Vec::new();
        for (number, clients) in clients.chunks_mut(15).enumerate() {
            let over = &over;
            threads.push(scope.spawn(move || converse(clients, number * 15, over)));
        }
        let rolled_back = roll_back_often(&mut scene);
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        rolled_back
    })?;
    scene.clients = clients;
    scene.expect("1")
}

/// Checks that each room keeps its number, whichever version answers.
fn converse(clients: &mut [Client], first: usize, over: &AtomicBool) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        for (room, client) in clients.iter_mut().enumerate() {
            let kept = client.ask("kept")?;
            ensure!(kept == (first + room).to_string(), "{kept} in room {}", first + room);
        }
    }
    Ok(())
}

fn roll_back_often(scene: &mut Scene) -> Result<()> {
    for version in 2..=7 {
        let response = scene.reload(version)?;
        ensure!(response.body.contains(" 0 kept, 0 lost"), "{response:?}");
        trap(&scene.server, "/hostile")?;
        scene.server.wait_for_log("rolled back")?;
    }
    Ok(())
}

#[test]
fn reload_during_a_trial_is_tried_against_the_original_code() -> Result<()> {
    let mut scene = scene(3, &["--trial", "1h"])?;
    scene.reload(2)?;
    scene.expect("2")?;
    scene.reload(8)?;
    assert_eq!(scene.trial()?, "running");
    trap(&scene.server, "/0")?;
    scene.server.wait_for_log("rolled back")?;
    scene.expect("1")
}

#[test]
fn trap_in_resume_on_trial_rolls_back() -> Result<()> {
    for flags in [&["--trial", "1h"][..], &["--trial", "1h", "--canary", "50%"]] {
        let keeper = Keeper::new()?;
        let mut server = keeper.serve(&[ROOMS, flags].concat())?;
        let admin = server.admin()?;
        let mut clients = Vec::new();
        for room in 0..4 {
            let mut client = join(&server, &format!("/{room}"))?;
            assert_eq!(client.ask("count")?, "1");
            clients.push(client);
        }
        keeper.replace_with(8)?;
        let response = post_reload(admin)?;
        assert_eq!(response.status, 422, "{response:?}");
        server.wait_for_log("rolled back")?;
        for client in &mut clients {
            assert_eq!((client.ask("version")?, client.ask("count")?), ("1".into(), "2".into()));
        }
    }
    Ok(())
}

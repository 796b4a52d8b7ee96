//! Idle instances are freed and come back with their state.

use anyhow::{Context, Result};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use ws_host_test_support::{Client, TestServer};

use crate::keeper::{Keeper, counter, join, post_reload};

const SOON: &[&str] = &["--hibernate-after", "100ms", "--log", "ws_host=debug"];

const ROOMS: &[&str] =
    &["--path", "/{room}", "--instance-per", "path", "--no-watch", "--admin", "127.0.0.1:0"];

/// Connects one client to each of three rooms, counts to one in each, and waits until all three hibernate.
fn rooms_asleep(server: &mut TestServer) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for room in ["red", "green", "blue"] {
        let mut client = Client::connect_to(server, &format!("/{room}"))?;
        client.receive_text()?;
        assert_eq!(client.ask("count")?, "1");
        clients.push(client);
    }
    for _ in &clients {
        server.wait_for_log("hibernated")?;
    }
    Ok(clients)
}

#[test]
fn idle_instance_is_freed_and_the_next_event_wakes_it_with_its_state() -> Result<()> {
    for sharing in ["resource", "path", "client"] {
        let keeper = Keeper::new()?;
        let flags = ["--path", "/{room}", "--instance-per", sharing, "--admin", "127.0.0.1:0"];
        let mut server = keeper.serve(&[SOON, &flags].concat())?;
        let admin = server.admin()?;
        let mut client = join(&server, "/red")?;
        for count in 1..4 {
            assert_eq!(client.ask("count")?, count.to_string());
            server.wait_for_log("hibernated")?;
        }
        assert_eq!(client.ask("history")?, "1 for 1 1 for 1 1 for 1 ");
        assert!(counter(admin, "ws_host_hibernations_total")? >= 3);
        assert!(counter(admin, "ws_host_wakes_total")? >= 3);
    }
    Ok(())
}

#[test]
fn messages_that_wake_an_instance_keep_their_order() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(SOON)?;
    let mut clients = Client::connect_many(&server, 10)?;
    for round in 0..3 {
        server.wait_for_log("hibernated")?;
        for client in &mut clients {
            for number in 0..50 {
                client.send_text(&format!("{round}-{number}"))?;
            }
        }
        for client in &mut clients {
            for number in 0..50 {
                assert_eq!(client.receive_text()?, format!("{round}-{number}"));
            }
        }
    }
    Ok(())
}

#[test]
fn instance_without_state_is_not_hibernated() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client("guest-trap", SOON)?;
    assert_eq!(client.ask("hello")?, "hello 1");
    server.wait_for_log("not hibernated")?;
    assert_eq!(client.ask("hello")?, "hello 2");
    Ok(())
}

#[test]
fn new_code_resumes_state_that_old_code_suspended() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(SOON)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    keeper.replace_with(2)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("count")?, "2");
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

/// This covers the instance that the reload wakes, and the others.
#[test]
fn hibernated_state_that_new_code_refuses_continues_in_the_old_code() -> Result<()> {
    // Version 9 refuses the state, version 8 traps.
    for (version, words) in [(9, "version 9 knows no state"), (8, "the handler trapped")] {
        let keeper = Keeper::new()?;
        let mut server = keeper.serve(&[SOON, ROOMS].concat())?;
        let admin = server.admin()?;
        let mut clients = rooms_asleep(&mut server)?;
        keeper.replace_with(version)?;
        let response = post_reload(admin)?;
        let summary = "0 instances swapped, 1 kept, 0 lost, 2 hibernated";
        assert!(response.body.contains(summary), "{response:?}");
        server.wait_for_log(words)?;
        for client in &mut clients {
            assert_eq!(client.ask("count")?, "2");
            assert_eq!(client.ask("version")?, "1");
            assert_eq!(client.ask("history")?, "1 for 1 ");
        }
        // After hibernating again, they do not retry the version that refused them.
        server.wait_for_log("hibernated")?;
        keeper.replace_with(2)?;
        let response = post_reload(admin)?;
        assert!(response.body.contains(" 0 kept, 0 lost, "), "{response:?}");
        for client in &mut clients {
            assert_eq!(client.ask("count")?, "3");
            assert_eq!(client.ask("version")?, "2");
        }
    }
    Ok(())
}

#[test]
fn reload_reports_hibernated_instances_and_wakes_one_of_them() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&[SOON, ROOMS].concat())?;
    let admin = server.admin()?;
    let mut clients = rooms_asleep(&mut server)?;
    keeper.replace_with(2)?;
    let response = post_reload(admin)?;
    let summary = "1 instances swapped, 0 kept, 0 lost, 2 hibernated";
    assert!(response.body.contains(summary), "{response:?}");
    let line = server.wait_for_log("reloaded the component")?;
    assert!(line.contains("hibernated=2"), "{line}");
    for client in &mut clients {
        assert_eq!(client.ask("count")?, "2");
        assert_eq!(client.ask("version")?, "2");
    }
    Ok(())
}

#[test]
fn state_stays_hibernated_when_no_instance_can_be_created() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(SOON)?;
    let mut client = Client::connect(&server)?;
    let mut other = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    // An instance needs gigabytes of address space. The limit leaves some for everything else.
    let process = Pid::from_raw(server.process_id().try_into()?);
    let room = std::fs::read_to_string(format!("/proc/{}/statm", server.process_id()))?;
    let pages: u64 = room.split(' ').next().context("no size")?.parse()?;
    let room = pages * rustix::param::page_size() as u64 + (256 << 20);
    let no_more = Rlimit { current: Some(room), maximum: None };
    let before = prlimit(process, Resource::As, no_more)?;
    other.send_text("count")?;
    other.expect_close(1011)?;
    prlimit(process, Resource::As, before)?;
    // The handler adds 100 for the other client's `disconnected`.
    let count: u64 = client.ask("count")?.parse()?;
    assert!([2, 102].contains(&count), "{count}");
    Ok(())
}

#[test]
fn automatic_answers_wake_no_instance() -> Result<()> {
    let keeper = Keeper::new()?;
    let flags = ["--auto-answer", "ping=pong", "--auto-answer", "a=b=c", "--admin", "127.0.0.1:0"];
    let mut server = keeper.serve(&[SOON, &flags].concat())?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    server.wait_for_log("hibernated")?;
    for _ in 0..100 {
        assert_eq!(client.ask("ping")?, "pong");
    }
    assert_eq!(client.ask("a")?, "b=c");
    assert_eq!(counter(admin, "ws_host_wakes_total")?, 0);
    assert_eq!(client.ask("pinge")?, "pinge");
    assert_eq!(counter(admin, "ws_host_wakes_total")?, 1);
    Ok(())
}

#[test]
fn last_event_of_a_client_wakes_its_instance() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(SOON)?;
    let mut client = Client::connect(&server)?;
    let other = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    other.close()?;
    server.wait_for_log("hibernated")?;
    // The handler adds 100 for each `disconnected`.
    assert_eq!(client.ask("count")?, "102");
    Ok(())
}

#[test]
fn deserted_path_ends_and_starts_afresh() -> Result<()> {
    let keeper = Keeper::new()?;
    let flags = ["--path", "/{room}", "--instance-per", "path"];
    let mut server = keeper.serve(&[SOON, &flags].concat())?;
    let mut client = join(&server, "/red")?;
    assert_eq!(client.ask("count")?, "1");
    client.close()?;
    server.wait_for_log("removed an unused actor")?;
    let mut client = join(&server, "/red")?;
    assert_eq!(client.ask("count")?, "1");
    Ok(())
}

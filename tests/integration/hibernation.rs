//! Instances that are freed while nothing happens, and come back with their state.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::keeper::{Keeper, counter};

const SOON: &[&str] = &["--hibernate-after", "100ms", "--log", "ws_host=debug"];

#[test]
fn quiet_instance_is_freed_and_the_next_event_wakes_it_with_its_state() -> Result<()> {
    for sharing in ["resource", "path", "client"] {
        let keeper = Keeper::new()?;
        let flags = ["--path", "/{room}", "--instance-per", sharing, "--admin", "127.0.0.1:0"];
        let mut server = keeper.serve(&[SOON, &flags].concat())?;
        let admin = server.admin()?;
        let mut client = Client::connect_to(&server, "/red")?;
        assert_eq!(client.receive_text()?, "room is red");
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
    let mut clients = (0..10).map(|_| Client::connect(&server)).collect::<Result<Vec<_>>>()?;
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
fn instance_without_state_to_give_is_not_hibernated() -> Result<()> {
    let mut server = TestServer::with_arguments("guest-trap", SOON)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "hello 1");
    server.wait_for_log("not hibernated")?;
    assert_eq!(client.ask("hello")?, "hello 2");
    Ok(())
}

#[test]
fn new_code_wakes_what_old_code_put_to_sleep() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(SOON)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    keeper.replace_by(2)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("count")?, "2");
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn state_that_is_refused_at_waking_is_lost_and_the_client_is_not() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(SOON)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    keeper.replace_by(9)?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("version 9 knows no state")?;
    Ok(())
}

#[test]
fn automatic_answers_wake_nobody() -> Result<()> {
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
    // A hundred for each who left.
    assert_eq!(client.ask("count")?, "102");
    Ok(())
}

#[test]
fn path_that_is_deserted_ends_and_begins_anew() -> Result<()> {
    let keeper = Keeper::new()?;
    let flags = ["--path", "/{room}", "--instance-per", "path"];
    let mut server = keeper.serve(&[SOON, &flags].concat())?;
    let mut client = Client::connect_to(&server, "/red")?;
    assert_eq!(client.receive_text()?, "room is red");
    assert_eq!(client.ask("count")?, "1");
    client.close()?;
    server.wait_for_log("nobody is there any more")?;
    let mut client = Client::connect_to(&server, "/red")?;
    assert_eq!(client.receive_text()?, "room is red");
    assert_eq!(client.ask("count")?, "1");
    Ok(())
}

//! A handler that waits blocks only its own actor.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

/// Long enough for everything that must happen during the sleep, even on a busy machine.
const NAP: &str = "sleep 700";

#[test]
fn output_sent_before_a_sleep_arrives_before_it_ends() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-sleep", &[])?;
    let mut other = Client::connect(&server)?;
    client.send_text(NAP)?;
    assert_eq!(client.receive_text()?, "before");
    // While the actor sleeps, protocol and handshakes continue. This event waits for its turn.
    other.send_text("queued")?;
    other.send_frame(0x8a, b"")?;
    client.send_frame(0x89, b"asleep?")?;
    assert_eq!(client.receive_text()?, "after");
    assert_eq!(client.receive()?.payload, b"asleep?");
    assert_eq!(other.receive_text()?, "queued");
    Ok(())
}

#[test]
fn other_clients_sockets_are_served_while_the_actor_sleeps() -> Result<()> {
    let (server, mut sleeper) = TestServer::with_client("guest-sleep", &[])?;
    let mut other = Client::connect(&server)?;
    sleeper.send_text("sleep 60000")?;
    assert_eq!(sleeper.receive_text()?, "before");
    other.send_frame(0x89, b"awake?")?;
    assert_eq!(other.receive()?.payload, b"awake?");
    // The closing handshake does not need the actor.
    other.close()
}

#[test]
fn events_keep_their_order_after_a_sleep() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-sleep", &[])?;
    client.send_text(NAP)?;
    for number in 0..100 {
        client.send_text(&number.to_string())?;
    }
    assert_eq!(client.receive_text()?, "before");
    assert_eq!(client.receive_text()?, "after");
    for number in 0..100 {
        assert_eq!(client.receive_text()?, number.to_string());
    }
    Ok(())
}

#[test]
fn client_that_leaves_while_the_actor_sleeps_affects_no_other() -> Result<()> {
    let (server, mut sleeper) = TestServer::with_client("guest-sleep", &[])?;
    sleeper.send_text(NAP)?;
    assert_eq!(sleeper.receive_text()?, "before");
    sleeper.hang_up()?;
    let mut other = Client::connect(&server)?;
    assert_eq!(other.ask("hello")?, "hello");
    Ok(())
}

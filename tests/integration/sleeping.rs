//! A handler that waits suspends its actor alone.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

/// Long enough that what must happen meanwhile happens meanwhile on a busy machine too.
const NAP: &str = "sleep 700";

#[test]
fn what_was_sent_before_the_sleep_arrives_before_it_ends() -> Result<()> {
    let server = TestServer::serving("guest-sleep")?;
    let mut client = Client::connect(&server)?;
    let mut other = Client::connect(&server)?;
    client.send_text(NAP)?;
    assert_eq!(client.receive_text()?, "before");
    // The actor sleeps; protocol and handshakes' HTTP go on. This event waits for its turn.
    other.send_text("queued")?;
    other.send_frame(0x8a, b"")?;
    client.send_frame(0x89, b"asleep?")?;
    assert_eq!(client.receive_text()?, "after");
    assert_eq!(client.receive()?.payload, b"asleep?");
    assert_eq!(other.receive_text()?, "queued");
    Ok(())
}

#[test]
fn other_clients_sockets_go_on_while_the_actor_sleeps() -> Result<()> {
    let server = TestServer::serving("guest-sleep")?;
    let mut sleeper = Client::connect(&server)?;
    let mut other = Client::connect(&server)?;
    sleeper.send_text("sleep 60000")?;
    assert_eq!(sleeper.receive_text()?, "before");
    other.send_frame(0x89, b"awake?")?;
    assert_eq!(other.receive()?.payload, b"awake?");
    // The closing handshake needs no actor either.
    other.close()
}

#[test]
fn events_keep_their_order_behind_a_sleep() -> Result<()> {
    let server = TestServer::serving("guest-sleep")?;
    let mut client = Client::connect(&server)?;
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
fn client_that_leaves_while_the_actor_sleeps_harms_nobody() -> Result<()> {
    let server = TestServer::serving("guest-sleep")?;
    let mut sleeper = Client::connect(&server)?;
    sleeper.send_text(NAP)?;
    assert_eq!(sleeper.receive_text()?, "before");
    sleeper.hang_up()?;
    let mut other = Client::connect(&server)?;
    assert_eq!(other.ask("hello")?, "hello");
    Ok(())
}

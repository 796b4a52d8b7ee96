//! Handlers that trap, loop, hoard memory or fail: only one client is affected.

use anyhow::Result;
use ws_host_test_support::{Client, Response, TestServer, handshake};

use crate::configured::Configuration;
use crate::keeper::trap;

#[test]
fn trap_closes_only_its_client_and_a_fresh_instance_continues() -> Result<()> {
    let (mut server, mut other) = TestServer::with_client("guest-trap", &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(other.ask("hello")?, "hello 1");
    assert_eq!(other.ask("hello")?, "hello 2");
    client.send_text("trap")?;
    client.expect_close(1011)?;
    // The count starts again: a new instance, on the same connection.
    assert_eq!(other.ask("hello")?, "hello 1");
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello 2");
    server.wait_for_log("asked to panic")?;
    server.wait_for_log("the handler trapped: wasm trap: wasm `unreachable`")?;
    Ok(())
}

#[test]
fn messages_sent_before_a_trap_arrive() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-trap", &[])?;
    client.send_frame(0x82, b"!")?;
    assert_eq!(client.receive_text()?, "sent before the panic");
    client.expect_close(1011)?;
    Ok(())
}

#[test]
fn trap_in_connected_is_500() -> Result<()> {
    let (server, mut other) = TestServer::with_client("guest-trap", &[])?;
    let response = Response::to(server.address(), &handshake("/?trap", ""))?;
    assert_eq!(response.status, 500, "{response:?}");
    assert_eq!(other.ask("hello")?, "hello 1");
    Ok(())
}

#[test]
fn trap_in_disconnected_affects_no_other_client() -> Result<()> {
    let (mut server, mut other) = TestServer::with_client("guest-trap", &[])?;
    let mut client = Client::connect(&server)?;
    client.send_close(1000, "trap")?;
    assert_eq!(client.receive_close()?.0, 1000);
    server.wait_for_log("the handler trapped")?;
    assert_eq!(other.ask("hello")?, "hello 1");
    Ok(())
}

#[test]
fn host_survives_many_traps_in_a_row() -> Result<()> {
    let (server, mut other) = TestServer::with_client("guest-trap", &[])?;
    for _ in 0..50 {
        trap(&server, "/")?;
        assert_eq!(other.ask("hello")?, "hello 1");
    }
    Ok(())
}

#[test]
fn simultaneous_traps_close_only_their_own_clients() -> Result<()> {
    let server = TestServer::serving("guest-trap")?;
    let connect =
        |number| -> Result<Vec<Client>> { (0..number).map(|_| Client::connect(&server)).collect() };
    let mut others = connect(20)?;
    for _ in 0..4 {
        let mut hostile = connect(8)?;
        for client in &mut hostile {
            client.send_text("trap")?;
        }
        for client in &mut hostile {
            client.expect_close(1011)?;
        }
    }
    for other in &mut others {
        assert!(other.ask("hello")?.starts_with("hello "));
    }
    Ok(())
}

#[test]
fn with_drop_message_a_client_whose_events_keep_failing_is_closed() -> Result<()> {
    let server = Configuration::of("guest-trap", "on-fault = \"drop-message\"")?.serve()?;
    let mut other = Client::connect(&server)?;
    let mut client = Client::connect(&server)?;
    // Only faults in a row count: a success in between resets the count.
    for _ in 0..3 {
        for _ in 0..7 {
            client.send_text("trap")?;
        }
        assert_eq!(client.ask("hello")?, "hello 1");
    }
    for _ in 0..8 {
        client.send_text("trap")?;
    }
    client.expect_close(1011)?;
    assert_eq!(other.ask("hello")?, "hello 1");
    Ok(())
}

#[test]
fn endless_loop_is_ended_at_the_cpu_budget() -> Result<()> {
    let (mut server, mut other) = TestServer::with_client("guest-spin", &["--max-cpu", "200ms"])?;
    let mut client = Client::connect(&server)?;
    client.send_text("spin")?;
    // While the handler spins, its output is written and the sockets of other clients are served.
    assert_eq!(client.receive_text()?, "spinning");
    other.send_frame(0x89, b"?")?;
    assert_eq!(other.receive()?.first, 0x8a);
    client.expect_close(1011)?;
    assert_eq!(other.ask("hello")?, "hello");
    server.wait_for_log("max-cpu allows 200ms")?;
    Ok(())
}

#[test]
fn hoarding_is_ended_at_the_memory_limit() -> Result<()> {
    let (mut server, mut other) =
        TestServer::with_client("guest-hoard", &["--max-memory", "8MiB"])?;
    let mut client = Client::connect(&server)?;
    client.send_text("hoard")?;
    client.expect_close(1011)?;
    assert_eq!(other.ask("hello")?, "hello");
    let line = server.wait_for_log("max-memory allows")?;
    assert!(line.contains("max-memory allows 8 MiB"), "{line}");
    Ok(())
}

#[test]
fn slot_of_an_instance_is_free_before_its_memory_is() -> Result<()> {
    let (server, mut other) = TestServer::with_client("guest-keeper", &["--max-instances", "1"])?;
    for _ in 0..5 {
        let mut client = Client::connect(&server)?;
        client.send_text("hoard")?;
        // This event waits for its turn, which comes right after the trap.
        assert_eq!(other.ask("version")?, "1");
        client.expect_close(1011)?;
    }
    Ok(())
}

#[test]
fn error_of_a_handler_is_logged_with_its_causes_and_keeps_the_instance() -> Result<()> {
    let (mut server, mut other) = TestServer::with_client("guest-failing", &[])?;
    assert_eq!(other.ask("40")?, "40");
    let mut client = Client::connect(&server)?;
    client.send_text("many")?;
    client.expect_close(1011)?;
    assert_eq!(other.ask("2")?, "42");
    server.wait_for_log("cannot count: invalid digit found in string")?;
    Ok(())
}

#[test]
fn unexpected_binary_message_is_1003() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-failing", &[])?;
    client.send_frame(0x82, b"binary")?;
    client.expect_close(1003)?;
    Ok(())
}

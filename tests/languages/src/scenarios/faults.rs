//! The handler `faults`: an exception in each event, and sends that reach nobody.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, handshake};

use crate::build::Components;
use crate::language::Exceptions;

super::scenarios! {
    exception_in_a_text_closes_its_client_only,
    exception_in_a_binary_message_closes_its_client_only,
    exception_in_a_pong_closes_its_client_only,
    exception_in_connected_is_500,
    exception_in_disconnected_and_in_a_timer_is_logged,
    send_to_nobody_is_false_and_ids_are_numbers,
    client_is_closed_with_the_code_of_the_handler,
}

fn serve(components: &Components) -> Result<(TestServer, Client)> {
    let server = TestServer::serving_file(&components.faults, &[])?;
    let mut witness = Client::connect(&server)?;
    assert_eq!(witness.ask("count")?, "1");
    Ok((server, witness))
}

/// Checks that the witness's next message finds the same instance, or a new one where exceptions trap.
fn expect_instance(components: &Components, witness: &mut Client) -> Result<()> {
    let count: u64 = witness.ask("count")?.parse()?;
    let is_same = count > 1;
    let wanted = components.language.exceptions == Exceptions::Caught;
    ensure!(is_same == wanted, "this instance has had {count} messages");
    Ok(())
}

fn exception_in_a_text_closes_its_client_only(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components)?;
    let mut client = Client::connect(&server)?;
    client.send_text("throw")?;
    client.expect_close(1011)?;
    server.wait_for_log(components.language.words)?;
    expect_instance(components, &mut witness)
}

fn exception_in_a_binary_message_closes_its_client_only(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components)?;
    let mut client = Client::connect(&server)?;
    client.send_frame(0x82, b"x")?;
    client.expect_close(1011)?;
    server.wait_for_log(components.language.words)?;
    expect_instance(components, &mut witness)
}

fn exception_in_a_pong_closes_its_client_only(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components)?;
    let mut client = Client::connect(&server)?;
    client.send_frame(0x8a, b"throw")?;
    client.expect_close(1011)?;
    server.wait_for_log(components.language.words)?;
    expect_instance(components, &mut witness)
}

fn exception_in_connected_is_500(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components)?;
    let response = Response::to_head(server.address(), &handshake("/?throw", ""))?;
    assert_eq!(response.status, 500);
    server.wait_for_log(components.language.words)?;
    expect_instance(components, &mut witness)
}

fn exception_in_disconnected_and_in_a_timer_is_logged(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components)?;
    let mut client = Client::connect(&server)?;
    client.send_text("/throw-on-leave")?;
    client.close()?;
    server.wait_for_log(components.language.words)?;
    expect_instance(components, &mut witness)?;
    witness.send_text("timer")?;
    server.wait_for_log(components.language.words)?;
    // The client that set the timer is still there.
    witness.ask("count")?;
    Ok(())
}

fn send_to_nobody_is_false_and_ids_are_numbers(components: &Components) -> Result<()> {
    let (_server, mut witness) = serve(components)?;
    assert_eq!(witness.ask("gone")?, "false");
    let id: u64 = witness.ask("id")?.parse()?;
    ensure!(id > 0 && id < 1 << 53, "{id}");
    Ok(())
}

fn client_is_closed_with_the_code_of_the_handler(components: &Components) -> Result<()> {
    let (server, _witness) = serve(components)?;
    for (code, reason) in [(1000, "bye"), (1001, ""), (4999, "\u{e9}t\u{e9}")] {
        let mut client = Client::connect(&server)?;
        client.send_text(&format!("close {code} {reason}"))?;
        assert_eq!(client.expect_close(code)?, reason);
    }
    Ok(())
}

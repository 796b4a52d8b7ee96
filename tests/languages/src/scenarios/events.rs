//! The handler `faults`: the events that no message of a client causes, with and without an exception in each.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use ws_host_test_support::{Client, Response, TestServer, poll_until};

use super::faults::{expect_instance, expect_report, serve};
use crate::build::Components;
use crate::language::{Exceptions, Whose};

super::scenarios! {
    exception_in_disconnected_is_logged,
    exception_in_a_timer_is_logged,
    expiring_client_is_kept_by_the_handler,
    exception_in_expiring_closes_its_client_only,
    exception_in_drained_closes_its_client_only,
    clients_hear_that_the_server_stops,
    exception_in_stopping_is_logged,
    custom_messages_are_answered,
    exception_in_a_custom_message_is_logged_and_answered,
    exception_in_suspend_is_logged,
    exception_in_resume_means_no_state,
}

/// Makes the next event of this name fail.
fn throw_in(client: &mut Client, event: &str) -> Result<()> {
    assert_eq!(client.ask(&format!("throw-in {event}"))?, "noted");
    Ok(())
}

fn exception_in_disconnected_is_logged(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("id")?;
    throw_in(&mut client, "disconnected")?;
    client.close()?;
    expect_report(&mut server, components.language, "disconnected", Whose::Client(&id))?;
    expect_instance(components.language.exceptions, &mut witness)
}

fn exception_in_a_timer_is_logged(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    witness.send_text("timer")?;
    expect_report(&mut server, components.language, "fired", Whose::Nobody)?;
    // The client that set the timer is still there.
    expect_instance(components.language.exceptions, &mut witness)
}

fn expiring_client_is_kept_by_the_handler(components: &Components) -> Result<()> {
    let (_server, mut client) = serve(components, &[])?;
    assert_eq!(client.ask("expire")?, "expiring");
    Ok(())
}

fn exception_in_expiring_closes_its_client_only(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("id")?;
    throw_in(&mut client, "expiring")?;
    client.send_text("expire")?;
    client.expect_close(1011)?;
    expect_report(&mut server, components.language, "expiring", Whose::Client(&id))?;
    expect_instance(components.language.exceptions, &mut witness)
}

fn exception_in_drained_closes_its_client_only(components: &Components) -> Result<()> {
    // One message of the handler fits, and two do not.
    let arguments = ["--max-message", "16KiB", "--max-outbound", "64KiB", "--max-cpu", "30s"];
    let (mut server, mut witness) = serve(components, &arguments)?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("id")?;
    throw_in(&mut client, "drained")?;
    client.send_text("fill")?;
    loop {
        let frame = client.receive()?;
        match (frame.first, frame.payload.get(..2)) {
            (0x81 | 0x82, _) => {}
            (0x88, Some(code)) if code == 1011_u16.to_be_bytes() => break,
            _ => bail!("expected messages and then 1011, got {frame:?}"),
        }
    }
    expect_report(&mut server, components.language, "drained", Whose::Client(&id))?;
    expect_instance(components.language.exceptions, &mut witness)
}

fn clients_hear_that_the_server_stops(components: &Components) -> Result<()> {
    let (server, mut client) = serve(components, &[])?;
    server.signal(Signal::TERM)?;
    assert_eq!(client.receive_text()?, "stopping");
    client.expect_close(1001)?;
    assert!(server.wait()?.status.success());
    Ok(())
}

fn exception_in_stopping_is_logged(components: &Components) -> Result<()> {
    let (mut server, mut client) = serve(components, &[])?;
    throw_in(&mut client, "stopping")?;
    server.signal(Signal::TERM)?;
    client.expect_close(1001)?;
    expect_report(&mut server, components.language, "stopping", Whose::Nobody)?;
    assert!(server.wait()?.status.success());
    Ok(())
}

/// Serves `faults` with an admin address.
fn serve_with_admin(components: &Components) -> Result<(TestServer, Client, SocketAddr)> {
    let (mut server, witness) = serve(components, &["--admin", "127.0.0.1:0"])?;
    let admin = server.admin()?;
    Ok((server, witness, admin))
}

/// Sends a custom message. Returns the status and the body of the response.
fn send_custom(admin: SocketAddr, message: &str) -> Result<(u16, String)> {
    let request = format!(
        "POST /resources/faults/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{message}",
        message.len()
    );
    let response = Response::to(admin, &request)?;
    Ok((response.status, response.body))
}

fn custom_messages_are_answered(components: &Components) -> Result<()> {
    let (_server, mut witness, admin) = serve_with_admin(components)?;
    let reply = |text: &str| format!("text/plain of admin: {text}");
    assert_eq!(send_custom(admin, "gr\u{fc}\u{df}")?, (200, reply("gr\u{fc}\u{df}")));
    assert_eq!(send_custom(admin, "fail")?, (422, reply("fail\n")));
    // Neither ends the instance.
    expect_instance(Exceptions::Caught, &mut witness)
}

fn exception_in_a_custom_message_is_logged_and_answered(components: &Components) -> Result<()> {
    let (mut server, mut witness, admin) = serve_with_admin(components)?;
    let (status, body) = send_custom(admin, "throw")?;
    let language = components.language;
    match language.exceptions {
        // The sender gets the words of the exception.
        Exceptions::Caught => {
            assert_eq!((status, body.trim_end()), (422, language.report.reply));
        }
        Exceptions::Trap => assert_eq!((status, &*body), (500, "The handler failed.\n")),
    }
    expect_report(&mut server, language, "received-custom", Whose::Nobody)?;
    expect_instance(language.exceptions, &mut witness)
}

fn exception_in_suspend_is_logged(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &["--hibernate-after", "100ms"])?;
    throw_in(&mut witness, "suspend")?;
    expect_report(&mut server, components.language, "suspend", Whose::Nobody)?;
    expect_instance(components.language.exceptions, &mut witness)
}

fn exception_in_resume_means_no_state(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &["--hibernate-after", "100ms"])?;
    throw_in(&mut witness, "resume")?;
    // The handler says so in `suspend`.
    server.wait_for_log("the state is unusable")?;
    // This wakes an instance that cannot use the state.
    match components.language.exceptions {
        // A second instance starts without it.
        Exceptions::Caught => assert_eq!(witness.ask("count")?, "1"),
        // The state waits for the next event, until it has ended several instances.
        Exceptions::Trap => {
            witness.send_text("count")?;
            witness.expect_close(1011)?;
            let mut next = poll_until(|| Ok(Client::connect(&server).ok()), Option::is_some)?;
            assert_eq!(next.as_mut().context("connected")?.ask("count")?, "1");
        }
    }
    expect_report(&mut server, components.language, "resume", Whose::Nobody)
}

//! The handler `faults`: an exception while a client connects or sends something, and sends that reach nobody.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, handshake, masked_frame};

use super::Scenario;
use crate::build::Components;
use crate::language::{Exceptions, Language, Whose};

super::scenarios! {
    exception_in_a_text_closes_its_client_only,
    exception_in_a_binary_message_closes_its_client_only,
    exception_in_a_pong_closes_its_client_only,
    exception_in_connected_is_500,
    exception_is_the_close_reason_in_development,
    recursion_without_end_closes_its_client_only,
    send_to_nobody_is_false_and_ids_are_numbers,
    exception_in_a_burst_ends_the_burst,
}

/// Scenarios of languages with asynchronous events.
pub(super) const ASYNC: &[Scenario] = &[
    Scenario {
        name: "rejected_promise_closes_its_client_only",
        run: rejected_promise_closes_its_client_only,
    },
    Scenario {
        name: "rejected_promise_in_a_burst_ends_the_burst",
        run: rejected_promise_in_a_burst_ends_the_burst,
    },
];

/// Scenarios of languages whose handlers may handle an exception.
pub(super) const OWN: &[Scenario] = &[Scenario {
    name: "exception_is_handled_by_the_handler",
    run: exception_is_handled_by_the_handler,
}];

/// Serves `faults`, with a client that has sent one message. At the level debug, the log has the stacks of traps.
pub(super) fn serve(components: &Components, arguments: &[&str]) -> Result<(TestServer, Client)> {
    let arguments = [&["--log", "debug"], arguments].concat();
    let server = TestServer::serving_file(&components.faults, &arguments)?;
    let mut witness = Client::connect(&server)?;
    assert_eq!(witness.ask("count")?, "1");
    Ok((server, witness))
}

/// Checks that the witness's next message finds the same instance, or a new one where this traps.
pub(super) fn expect_instance(exceptions: Exceptions, witness: &mut Client) -> Result<()> {
    let count: u64 = witness.ask("count")?.parse()?;
    ensure!(
        (count > 1) == (exceptions == Exceptions::Caught),
        "this instance has had {count} messages"
    );
    Ok(())
}

/// Waits until the log has an exception in this event: the event and its client in one line, and then the stack.
pub(super) fn expect_report(
    server: &mut TestServer,
    language: &Language,
    event: &str,
    whose: Whose<'_>,
) -> Result<()> {
    let head = language.report.head_of(event, whose);
    let line = server.wait_for_log(&head[0])?;
    ensure!(head.iter().all(|words| line.contains(words)), "expected {head:?}, got {line}");
    for words in language.report.stack {
        server.wait_for_log(words)?;
    }
    Ok(())
}

/// Sends a frame that makes its event fail. Only its client is closed, and the log has all of it.
fn expect_failure(components: &Components, event: &str, first: u8, payload: &[u8]) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("id")?;
    client.send_frame(first, payload)?;
    assert_eq!(client.expect_close(1011)?, "the handler failed");
    expect_report(&mut server, components.language, event, Whose::Client(&id))?;
    expect_instance(components.language.exceptions, &mut witness)
}

fn exception_in_a_text_closes_its_client_only(components: &Components) -> Result<()> {
    expect_failure(components, "received-text", 0x81, b"throw")
}

fn exception_in_a_binary_message_closes_its_client_only(components: &Components) -> Result<()> {
    expect_failure(components, "received-binary", 0x82, b"x")
}

fn exception_in_a_pong_closes_its_client_only(components: &Components) -> Result<()> {
    expect_failure(components, "received-pong", 0x8a, b"throw")
}

fn exception_in_connected_is_500(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let response = Response::to_head(server.address(), &handshake("/?throw", ""))?;
    assert_eq!(response.status, 500);
    expect_report(&mut server, components.language, "connected", Whose::SomeClient)?;
    expect_instance(components.language.exceptions, &mut witness)
}

fn exception_is_the_close_reason_in_development(components: &Components) -> Result<()> {
    let (_server, mut client) = serve(components, &["--dev"])?;
    client.send_text("throw")?;
    let reason = client.expect_close(1011)?;
    let expected = components.language.report.reason;
    ensure!(reason.starts_with(expected), "expected {expected:?}, got {reason:?}");
    Ok(())
}

fn recursion_without_end_closes_its_client_only(components: &Components) -> Result<()> {
    let recursion = &components.language.recursion;
    let (mut server, mut witness) = serve(components, &["--max-cpu", "30s"])?;
    let mut client = Client::connect(&server)?;
    client.send_text("recurse")?;
    client.expect_close(1011)?;
    server.wait_for_log(recursion.words)?;
    expect_instance(recursion.exceptions, &mut witness)?;
    // An instance for each client.
    let arguments = ["--max-cpu", "30s", "--instance-per", "client"];
    let (mut server, mut witness) = serve(components, &arguments)?;
    let mut client = Client::connect(&server)?;
    client.send_text("recurse")?;
    client.expect_close(1011)?;
    server.wait_for_log(recursion.words)?;
    assert_eq!(witness.ask("count")?, "2");
    Ok(())
}

fn send_to_nobody_is_false_and_ids_are_numbers(components: &Components) -> Result<()> {
    let (_server, mut witness) = serve(components, &[])?;
    assert_eq!(witness.ask("gone")?, "false");
    let id: u64 = witness.ask("id")?.parse()?;
    ensure!(id > 0 && id < 1 << 53, "{id}");
    Ok(())
}

fn exception_in_a_burst_ends_the_burst(components: &Components) -> Result<()> {
    expect_end_of_burst(components, "throw")
}

fn rejected_promise_in_a_burst_ends_the_burst(components: &Components) -> Result<()> {
    expect_end_of_burst(components, "reject")
}

/// Sends three messages at once, of which the second fails. The handler must not get the third.
fn expect_end_of_burst(components: &Components, second: &str) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let mut client = Client::connect(&server)?;
    let id = client.ask("id")?;
    let burst = ["id", second, "count"].map(|text| masked_frame(0x81, text.as_bytes()));
    client.send(&burst.concat())?;
    assert_eq!(client.receive_text()?, id);
    client.expect_close(1011)?;
    let language = components.language;
    expect_report(&mut server, language, "received-text", Whose::Client(&id))?;
    let count = match language.exceptions {
        // The witness's, `id` twice, the one that failed, and this.
        Exceptions::Caught => "5",
        Exceptions::Trap => "1",
    };
    assert_eq!(witness.ask("count")?, count);
    Ok(())
}

fn rejected_promise_closes_its_client_only(components: &Components) -> Result<()> {
    expect_failure(components, "received-text", 0x81, b"reject")
}

fn exception_is_handled_by_the_handler(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("handle-failures well")?, "noted");
    assert_eq!(client.ask("throw")?, "failed in text: on purpose, in text");
    client.send_frame(0x82, b"x")?;
    assert_eq!(client.receive_text()?, "failed in binary: on purpose, in binary");
    // The function that handles exceptions throws one.
    assert_eq!(client.ask("handle-failures badly")?, "noted");
    let id = client.ask("id")?;
    client.send_text("throw")?;
    assert_eq!(client.expect_close(1011)?, "the handler failed");
    let line = server.wait_for_log(&format!("guest: client {id}, failed:"))?;
    // In Python, the traceback is in lines of its own.
    let line = match components.language.name {
        "python" => server.wait_for_log("on purpose, in failed")?,
        _ => line,
    };
    ensure!(line.contains("on purpose, in failed"), "{line}");
    expect_instance(Exceptions::Caught, &mut witness)
}

//! The handler `faults`: clients that it closes.

use anyhow::Result;
use ws_host_test_support::Client;

use super::faults::{expect_instance, serve};
use crate::build::Components;
use crate::language::Exceptions;

super::scenarios! {
    client_is_closed_with_the_code_of_the_handler,
    close_code_that_cannot_be_sent_is_an_error_of_the_event,
    handler_learns_how_a_connection_ended,
}

fn client_is_closed_with_the_code_of_the_handler(components: &Components) -> Result<()> {
    let (server, _witness) = serve(components, &[])?;
    for (code, reason) in [(1000, "bye"), (1001, ""), (4999, "\u{e9}t\u{e9}")] {
        let mut client = Client::connect(&server)?;
        client.send_text(&format!("close {code} {reason}"))?;
        assert_eq!(client.expect_close(code)?, reason);
    }
    Ok(())
}

/// 1005 is never sent, and 70000 has more than 16 bits: cut to these, it would be 4464.
fn close_code_that_cannot_be_sent_is_an_error_of_the_event(components: &Components) -> Result<()> {
    let (server, mut witness) = serve(components, &[])?;
    for code in ["1005", "70000"] {
        let mut client = Client::connect(&server)?;
        client.send_text(&format!("close {code}"))?;
        client.expect_close(1011)?;
    }
    expect_instance(Exceptions::Caught, &mut witness)
}

/// The handler logs the cause, the code, the code that was sent, whether the end was clean, and the reason.
fn handler_learns_how_a_connection_ended(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    let mut client = Client::connect(&server)?;
    client.send_close(4001, "bye")?;
    client.expect_close(4001)?;
    server.wait_for_log("ended: client 4001 4001 true bye")?;
    Client::connect(&server)?.hang_up()?;
    server.wait_for_log("ended: lost 1006 0 false ")?;
    expect_instance(Exceptions::Caught, &mut witness)
}

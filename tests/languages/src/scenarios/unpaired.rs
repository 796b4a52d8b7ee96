//! The handler `faults` with texts that are not UTF-8: half a surrogate pair, or bytes.

use anyhow::Result;
use ws_host_test_support::Client;

use super::faults::{expect_instance, serve};
use super::{COMPILED, expect};
use crate::build::Components;
use crate::language::Exceptions;

super::scenarios! { text_that_is_not_utf8_does_not_end_the_instance }

/// What clients get in place of the text.
const REPLACED: &str = "half: \u{fffd}";

fn text_that_is_not_utf8_does_not_end_the_instance(components: &Components) -> Result<()> {
    if components.language.name == "python" {
        return expect_exceptions(components);
    }
    let (mut server, mut witness) = serve(components, &[])?;
    for function in ["send", "options", "broadcast", "publish", "topic", "tag"] {
        let mut client = Client::connect(&server)?;
        client.send_text(&format!("invalid {function}"))?;
        expect(&mut client, &[REPLACED])?;
    }
    assert_eq!(witness.ask("invalid log")?, "logged");
    server.wait_for_log(REPLACED)?;
    server.wait_for_log("of an unknown level")?;
    if COMPILED.contains(&components.language.name) {
        assert_eq!(witness.ask("invalid rest")?, "done");
    }
    let mut client = Client::connect(&server)?;
    client.send_text("invalid close")?;
    assert_eq!(client.expect_close(4000)?, REPLACED);
    expect_instance(Exceptions::Caught, &mut witness)
}

/// In Python, such a text is an error of the caller. Only the log takes it, as standard error does.
fn expect_exceptions(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    for function in ["send", "options", "broadcast", "publish", "topic", "tag", "level", "close"] {
        let mut client = Client::connect(&server)?;
        client.send_text(&format!("invalid {function}"))?;
        client.expect_close(1011)?;
        server.wait_for_log("UnicodeEncodeError: ")?;
    }
    let mut client = Client::connect(&server)?;
    client.send_text("invalid bytes")?;
    client.expect_close(1011)?;
    server.wait_for_log("TypeError: a string is needed here, not bytes")?;
    assert_eq!(witness.ask("invalid log")?, "logged");
    server.wait_for_log("half: \\ud800")?;
    server.wait_for_log("{'a': 1}")?;
    expect_instance(Exceptions::Caught, &mut witness)
}

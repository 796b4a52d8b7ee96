//! The handler `faults` in languages whose texts may contain half a surrogate pair, which UTF-8 cannot express.

use anyhow::Result;
use ws_host_test_support::Client;

use super::faults::{expect_instance, serve};
use crate::build::Components;
use crate::language::Exceptions;

super::scenarios! { half_a_surrogate_pair_does_not_end_the_instance }

fn half_a_surrogate_pair_does_not_end_the_instance(components: &Components) -> Result<()> {
    let (mut server, mut witness) = serve(components, &[])?;
    if components.language.name == "python" {
        let mut client = Client::connect(&server)?;
        client.send_text("surrogate")?;
        client.expect_close(1011)?;
        server.wait_for_log("UnicodeEncodeError: ")?;
    } else {
        assert_eq!(witness.ask("surrogate")?, "half: \u{fffd}");
    }
    expect_instance(Exceptions::Caught, &mut witness)
}

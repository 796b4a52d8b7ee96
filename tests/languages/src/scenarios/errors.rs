//! The handler `faults` in languages whose events can return an error.

use anyhow::Result;
use ws_host_test_support::Client;

use super::faults::{expect_instance, serve};
use crate::build::Components;
use crate::language::Exceptions;

super::scenarios! { event_that_returns_an_error_closes_its_client_only }

fn event_that_returns_an_error_closes_its_client_only(components: &Components) -> Result<()> {
    for (arguments, reason) in [(&[][..], "the handler failed"), (&["--dev"], "failed with 7")] {
        let (mut server, mut witness) = serve(components, arguments)?;
        let mut client = Client::connect(&server)?;
        client.send_text("fail")?;
        assert_eq!(client.expect_close(1011)?, reason);
        server.wait_for_log("failed with 7")?;
        expect_instance(Exceptions::Caught, &mut witness)?;
    }
    Ok(())
}

//! `max-instances`: which event gets an instance.

use std::process::Command;

use anyhow::Result;
use ws_host_test_support::{Client, TestServer, host_binary};

use crate::configured::Configuration;
use crate::keeper::join;

#[test]
fn event_after_a_fault_waits_for_the_instance_that_is_being_freed() -> Result<()> {
    let (server, mut good) = TestServer::with_client("guest-keeper", &["--max-instances", "1"])?;
    for _ in 0..10 {
        let mut greedy = Client::connect(&server)?;
        // The instance ends with so much memory that freeing it takes a while.
        greedy.send_text("hoard")?;
        assert_eq!(greedy.receive_close()?.0, 1011);
        assert_eq!(good.ask("count")?, "1");
    }
    Ok(())
}

#[test]
fn with_drop_message_a_message_without_an_instance_is_dropped_and_the_client_stays() -> Result<()> {
    let configuration = Configuration::of(
        "guest-keeper",
        "path = \"/{room}\"\ninstance-per = \"path\"\nmax-instances = 1\n\
         hibernate-after = \"100ms\"\non-fault = \"drop-message\"",
    )?;
    let mut command = Command::new(host_binary());
    command.arg("--config").arg(configuration.file()).args(["--log", "ws_host=debug"]);
    let mut server = TestServer::spawn(command)?;
    let mut red = join(&server, "/red")?;
    assert_eq!(red.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    let mut blue = join(&server, "/blue")?;
    blue.send_text("sleep 3000")?;
    assert_eq!(blue.receive_text()?, "asleep");
    red.send_text("count")?;
    server.wait_for_log("max-instances allows 1")?;
    // Only the message is lost; the state and the connection stay.
    assert_eq!(blue.receive_text()?, "awake");
    server.wait_for_log("hibernated")?;
    assert_eq!(red.ask("count")?, "2");
    Ok(())
}

//! State that outlives a trap.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use crate::configured::Configuration;
use crate::keeper::{Keeper, Scene, counter, post_reload, trap};

const DEBUG: &[&str] = &["--log", "ws_host=debug"];

#[test]
fn state_of_the_last_checkpoint_outlives_a_trap() -> Result<()> {
    let flags = [DEBUG, &["--checkpoint", "50ms"]].concat();
    let (mut server, mut client) = TestServer::with_client("guest-precious", &flags)?;
    for text in ["precious", "more precious"] {
        assert_eq!(client.ask(&format!("keep {text}"))?, "kept");
        // This one may belong to an earlier event.
        server.wait_for_log("checkpoint")?;
        assert_eq!(client.ask("?")?, "?");
        server.wait_for_log("checkpoint")?;
        for _ in 0..3 {
            trap(&server, "/")?;
            assert_eq!(client.ask("kept")?, text);
            let age: u64 = client.ask("age")?.parse()?;
            assert!(age < 60_000, "{age} ms");
        }
    }
    assert_eq!(client.ask("age-now")?, "None", "the age is known only in `resume`");
    Ok(())
}

#[test]
fn without_checkpoints_a_trap_loses_the_state() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-precious", DEBUG)?;
    assert_eq!(client.ask("keep precious")?, "kept");
    trap(&server, "/")?;
    assert_eq!(client.ask("kept")?, "");
    assert_eq!(client.ask("age")?, "none");
    Ok(())
}

#[test]
fn checkpoints_are_no_more_frequent_than_configured() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-precious", &["--checkpoint", "1h"])?;
    let mut client = Client::connect(&server)?;
    for _ in 0..1000 {
        assert_eq!(client.ask("keep precious")?, "kept");
    }
    assert_eq!(counter(admin, "ws_host_checkpoints_total")?, 0);
    trap(&server, "/")?;
    assert_eq!(client.ask("kept")?, "");
    Ok(())
}

#[test]
fn state_that_was_handed_over_is_a_checkpoint() -> Result<()> {
    let scene = Keeper::precious()?.scene(&["--checkpoint", "1h"])?;
    let Scene { keeper, server, admin, mut client } = scene;
    assert_eq!(client.ask("keep precious")?, "kept");
    keeper.replace_with(2)?;
    assert!(post_reload(admin)?.body.contains("1 instances swapped"));
    assert_eq!(client.ask("age")?, "none");
    assert_eq!(client.ask("keep newer")?, "kept");
    trap(&server, "/")?;
    assert_eq!(client.ask("kept")?, "precious");
    assert_ne!(client.ask("age")?, "none");
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn reload_continues_from_the_checkpoint_if_the_old_code_traps_in_suspend() -> Result<()> {
    let Scene { keeper, server: _server, admin, mut client } =
        Keeper::new()?.scene(&["--checkpoint", "1h"])?;
    assert_eq!(client.ask("count")?, "1");
    // Version 7 takes the state, which is a checkpoint from then on, and traps in `suspend`.
    for version in [7, 2] {
        keeper.replace_with(version)?;
        let body = post_reload(admin)?.body;
        assert!(body.contains(": 1 instances swapped, 0 kept, 0 lost"), "{body}");
    }
    assert_eq!(client.ask("version")?, "2");
    assert_eq!(client.ask("count")?, "2");
    Ok(())
}

#[test]
fn state_of_a_hibernated_instance_is_a_checkpoint() -> Result<()> {
    let flags = [DEBUG, &["--checkpoint", "1h", "--hibernate-after", "100ms"]].concat();
    let (mut server, mut client) = TestServer::with_client("guest-precious", &flags)?;
    assert_eq!(client.ask("keep precious")?, "kept");
    server.wait_for_log("hibernated")?;
    trap(&server, "/")?;
    assert_eq!(client.ask("kept")?, "precious");
    Ok(())
}

#[test]
fn changing_the_configuration_starts_checkpoints_and_closes_no_client() -> Result<()> {
    let text = "listen = \"127.0.0.1:0\"\n[[resource]]\ncomponent = \"{{guest-precious}}\"\n";
    let configuration = Configuration::new(text)?;
    let mut server = configuration.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("keep precious")?, "kept");
    let line = configuration.reload(&mut server, &format!("{text}checkpoint = \"50ms\"\n"))?;
    assert!(line.contains("changed=[\"guest-precious\"]"), "{line}");
    while client.ask("kept")?.is_empty() || !has_survived(&server, &mut client)? {
        assert_eq!(client.ask("keep precious")?, "kept");
    }
    Ok(())
}

fn has_survived(server: &TestServer, client: &mut Client) -> Result<bool> {
    trap(server, "/")?;
    Ok(client.ask("kept")? == "precious")
}

#[test]
fn checkpoints_leave_room_for_messages() -> Result<()> {
    let server = Configuration::new(
        "listen = \"127.0.0.1:0\"\nmax-buffered = \"8MiB\"\n\
         [[resource]]\npath = \"/keep\"\ncomponent = \"{{guest-keeper}}\"\ninstance-per = \"client\"\n\
         checkpoint = \"20ms\"\nmax-state = \"2MiB\"\n\
         [[resource]]\npath = \"/echo\"\ncomponent = \"{{echo}}\"\n",
    )?
    .serve()?;
    let mut heavy = Vec::new();
    for _ in 0..10 {
        let mut client = Client::connect_to(&server, "/keep")?;
        assert_eq!(client.ask("ballast 1000000")?, "heavy");
        // Longer than the interval between two checkpoints.
        client.send_text("sleep 30")?;
        assert_eq!(
            (client.receive_text()?, client.receive_text()?),
            ("asleep".into(), "awake".into())
        );
        assert_eq!(client.ask("hello")?, "hello");
        heavy.push(client);
    }
    let mut echo = Client::connect_to(&server, "/echo")?;
    let long = "x".repeat(200_000);
    assert_eq!(echo.ask(&long)?, long);
    Ok(())
}

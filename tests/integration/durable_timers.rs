//! Durable timers: they outlive the host.

use std::time::{Duration, Instant};

use anyhow::Result;
use ws_host_test_support::{Client, TestServer, startup_error, wait_until};

use crate::configured::{Configuration, terminate};

/// Longer than any test takes, in milliseconds.
const NEVER: u64 = 3_600_000;

/// Rooms whose durable timers are in a file beside the configuration.
struct Rooms(Configuration);

impl Rooms {
    fn new() -> Result<Self> {
        Self::with("")
    }

    fn with(settings: &str) -> Result<Self> {
        Ok(Self(Configuration::new(&Self::text(settings))?))
    }

    fn text(settings: &str) -> String {
        format!(
            "listen = \"127.0.0.1:0\"\n[[resource]]\nname = \"rooms\"\npath = \"/room/{{id}}\"\n\
             component = \"{{{{guest-alarming}}}}\"\ninstance-per = \"path\"\ngrant = [\"timers:store\"]\n{settings}\n"
        )
    }

    fn serve(&self) -> Result<TestServer> {
        self.0.serve()
    }
}

/// Sends a command, which must succeed.
fn set(client: &mut Client, command: &str) -> Result<()> {
    assert_eq!(client.ask(command)?, "Ok(())", "{command}");
    Ok(())
}

#[test]
fn durable_timer_fires_like_any_other() -> Result<()> {
    let rooms = Rooms::new()?;
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    set(&mut client, "durable 7 20")?;
    assert_eq!(client.receive_text()?, "fired 7");
    assert_eq!(client.ask("cancel 7")?, "false", "it fires once");
    set(&mut client, &format!("durable 8 {NEVER}"))?;
    assert_eq!(client.ask("cancel 8")?, "true");
    set(&mut client, &format!("durable 9 {NEVER}"))?;
    set(&mut client, "set 9 20")?;
    assert_eq!(client.receive_text()?, "fired 9", "a plain timer replaces a durable one");
    set(&mut client, &format!("set 10 {NEVER}"))?;
    set(&mut client, "durable 10 20")?;
    assert_eq!(client.receive_text()?, "fired 10", "a durable timer replaces a plain one");
    Ok(())
}

#[test]
fn durable_timer_fires_after_the_host_was_killed_and_no_client_has_come_back() -> Result<()> {
    let rooms = Rooms::new()?;
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    let due = Instant::now() + Duration::from_secs(3);
    set(&mut client, "durable 7 3000")?;
    set(&mut client, "durable 8 2000")?;
    drop(server);
    let mut server = rooms.serve()?;
    for number in [8, 7] {
        server.wait_for_log(&format!("fired {number}."))?;
    }
    assert!(Instant::now() >= due, "not before its time");
    // Now they are gone for good: this answer comes after the turn in which the last one was removed.
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 7")?, "false");
    drop(server);
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 7")?, "false");
    assert_eq!(client.ask("cancel 8")?, "false");
    Ok(())
}

#[test]
fn timers_that_were_cancelled_replaced_or_have_fired_do_not_come_back() -> Result<()> {
    let rooms = Rooms::new()?;
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    for number in 1..=3 {
        set(&mut client, &format!("durable {number} {NEVER}"))?;
    }
    assert_eq!(client.ask("cancel 1")?, "true");
    set(&mut client, "set 2 3600000")?;
    set(&mut client, "durable 3 1")?;
    assert_eq!(client.receive_text()?, "fired 3");
    // A panic in the event does not repeat the timer, as with any other.
    set(&mut client, "durable 200 1")?;
    // One that sets itself again is kept.
    set(&mut client, "durable 300 1")?;
    assert_eq!(client.receive_text()?, "fired 300");
    // The answer comes behind the turn in which the timer's entry was removed.
    set(&mut client, &format!("durable 4 {NEVER}"))?;
    drop(server);
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 300")?, "true");
    assert_eq!(client.ask("cancel 4")?, "true");
    for number in [1, 2, 3, 200] {
        assert_eq!(client.ask(&format!("cancel {number}"))?, "false", "{number}");
    }
    Ok(())
}

#[test]
fn timer_fires_again_if_the_host_was_killed_during_its_event() -> Result<()> {
    let rooms = Rooms::new()?;
    let mut server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    set(&mut client, "durable 100 1")?;
    server.wait_for_log("firing 100.")?;
    drop(server);
    let mut server = rooms.serve()?;
    server.wait_for_log("firing 100.")?;
    Ok(())
}

#[test]
fn timers_outlive_a_graceful_stop_and_a_resource_that_was_removed_or_restarted() -> Result<()> {
    let rooms = Rooms::new()?;
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    set(&mut client, &format!("durable 7 {NEVER}"))?;
    terminate(&server)?;
    client.expect_close(1001)?;
    server.wait()?;
    let mut server = rooms.serve()?;
    is_back(&server, "/room/a")?;
    // Another limit of its instances: the resource starts afresh.
    let larger = Rooms::text("max-memory = \"128MiB\"");
    rooms.0.reload(&mut server, &larger)?;
    is_back(&server, "/room/a")?;
    // Other names have other timers.
    rooms.0.reload(&mut server, &larger.replace("rooms", "others"))?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 7")?, "false");
    rooms.0.reload(&mut server, &larger)?;
    is_back(&server, "/room/a")?;
    // Without the grant, those that are in the file when the resource is served stay there.
    let without = larger.replace("\"timers:store\"", "");
    rooms.0.reload(&mut server, &without.replace("128MiB", "127MiB"))?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 7")?, "false");
    rooms.0.reload(&mut server, &larger.replace("128MiB", "127MiB"))?;
    is_back(&server, "/room/a")
}

#[test]
fn timer_that_is_set_while_a_resource_stops_is_set_in_the_restarted_one() -> Result<()> {
    let rooms = Rooms::new()?;
    let mut server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 400")?, "false");
    rooms.0.reload(&mut server, &Rooms::text("max-memory = \"128MiB\""))?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    wait_until(|| Ok(client.ask("cancel 400")? == "true"))
}

/// Checks that timer 7 is set, and sets it again.
fn is_back(server: &TestServer, path: &str) -> Result<()> {
    let mut client = Client::connect_to(server, path)?;
    assert_eq!(client.ask("cancel 7")?, "true");
    set(&mut client, &format!("durable 7 {NEVER}"))
}

#[test]
fn timers_of_a_resource_with_fewer_instances_go_to_those_that_are_left() -> Result<()> {
    let text = |instances: u32| {
        format!(
            "listen = \"127.0.0.1:0\"\n[[resource]]\nname = \"pool\"\ncomponent = \"{{{{guest-alarming}}}}\"\n\
             instances = {instances}\ngrant = [\"timers:store\"]\n"
        )
    };
    let configuration = Configuration::new(&text(3))?;
    let server = configuration.serve()?;
    let mut clients = Vec::new();
    for number in 1..=3 {
        let mut client = Client::connect_to(&server, "/")?;
        set(&mut client, &format!("durable {number} {NEVER}"))?;
        clients.push(client);
    }
    drop(server);
    configuration.write(&text(1))?;
    let server = configuration.serve()?;
    let mut client = Client::connect_to(&server, "/")?;
    for number in 1..=3 {
        assert_eq!(client.ask(&format!("cancel {number}"))?, "true", "{number}");
    }
    drop(server);
    // Their entries are gone, although they were those of other instances.
    let server = configuration.serve()?;
    let mut client = Client::connect_to(&server, "/")?;
    for number in 1..=3 {
        assert_eq!(client.ask(&format!("cancel {number}"))?, "false", "{number}");
    }
    Ok(())
}

#[test]
fn failures_are_named_and_change_nothing() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client("guest-alarming", &[])?;
    assert_eq!(client.ask("durable 1 10")?, "Err(NotGranted)");
    let line = server.wait_for_log("durable timers")?;
    assert!(line.contains("guest-alarming.wasm") && line.contains("timers:FILE"), "{line}");

    let rooms = Rooms::with("keyvalue = { max-keys = 2 }")?;
    let mut server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    set(&mut client, &format!("durable 1 {NEVER}"))?;
    set(&mut client, &format!("durable 2 {NEVER}"))?;
    assert_eq!(client.ask("durable 3 10")?, "Err(Full)");
    server.wait_for_log("durable timers: full")?;
    assert_eq!(client.ask("cancel 3")?, "false");
    set(&mut client, "durable 2 10")?;
    assert_eq!(client.receive_text()?, "fired 2", "one that is set has its place");
    let mut client = Client::connect_to(&server, &format!("/room/{}", "a".repeat(1100)))?;
    assert_eq!(client.ask("durable 4 10")?, "Err(TooLong)");
    Ok(())
}

#[test]
fn actor_has_at_most_1024_timers_of_both_kinds_and_gets_all_of_them_back() -> Result<()> {
    let rooms = Rooms::new()?;
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    set(&mut client, &format!("set 1 {NEVER}"))?;
    // More than one page of the file.
    for number in 2000..3023 {
        set(&mut client, &format!("durable {number} {NEVER}"))?;
    }
    assert_eq!(client.ask("durable 2 10")?, "Err(TooMany)");
    assert_eq!(client.ask("set 2 10")?, "Err(TooMany)");
    set(&mut client, &format!("durable 2000 {NEVER}"))?;
    drop(server);
    let server = rooms.serve()?;
    let mut client = Client::connect_to(&server, "/room/a")?;
    assert_eq!(client.ask("cancel 1")?, "false");
    set(&mut client, &format!("set 1 {NEVER}"))?;
    assert_eq!(client.ask("set 2 10")?, "Err(TooMany)");
    assert_eq!(client.ask("cancel 3022")?, "true");
    set(&mut client, "durable 2 1")?;
    assert_eq!(client.receive_text()?, "fired 2");
    Ok(())
}

#[test]
fn impossible_grants_are_refused_at_start() -> Result<()> {
    let error = startup_error("guest-alarming", &["--grant", "timers"])?;
    assert!(error.contains("timers:FILE"), "{error}");
    let error = startup_error("guest-alarming", &["--grant", "timers:/no/such/folder/store"])?;
    assert!(error.contains("there is no folder /no/such/folder"), "{error}");
    let two = ["--grant", "timers:one", "--grant", "timers:two"];
    let error = startup_error("guest-alarming", &two)?;
    assert!(error.contains("two files for durable timers"), "{error}");
    let per_client = ["--grant", "timers:one", "--instance-per", "client"];
    let error = startup_error("guest-alarming", &per_client)?;
    assert!(error.contains("an instance ends with its client"), "{error}");
    Ok(())
}

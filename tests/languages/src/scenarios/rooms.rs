//! The template `rooms`: an instance for each path, hibernation.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

use super::expect;
use crate::build::Components;

super::scenarios! { rooms_do_not_hear_each_other, room_keeps_its_last_lines_through_hibernation }

const ROOMS: [&str; 4] = ["--path", "/room/{id}", "--instance-per", "path"];

fn join(server: &TestServer, room: &str, expected: &[&str]) -> Result<Client> {
    let mut client = Client::connect_to(server, &format!("/room/{room}"))?;
    expect(&mut client, expected)?;
    Ok(client)
}

fn rooms_do_not_hear_each_other(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.rooms, &ROOMS)?;
    let mut one = join(&server, "one", &["* room one, 1 here"])?;
    let mut two = join(&server, "two", &["* room two, 1 here"])?;
    let mut other = join(&server, "one", &["* room one, 2 here"])?;
    one.send_text("first")?;
    assert_eq!(other.receive_text()?, "first");
    assert_eq!(one.receive_text()?, "first");
    // Nothing of the other room came before.
    assert_eq!(two.ask("second")?, "second");
    one.send_frame(0x82, b"bytes")?;
    one.expect_close(1003)?;
    Ok(())
}

fn room_keeps_its_last_lines_through_hibernation(components: &Components) -> Result<()> {
    let arguments = [&ROOMS[..], &["--hibernate-after", "100ms", "--log", "debug"]].concat();
    let mut server = TestServer::serving_file(&components.rooms, &arguments)?;
    let mut client = join(&server, "one", &["* room one, 1 here"])?;
    for number in 1..=22 {
        assert_eq!(client.ask(&number.to_string())?, number.to_string());
    }
    server.wait_for_log("hibernated")?;
    let kept: Vec<String> = (3..=22).map(|number| number.to_string()).collect();
    let kept = kept.iter().map(String::as_str);
    let expected: Vec<&str> = ["* room one, 2 here"].into_iter().chain(kept).collect();
    join(&server, "one", &expected)?;
    Ok(())
}

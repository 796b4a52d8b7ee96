//! The template `chat`: names, reminders, refusals, reload with state.

use anyhow::Result;
use ws_host_test_support::{Client, Response, TestServer, handshake};

use super::expect;
use crate::build::Components;

super::scenarios! {
    chat_gives_names_and_lists_who_is_here,
    chat_changes_names,
    chat_refuses_bad_names_at_the_handshake,
    chat_reminds_at_the_time,
    chat_is_for_texts_only,
    chat_outlives_a_reload_with_two_clients_and_their_state,
}

fn serve(components: &Components) -> Result<TestServer> {
    TestServer::serving_file(&components.chat, &[])
}

fn chat_gives_names_and_lists_who_is_here(components: &Components) -> Result<()> {
    let server = serve(components)?;
    let mut first = Client::connect(&server)?;
    expect(&mut first, &["* you are guest-1"])?;
    let mut ada = Client::connect_to(&server, "/?name=Ada")?;
    expect(&mut ada, &["* you are Ada", "* here: guest-1"])?;
    expect(&mut first, &["* Ada joined"])?;
    let mut third = Client::connect(&server)?;
    expect(&mut third, &["* you are guest-3", "* here: guest-1, Ada"])?;
    expect(&mut first, &["* guest-3 joined"])?;
    expect(&mut ada, &["* guest-3 joined"])?;
    first.send_text("  hello \n")?;
    for client in [&mut first, &mut ada, &mut third] {
        expect(client, &["guest-1: hello"])?;
    }
    first.send_text("   ")?;
    third.close()?;
    for client in [&mut first, &mut ada] {
        expect(client, &["* guest-3 left"])?;
    }
    Ok(())
}

fn chat_changes_names(components: &Components) -> Result<()> {
    let server = serve(components)?;
    let mut first = Client::connect(&server)?;
    expect(&mut first, &["* you are guest-1"])?;
    let mut second = Client::connect(&server)?;
    expect(&mut second, &["* you are guest-2", "* here: guest-1"])?;
    expect(&mut first, &["* guest-2 joined"])?;
    first.send_text("/name  Z\u{fc}rich ")?;
    for client in [&mut first, &mut second] {
        expect(client, &["* guest-1 is now Z\u{fc}rich"])?;
    }
    for (name, problem) in [
        ("", "! a name must not be empty"),
        ("a name that is far too long", "! a name has at most 24 characters"),
        ("a:b", "! a name cannot contain : , * ! or control characters"),
        ("Z\u{fc}RICH", "! this name is already taken"),
    ] {
        assert_eq!(second.ask(&format!("/name {name}"))?, problem, "{name:?}");
    }
    assert_eq!(second.ask("hi")?, "guest-2: hi");
    Ok(())
}

fn chat_refuses_bad_names_at_the_handshake(components: &Components) -> Result<()> {
    let server = serve(components)?;
    let mut ada = Client::connect_to(&server, "/?name=Ada")?;
    expect(&mut ada, &["* you are Ada"])?;
    for (name, status, problem) in [
        ("ada", 409, "this name is already taken\n"),
        ("a*b", 400, "a name cannot contain : , * ! or control characters\n"),
        (&"x".repeat(25), 400, "a name has at most 24 characters\n"),
    ] {
        let request = handshake(&format!("/?name={name}"), "Connection: close\r\n");
        let response = Response::to(server.address(), &request)?;
        assert_eq!((response.status, response.body.as_str()), (status, problem), "{name:?}");
    }
    // Nobody joined.
    assert_eq!(ada.ask("alone")?, "Ada: alone");
    Ok(())
}

fn chat_reminds_at_the_time(components: &Components) -> Result<()> {
    let server = serve(components)?;
    let mut client = Client::connect(&server)?;
    expect(&mut client, &["* you are guest-1"])?;
    client.send_text("/remind 0.05 the tea")?;
    expect(&mut client, &["* in 0.05 s: the tea", "* reminder: the tea"])?;
    for bad in ["/remind", "/remind soon tea", "/remind 5", "/remind -1 tea", "/remind 3601 tea"] {
        assert_eq!(client.ask(bad)?, "! use /remind SECONDS TEXT", "{bad:?}");
    }
    Ok(())
}

fn chat_is_for_texts_only(components: &Components) -> Result<()> {
    let server = serve(components)?;
    let mut client = Client::connect(&server)?;
    expect(&mut client, &["* you are guest-1"])?;
    client.send_frame(0x82, b"bytes")?;
    assert_eq!(client.expect_close(1003)?, "this is a chat: text only");
    Ok(())
}

fn chat_outlives_a_reload_with_two_clients_and_their_state(components: &Components) -> Result<()> {
    // Compiles the new code into the cache, so that the reminder is set under the old code and comes under the new.
    drop(TestServer::serving_file(&components.chat_v2, &[])?);
    let folder = tempfile::tempdir()?;
    let served = folder.path().join("chat.wasm");
    std::fs::copy(&components.chat, &served)?;
    let mut server = TestServer::serving_file(&served, &[])?;
    let mut ada = Client::connect_to(&server, "/?name=Ada")?;
    expect(&mut ada, &["* you are Ada"])?;
    let mut second = Client::connect(&server)?;
    expect(&mut second, &["* you are guest-2", "* here: Ada"])?;
    expect(&mut ada, &["* guest-2 joined"])?;
    second.send_text("/remind 5 the old code's promise")?;
    expect(&mut second, &["* in 5 s: the old code's promise"])?;

    let next = folder.path().join("next.wasm");
    std::fs::copy(&components.chat_v2, &next)?;
    std::fs::rename(&next, &served)?;
    server.wait_for_log("reloaded")?;

    // Neither client was disconnected; names and the count of arrivals are the old code's.
    let mut third = Client::connect(&server)?;
    expect(&mut third, &["* you are guest-3", "* here: Ada, guest-2"])?;
    for client in [&mut ada, &mut second] {
        // This line is the new code's.
        expect(client, &["* guest-3 arrived"])?;
    }
    ada.send_text("hello")?;
    for client in [&mut ada, &mut second, &mut third] {
        expect(client, &["Ada: hello"])?;
    }
    expect(&mut second, &["* reminder: the old code's promise"])
}

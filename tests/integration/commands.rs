//! What handlers can do with clients.

use std::collections::HashSet;

use anyhow::{Context, Result};
use ws_host_test_support::{Client, Frame, TestServer, handshake, poll_until};

#[test]
fn broadcast_reaches_all_but_the_sender() -> Result<()> {
    let server = TestServer::serving("guest-fanout")?;
    let mut others = Client::connect_many(&server, 20)?;
    let mut sender = Client::connect(&server)?;
    let long = "long ".repeat(2000);
    for message in ["short", &long] {
        assert_eq!(sender.ask(message)?, "20");
        for other in &mut others {
            assert_eq!(other.receive_text()?, message);
        }
    }
    let bytes = vec![7; 70_000];
    sender.send_frame(0x82, &bytes)?;
    assert_eq!(sender.receive_text()?, "20");
    for other in &mut others {
        assert_eq!(other.receive()?, Frame { first: 0x82, payload: bytes.clone() });
    }
    Ok(())
}

#[test]
fn broadcasts_and_other_messages_keep_their_order() -> Result<()> {
    let (server, mut listener) = TestServer::with_client("guest-fanout", &[])?;
    let mut sender = Client::connect(&server)?;
    let messages: Vec<String> =
        (0..200).map(|number| format!("{number} ").repeat(1 + number % 7 * 400)).collect();
    for message in &messages {
        sender.send_text(message)?;
    }
    for message in &messages {
        assert!(listener.receive_text()? == *message, "{:.20}", message);
        assert_eq!(sender.receive_text()?, "1");
    }
    Ok(())
}

#[test]
fn ping_of_the_handler_comes_back_as_pong_with_its_payload() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-pinging", &[])?;
    client.send_text("are you there?")?;
    let ping = client.receive()?;
    assert_eq!(ping, Frame { first: 0x89, payload: b"are you there?".to_vec() });
    client.send_frame(0x8a, &ping.payload)?;
    assert_eq!(client.receive_text()?, "pong are you there?");
    // An unsolicited pong is delivered, too.
    client.send_frame(0x8a, b"")?;
    assert_eq!(client.receive_text()?, "pong ");
    Ok(())
}

#[test]
fn ping_of_125_bytes_is_sent_and_one_of_126_is_not() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-pinging", &[])?;
    client.send_text(&"x".repeat(125))?;
    assert_eq!(client.receive()?, Frame { first: 0x89, payload: vec![b'x'; 125] });
    assert_eq!(client.ask(&"x".repeat(126))?, "TooLong");
    Ok(())
}

#[test]
fn handler_may_send_an_unsolicited_pong() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-pinging", &[])?;
    client.send_text("heartbeat")?;
    assert_eq!(client.receive()?, Frame { first: 0x8a, payload: b"thump".to_vec() });
    Ok(())
}

#[test]
fn handler_sees_the_request() -> Result<()> {
    let server = TestServer::with_arguments("guest-about", &["--path", "/about"])?;
    let headers = "Cookie: taste=sweet\r\nOrigin: http://localhost\r\n\
                   Sec-WebSocket-Protocol: one, two\r\n";
    let request = handshake("/about?a=1&b=%20", headers);
    let (mut client, response) = Client::open(server.address(), &request)?;
    assert_eq!(response.status, 101);
    let port = client.stream().local_addr()?.port();
    let reply = client.ask("request")?;
    for word in [
        "path: \"/about\"",
        "\"a=1&b=%20\"",
        "\"one\"",
        "\"two\"",
        "\"http://localhost\"",
        "version: 13",
        "peer_address: \"127.0.0.1\"",
        &format!("peer_port: {port}"),
        "secure: false",
    ] {
        assert!(reply.contains(word), "{word:?} is not in {reply}");
    }
    assert_eq!(client.ask("cookie")?, "taste=sweet");
    Ok(())
}

#[test]
fn handler_sees_its_own_clients_and_no_others() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-about", &[])?;
    let second = Client::connect(&server)?;
    assert_eq!(client.ask("clients")?, "2");
    second.close()?;
    while client.ask("clients")? != "1" {}
    assert_eq!(client.ask("stranger")?, "Err(Closed) None None");
    Ok(())
}

#[test]
fn handler_sees_how_much_output_is_buffered() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-about", &[])?;
    // Two bytes of header and five of text, unless a tick came between the two calls: output is then written.
    let buffered = poll_until(
        || {
            assert_eq!(client.ask("buffered")?, "12345");
            client.receive_text()
        },
        |buffered| buffered != "Some(0)",
    )?;
    assert_eq!(buffered, "Some(7)");
    Ok(())
}

#[test]
fn handler_has_no_files_no_network_and_no_environment() -> Result<()> {
    let server = TestServer::serving("guest-about")?;
    let reply = Client::connect(&server)?.ask("world")?;
    assert_eq!(reply, "environment 0 files false network false");
    Ok(())
}

#[test]
fn client_ids_are_not_reused_after_a_restart() -> Result<()> {
    // A handler that saved an id must not find a different client under it later.
    let mut saved = HashSet::new();
    for _ in 0..3 {
        let server = TestServer::serving("guest-recording")?;
        let mut numbers = Vec::new();
        for _ in 0..100 {
            let reply = Client::connect(&server)?.ask("who")?;
            let number: u64 = reply.strip_prefix("client ").context("no number")?.parse()?;
            assert!((1..1 << 53).contains(&number), "{number} is not exact as a double");
            numbers.push(number);
        }
        assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{numbers:?}");
        for number in numbers {
            assert!(saved.insert(number), "{number} was used before the restart");
        }
    }
    Ok(())
}

//! Clients: how they connect, what they send, and how they end.

use std::time::Duration;

use anyhow::{Context, Result};
use ws_host_test_support::component;

use crate::{KEEPER, ask, serve, serve_one};
use ws_host_testing::config::{InstancePer, Pattern};
use ws_host_testing::{Connect, ConnectError, Received, TestHost};
use ws_host_testing::{CustomReply, Deflate, Recipient};

#[test]
fn refusal_has_the_status_the_headers_and_the_body() -> Result<()> {
    let host = serve("guest-choosy")?;
    match host.connect("/?reject=409") {
        Err(ConnectError::Refused(refused)) => {
            assert_eq!((refused.status.as_u16(), &*refused.text()), (409, "go away\n"));
        }
        other => panic!("{other:?}"),
    }
    match host.connect("/?redirect=/elsewhere") {
        Err(ConnectError::Refused(refused)) => {
            assert_eq!(refused.headers.get("location").context("none")?, "/elsewhere");
        }
        other => panic!("{other:?}"),
    }
    match host.connect("/nowhere") {
        Err(ConnectError::Refused(refused)) => assert_eq!(refused.status, 404),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn client_says_what_it_asks_for() -> Result<()> {
    let host = serve("guest-choosy")?;
    let connect = Connect::to("/?subprotocol=two").subprotocol("one").subprotocol("two");
    let client = host.connect(connect)?;
    assert_eq!(client.subprotocol(), Some("two"));
    client.expect_text("welcome");
    let client = host.connect("/?header=x-mine")?;
    assert_eq!(client.headers().get("x-mine").context("none")?, "set");
    let about = serve("guest-about")?;
    let client = about.connect(Connect::to("/").header("cookie", "a=b").from([192, 0, 2, 7]))?;
    assert_eq!(ask(&client, "cookie")?, "a=b");
    assert!(ask(&client, "request")?.contains("192.0.2.7"));
    for (wrong, words) in [("chat", "is not a path"), ("/a b", "is not a path")] {
        match about.connect(wrong) {
            Err(ConnectError::Invalid(what)) => assert!(what.contains(words), "{what}"),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn handler_that_takes_its_time_to_accept_needs_time() -> Result<()> {
    let host = serve("guest-slow_connect")?;
    assert!(matches!(host.connect("/?2000"), Err(ConnectError::Unanswered)));
    let client = host.connect(Connect::to("/?2000").within(Duration::from_secs(5)))?;
    assert_eq!(ask(&client, "hello")?, "hello");
    assert_eq!(host.elapsed().as_secs(), 4, "the first client had the turn");
    Ok(())
}

#[test]
fn compressed_connection_carries_the_same_messages() -> Result<()> {
    let host = TestHost::component(component("echo"))
        .resource(|resource| resource.compression = Some(Deflate::default()))
        .start()?;
    let client = host.connect(Connect::to("/").compression())?;
    assert!(client.headers().contains_key("sec-websocket-extensions"));
    let long = "again and ".repeat(100_000);
    assert_eq!(ask(&client, &long)?, long);
    client.send_binary(&[7; 300_000]);
    client.expect_binary(&[7; 300_000]);
    Ok(())
}

#[test]
fn connections_end_as_the_test_says() -> Result<()> {
    let host = serve("chat")?;
    let watcher = host.connect("/")?;
    let left = |name: &str| loop {
        match watcher.next() {
            Some(Received::Text(text)) if text == format!("* {name} left") => return,
            Some(Received::Text(_)) => {}
            other => panic!("{name}: {other:?}"),
        }
    };
    let client = host.connect("/")?;
    client.close(1000, "bye");
    assert!(matches!(client.next(), Some(Received::Text(_))));
    assert!(matches!(client.next(), Some(Received::Text(_))));
    client.expect_close(1000, "bye");
    left("guest-2");
    let client = host.connect("/")?;
    client.disconnect();
    left("guest-3");
    drop(host.connect("/")?);
    watcher.send("hm");
    left("guest-4");
    let client = host.connect("/")?;
    assert!(host.kick(&client));
    assert!(!host.kick(&client));
    left("guest-5");
    let client = host.connect("/")?;
    client.send_raw(&[0xff, 0x80, 0, 0, 0, 0]);
    left("guest-6");
    while let Some(Received::Text(_)) = watcher.next() {}
    host.stop();
    watcher.expect_close(1001, "the server is stopping");
    Ok(())
}

#[test]
fn messages_come_from_the_operator_too() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    ask(&client, "subscribe news")?;
    assert_eq!(host.publish("news", "hello")?, 1);
    client.expect_text("hello");
    let host = TestHost::component(component("guest-patient"))
        .path("/room/{id}")?
        .resource(|resource| resource.instance_per = InstancePer::Path)
        .start()?;
    assert!(Pattern::parse("/room/1").is_ok());
    let replies = host.send_custom(Recipient::Path("/room/1".into()), b"one")?;
    assert_eq!(replies, [CustomReply::Given(b"one".to_vec())]);
    let replies = host.send_custom(Recipient::Path("/room/2".into()), b"record")?;
    assert_eq!(replies, [CustomReply::Given(Vec::new())]);
    Ok(())
}

#[test]
fn clients_are_numbered_from_one() -> Result<()> {
    let host = serve("guest-tagging")?;
    for number in 1..4 {
        let client = host.connect("/")?;
        assert_eq!(client.id(), number);
        assert_eq!(ask(&client, "id")?, number.to_string());
    }
    Ok(())
}

#[test]
#[should_panic(expected = "ada expected text \"ho\"\n    got      text \"hi\"")]
fn failure_says_what_was_expected_and_what_came() {
    let host = serve("echo").expect("it starts");
    let ada = host.connect("/").expect("accepted").named("ada");
    ada.send("hi");
    ada.expect_text("ho");
}

#[test]
#[should_panic(expected = "handler: to the log")]
fn failure_has_the_log() {
    let (_host, client) = serve_one("guest-noisy").expect("it starts");
    client.send("to the log");
    client.expect_text("printed");
    client.expect_text("more");
}

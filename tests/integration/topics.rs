//! Topics: messages to all subscribers, on every instance and worker.

use anyhow::Result;
use ws_host_test_support::{Client, Frame, TestServer};

fn one_instance_per_client(more: &[&str]) -> Result<TestServer> {
    let flags = ["--instance-per", "client", "--workers", "2"];
    TestServer::with_arguments("guest-keeper", &[&flags, more].concat())
}

#[test]
fn message_reaches_subscribers_on_all_instances() -> Result<()> {
    let server = one_instance_per_client(&[])?;
    let mut clients = Client::connect_many(&server, 20)?;
    for client in &mut clients[..15] {
        assert_eq!(client.ask("subscribe news")?, "Ok(())");
        // Subscribing twice has no further effect.
        assert_eq!(client.ask("subscribe news")?, "Ok(())");
    }
    // This publisher is not subscribed.
    assert_eq!(clients[19].ask("publish news extra")?, "15");
    for client in &mut clients[..15] {
        assert_eq!(client.receive_text()?, "extra");
    }
    clients[0].send_text("publish-to-others news again")?;
    // The publisher is subscribed, too, and gets no copy.
    assert_eq!(clients[0].receive_text()?, "15");
    for client in &mut clients[1..15] {
        assert_eq!(client.receive_text()?, "again");
    }
    for client in &mut clients[15..] {
        assert_eq!(client.ask("nothing came before this")?, "nothing came before this");
    }
    Ok(())
}

#[test]
fn client_that_unsubscribes_or_leaves_gets_nothing() -> Result<()> {
    let server = one_instance_per_client(&[])?;
    let mut publisher = Client::connect(&server)?;
    let mut first = Client::connect(&server)?;
    let mut second = Client::connect(&server)?;
    for client in [&mut first, &mut second] {
        assert_eq!(client.ask("subscribe news")?, "Ok(())");
    }
    assert_eq!(first.ask("unsubscribe news")?, "true");
    assert_eq!(first.ask("unsubscribe news")?, "false");
    assert_eq!(first.ask("unsubscribe others")?, "false");
    assert_eq!(publisher.ask("publish news one")?, "1");
    assert_eq!(second.receive_text()?, "one");
    second.close()?;
    while publisher.ask("publish news two")? != "0" {}
    Ok(())
}

#[test]
fn client_lists_its_topics_and_leaves_all_of_them() -> Result<()> {
    let server = one_instance_per_client(&[])?;
    let mut publisher = Client::connect(&server)?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("topics")?, "");
    for topic in ["news", "art", "weather"] {
        assert_eq!(client.ask(&format!("subscribe {topic}"))?, "Ok(())");
    }
    assert_eq!(client.ask("topics")?, "art news weather");
    assert_eq!(publisher.ask("topics")?, "");
    assert_eq!(client.ask("unsubscribe-all")?, "3");
    assert_eq!(client.ask("unsubscribe-all")?, "0");
    assert_eq!(client.ask("topics")?, "");
    assert_eq!(publisher.ask("publish news nobody hears this")?, "0");
    assert_eq!(client.ask("nothing came before this")?, "nothing came before this");
    Ok(())
}

#[test]
fn all_subscribers_get_messages_in_the_same_order() -> Result<()> {
    let server = one_instance_per_client(&[])?;
    let mut publishers = Client::connect_many(&server, 4)?;
    let mut listeners = Client::connect_many(&server, 4)?;
    for client in &mut listeners {
        assert_eq!(client.ask("subscribe news")?, "Ok(())");
    }
    for number in 0..100 {
        for (who, publisher) in publishers.iter_mut().enumerate() {
            publisher.send_text(&format!("publish news {who}-{number}"))?;
        }
    }
    let mut heard = Vec::new();
    for listener in &mut listeners {
        let all = (0..400).map(|_| listener.receive_text()).collect::<Result<Vec<_>>>()?;
        heard.push(all);
    }
    assert!(heard.iter().all(|all| *all == heard[0]), "not the same order");
    for who in 0..4 {
        let of_one = heard[0].iter().filter(|text| text.starts_with(&format!("{who}-")));
        let expected: Vec<_> = (0..100).map(|number| format!("{who}-{number}")).collect();
        assert!(of_one.eq(&expected), "not in the order in which {who} published");
    }
    Ok(())
}

#[test]
fn limits_of_topics() -> Result<()> {
    let server = one_instance_per_client(&[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("subscribe ")?, "Err(InvalidTopic)");
    assert_eq!(client.ask(&format!("subscribe {}", "t".repeat(256)))?, "Err(InvalidTopic)");
    assert_eq!(client.ask(&format!("subscribe {}", "t".repeat(255)))?, "Ok(())");
    for number in 1..128 {
        assert_eq!(client.ask(&format!("subscribe {number}"))?, "Ok(())");
    }
    assert_eq!(client.ask("subscribe 128")?, "Err(TooMany)");
    assert_eq!(client.ask("unsubscribe 1")?, "true");
    assert_eq!(client.ask("subscribe 128")?, "Ok(())");
    assert_eq!(client.ask("publish nobody hello")?, "0");
    Ok(())
}

#[test]
fn subscription_outlives_a_trap_of_another_client() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-keeper", &[])?;
    let mut other = Client::connect(&server)?;
    assert_eq!(client.ask("subscribe news")?, "Ok(())");
    other.send_text("trap")?;
    other.expect_close(1011)?;
    assert_eq!(Client::connect(&server)?.ask("publish news still")?, "1");
    assert_eq!(client.receive_text()?, "still");
    Ok(())
}

#[test]
fn long_and_short_messages_reach_every_client_whole() -> Result<()> {
    let server = TestServer::with_arguments("guest-megaphone", &["--workers", "2"])?;
    let mut clients = Client::connect_many(&server, 10)?;
    for length in [0, 20, 4095, 4096, 70_000] {
        let payload = vec![7; length];
        clients[3].send_frame(0x82, &payload)?;
        for client in &mut clients {
            assert!(client.receive()? == Frame { first: 0x82, payload: payload.clone() });
        }
        // The host reuses buffers; nothing of the message may remain in the next ones.
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.ask(&number.to_string())?, number.to_string());
        }
    }
    Ok(())
}

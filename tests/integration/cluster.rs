//! Topics over several hosts, and paths that live on one of them.

mod brokers; // brokers that cannot keep the records
mod different; // hosts with another component, or in another cluster
mod durable; // the state of a path goes to its next host
mod durable_faults; // states that cannot be saved or resumed
mod encrypted; // hosts that use TLS between each other
mod example; // `examples/cluster/run`
mod example_rooms; // the same with rooms
mod handed_over; // rooms of a host that stops
mod members; // helper: hosts that share paths
mod owners; // a path lives on one host
mod owners_faults; // hosts and brokers that are away
mod owners_messages; // messages from outside to such paths
mod relayed; // clients that arrive at another host
mod replicas; // three servers keep the records
mod rolling; // hosts that are replaced under load
mod said; // lines of the log
mod schedules; // faults at random times
mod several_brokers; // topics over three servers
mod slow_link; // states on a link that is slower
mod strangers; // what others write

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Backend, Broker, Client, FaultProxy, wait_until};

use crate::hosts::{Host, expect_nothing, probe, receive};

#[test]
fn message_reaches_subscribers_on_all_hosts_once() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let host = || Host::in_cluster(&broker.url());
    let hosts = [host()?, host()?, host()?];
    let mut clients = Vec::new();
    for host in &hosts {
        clients.push(host.subscriber("news", &mut backend)?);
        clients.push(host.subscriber("news", &mut backend)?);
    }
    for (host, number) in hosts.iter().zip(0..) {
        // This publisher is not subscribed.
        let mut publisher = Client::connect(&host.server)?;
        // Only the subscribers on the same host are counted.
        assert_eq!(publisher.ask(&format!("publish news from {number}"))?, "2");
        for client in &mut clients {
            assert_eq!(receive(client)?, format!("from {number}"));
        }
        host.publish("news", "", "grüße".as_bytes())?;
        for client in &mut clients {
            assert_eq!(receive(client)?, "grüße");
        }
        host.publish("news", "Content-Type: application/octet-stream\r\n", b"grey")?;
        for client in &mut clients {
            let frame = client.receive()?;
            assert_eq!((frame.first, &frame.payload[..]), (0x82, &b"grey"[..]));
        }
    }
    for client in &mut clients {
        expect_nothing(client)?;
    }
    let status = hosts[0].cluster()?;
    assert_eq!((&status["cluster"], &status["link"]), (&"default".into(), &"up".into()));
    assert_eq!((&status["topics_joined"], &status["sent"]), (&1.into(), &3.into()));
    assert_eq!(
        status["server"].as_str().map(|server| server.starts_with(&broker.url())),
        Some(true)
    );
    let metrics = hosts[0].get("/metrics")?.1;
    for line in ["ws_host_cluster_up 1", "ws_host_broker_sent_total 3", "ws_host_topics_joined 1"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(metrics.contains("ws_host_broker_dropped_total{why=\"link\"} 0"), "{metrics}");
    // At least the six of the other hosts.
    let received =
        metrics.lines().find_map(|line| line.strip_prefix("ws_host_broker_received_total "));
    assert!(
        received.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count >= 6)),
        "{metrics}"
    );
    Ok(())
}

#[test]
fn excepted_client_and_the_host_itself_get_no_copy_from_the_broker() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let hosts = [Host::in_cluster(&broker.url())?, Host::in_cluster(&broker.url())?];
    let mut here = hosts[0].subscriber("news", &mut backend)?;
    let mut there = hosts[1].subscriber("news", &mut backend)?;
    here.send_text("publish-to-others news one")?;
    assert_eq!(receive(&mut here)?, "1");
    assert_eq!(receive(&mut there)?, "one");
    // What the other host sends comes after an echo, if there were one.
    there.send_text("publish news two")?;
    assert_eq!(receive(&mut here)?, "two");
    Ok(())
}

#[test]
fn publisher_without_local_subscribers_is_heard_on_other_hosts_in_order() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let hosts = [Host::in_cluster(&broker.url())?, Host::in_cluster(&broker.url())?];
    let mut there = hosts[1].subscriber("news", &mut backend)?;
    let mut publisher = Client::connect(&hosts[0].server)?;
    for number in 0..1000 {
        publisher.send_text(&format!("publish news {number}"))?;
    }
    for number in 0..1000 {
        assert_eq!(receive(&mut there)?, number.to_string());
    }
    assert_eq!(hosts[0].number("received")?, 0, "nobody is subscribed there");
    Ok(())
}

#[test]
fn backends_publish_and_listen_with_the_protocol_of_nats() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let host = Host::in_cluster(&broker.url())?;
    let mut client = Client::connect(&host.server)?;
    assert_eq!(client.ask("subscribe a.b c")?, "Ok(())");
    // The name of a topic is one token of a subject.
    probe(&mut client, "ws.default.t.guest-keeper.a=2Eb=20c", &mut backend)?;
    let subject = "ws.default.t.guest-keeper.a=2Eb=20c";
    backend.publish(subject, "grüße".as_bytes())?;
    assert_eq!(receive(&mut client)?, "grüße");
    backend.publish(subject, b"\xff\xfe")?;
    assert_eq!(client.receive()?.first, 0x82);
    backend.publish_with(subject, "- b0", b"text")?;
    assert_eq!(client.receive()?.first, 0x82);
    // Fragments of three bytes.
    backend.publish_with(subject, "- t0.3", b"abcdef")?;
    let fragments = [client.receive()?, client.receive()?];
    assert_eq!(
        fragments.map(|frame| (frame.first, frame.payload)),
        [(0x01, b"abc".to_vec()), (0x80, b"def".to_vec())]
    );
    let mut listener = Backend::connect(broker.address())?;
    listener.subscribe("ws.default.t.*.*")?;
    let mut publisher = Client::connect(&host.server)?;
    publisher.ask("publish room:1/x hello")?;
    let (subject, header, payload) = listener.receive()?;
    assert_eq!((&*subject, &*payload), ("ws.default.t.guest-keeper.room:1/x", &b"hello"[..]));
    let name = host.cluster()?["host"].as_str().unwrap_or_default().to_owned();
    assert_eq!(header, format!("{name}-1 t0"));
    Ok(())
}

#[test]
fn topic_is_left_a_while_after_its_last_subscriber() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let host = Host::in_cluster(&broker.url())?;
    let client = host.subscriber("news", &mut backend)?;
    client.hang_up()?;
    assert_eq!(host.number("topics_joined")?, 1);
    wait_until(|| Ok(host.number("topics_joined")? == 0))?;
    // The server may still have been sending when the topic was left.
    let mut received = host.number("received")?;
    wait_until(|| {
        backend.publish("ws.default.t.guest-keeper.news", b"nobody hears this")?;
        backend.sync()?;
        let before = std::mem::replace(&mut received, host.number("received")?);
        Ok(before == received)
    })?;
    // It is joined again.
    host.subscriber("news", &mut backend)?;
    Ok(())
}

#[test]
fn last_messages_of_a_host_that_stops_reach_the_others() -> Result<()> {
    const MESSAGES: u64 = 70;
    let broker = Broker::start()?;
    let proxy = FaultProxy::to(broker.address())?;
    let mut backend = Backend::connect(broker.address())?;
    let mut first = Host::in_cluster(&proxy.url())?;
    let second = Host::start(&["--cluster", &broker.url(), "--max-outbound", "16MiB"])?;
    second.wait_until_ready()?;
    let mut there = second.subscriber("news", &mut backend)?;
    proxy.stall();
    // Less than may wait, and more than all buffers on the way hold.
    let body = "x".repeat(100_000);
    for _ in 0..MESSAGES {
        first.publish("news", "", body.as_bytes())?;
    }
    assert!(first.number("sent")? < MESSAGES, "nothing waits");
    first.server.signal(Signal::TERM)?;
    first.server.wait_for_log("stopping")?;
    proxy.heal();
    for _ in 0..MESSAGES {
        assert_eq!(receive(&mut there)?.len(), body.len());
    }
    Ok(())
}

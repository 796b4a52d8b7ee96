//! What does not reach other hosts, and brokers that refuse.

use anyhow::{Result, ensure};
use ws_host_test_support::{
    Backend, Broker, Client, FaultProxy, Response, startup_error, wait_until,
};

use crate::authority::{Authority, Identity};
use crate::hosts::{Host, expect_nothing, receive};

#[test]
fn host_without_a_broker_says_so_serves_its_clients_and_becomes_ready_later() -> Result<()> {
    let mut broker = Broker::start()?;
    let url = broker.url();
    broker.kill()?;
    let mut host = Host::start(&["--cluster", &url])?;
    let line = host.server.wait_for_log("cannot connect to the broker")?;
    assert!(line.contains(&url) && line.contains("refused") && line.contains("/readyz"), "{line}");
    let (status, why) = host.get("/readyz")?;
    assert!(status == 503 && why.contains(&url), "{status} {why}");
    let public = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(Response::to(host.server.address(), public)?.status, 503);
    assert_eq!(host.get("/healthz")?.0, 200);
    assert_eq!(host.cluster()?["link"], "connecting");
    let mut clients = Client::connect_many(&host.server, 2)?;
    assert_eq!(clients[0].ask("subscribe news")?, "Ok(())");
    assert_eq!(clients[1].ask("publish news local")?, "1");
    assert_eq!(clients[0].receive_text()?, "local");
    assert_eq!(host.dropped("link")?, 1);
    broker.restart()?;
    host.wait_until_ready()?;
    host.server.wait_for_log("connected to the broker nats://")?;
    assert_eq!(Response::to(host.server.address(), public)?.status, 200);
    let mut backend = Backend::connect(broker.address())?;
    backend.publish("ws.default.t.guest-keeper.news", b"remote")?;
    assert_eq!(clients[0].receive_text()?, "remote");
    Ok(())
}

#[test]
fn host_stays_ready_and_delivers_locally_while_its_broker_is_away() -> Result<()> {
    let mut broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let mut host = Host::in_cluster(&broker.url())?;
    let other = Host::in_cluster(&broker.url())?;
    let mut here = host.subscriber("news", &mut backend)?;
    let mut there = other.subscriber("news", &mut backend)?;
    broker.kill()?;
    let line = host.server.wait_for_log("the connection to the broker was lost")?;
    assert!(line.contains("reach only the clients of this host"), "{line}");
    wait_until(|| Ok(!other.is_up()?))?;
    assert_eq!(host.get("/readyz")?.0, 200);
    assert!(host.get("/metrics")?.1.contains("ws_host_cluster_up 0"));
    let mut publisher = Client::connect(&host.server)?;
    for number in 0..10 {
        assert_eq!(publisher.ask(&format!("publish news {number}"))?, "1");
        assert_eq!(receive(&mut here)?, number.to_string());
    }
    assert_eq!(host.dropped("link")?, 10);
    broker.restart()?;
    let line = host.server.wait_for_log("again")?;
    assert!(line.contains("reach all hosts again"), "{line}");
    wait_until(|| other.is_up())?;
    assert_eq!(publisher.ask("publish news after")?, "1");
    assert_eq!(receive(&mut here)?, "after");
    assert_eq!(receive(&mut there)?, "after", "what was dropped is never sent late");
    assert_eq!(host.number("reconnects")?, 1);
    assert!(host.get("/metrics")?.1.contains("ws_host_cluster_reconnects_total 1"));
    Ok(())
}

#[test]
fn messages_beyond_the_bound_of_a_link_that_stalls_are_dropped_and_counted() -> Result<()> {
    let broker = Broker::start()?;
    let proxy = FaultProxy::to(broker.address())?;
    let mut backend = Backend::connect(broker.address())?;
    let host = Host::in_cluster(&proxy.url())?;
    let mut here = host.subscriber("news", &mut backend)?;
    proxy.stall();
    // Far more than the outbox and all buffers on the way hold.
    let body = "x".repeat(900_000);
    let mut published = 0;
    wait_until(|| {
        host.publish("news", "", body.as_bytes())?;
        published += 1;
        ensure!(receive(&mut here)? == body);
        Ok(host.dropped("full")? > 0)
    })?;
    assert!(published < 40, "{published} messages were kept");
    proxy.heal();
    Ok(())
}

#[test]
fn message_that_is_too_long_for_the_broker_stays_local_and_is_counted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("nats.conf");
    std::fs::write(&file, "max_payload: 4096\n")?;
    let broker = Broker::with_arguments(&["-c", &file.display().to_string()])?;
    let mut backend = Backend::connect(broker.address())?;
    let hosts = [Host::in_cluster(&broker.url())?, Host::in_cluster(&broker.url())?];
    let mut here = hosts[0].subscriber("news", &mut backend)?;
    let mut there = hosts[1].subscriber("news", &mut backend)?;
    let mut publisher = Client::connect(&hosts[0].server)?;
    // A kibibyte is for the header.
    for (length, is_sent) in [(3072, true), (3073, false), (100_000, false)] {
        let text = "x".repeat(length);
        assert_eq!(publisher.ask(&format!("publish news {text}"))?, "1");
        assert_eq!(receive(&mut here)?, text);
        if is_sent {
            assert_eq!(receive(&mut there)?, text);
        }
    }
    expect_nothing(&mut there)?;
    assert_eq!(hosts[0].dropped("too-long")?, 2);
    Ok(())
}

#[test]
fn garbage_on_the_subjects_of_a_host_is_counted_and_nothing_else() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let host = Host::in_cluster(&broker.url())?;
    let mut client = host.subscriber("news", &mut backend)?;
    let subject = "ws.default.t.guest-keeper.news";
    let headers = ["x", "- t9", "-", "nobody-1 t0", "- t0.0", "0000000000000001-1 t0 x", ""];
    for header in headers {
        backend.publish_with(subject, header, b"garbage")?;
    }
    backend.publish_with(subject, "- t0", b"\xff not text")?;
    backend.publish("ws.default.t.guest-keeper", b"no topic")?;
    backend.publish("ws.default.t.guest-keeper.news.more", b"two tokens")?;
    backend.publish(subject, b"after")?;
    assert_eq!(receive(&mut client)?, "after");
    assert_eq!(host.dropped("malformed")?, headers.len() as u64 + 1);
    Ok(())
}

#[test]
fn clusters_of_other_names_on_the_same_broker_get_nothing_of_each_other() -> Result<()> {
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let host = Host::in_cluster(&broker.url())?;
    let other = Host::start(&["--cluster", &broker.url(), "--cluster-name", "other"])?;
    other.wait_until_ready()?;
    let mut client = host.subscriber("news", &mut backend)?;
    let mut publisher = Client::connect(&other.server)?;
    publisher.ask("publish news elsewhere")?;
    wait_until(|| Ok(other.number("sent")? == 1))?;
    backend.publish("ws.default.t.guest-keeper.news", b"here")?;
    assert_eq!(receive(&mut client)?, "here");
    Ok(())
}

#[test]
fn wrong_credentials_are_reported_without_being_shown() -> Result<()> {
    let broker = Broker::with_arguments(&["--user", "ws", "--pass", "s3cret"])?;
    let address = broker.address();
    let url = |password: &str| format!("nats://ws:{password}@{address}");
    let mut refused = Host::start(&["--cluster", &url("wr0ng")])?;
    let line = refused.server.wait_for_log("cannot connect to the broker")?;
    assert!(line.contains("authorization") && line.contains("--cluster-credentials"), "{line}");
    let (status, why) = refused.get("/readyz")?;
    assert!(status == 503 && !why.contains("wr0ng") && !line.contains("wr0ng"), "{why} {line}");
    let host = Host::in_cluster(&url("s3cret"))?;
    assert!(!host.get("/cluster")?.1.contains("s3cret"));
    Ok(())
}

#[test]
fn broker_with_tls_is_verified_and_verifies() -> Result<()> {
    let authority = Authority::new()?;
    let ca = authority.file();
    let Identity { certificate, key } = authority.issue("server")?;
    let broker = Broker::with_arguments(&[
        "--tls",
        "--tlsverify",
        "--tlscacert",
        &ca,
        "--tlscert",
        &certificate,
        "--tlskey",
        &key,
    ])?;
    let url = format!("tls://{}", broker.address());
    let mut stranger = Host::start(&["--cluster", &url])?;
    let line = stranger.server.wait_for_log("cannot connect to the broker")?;
    assert!(line.contains("certificate"), "{line}");
    let Identity { certificate, key } = authority.issue("client")?;
    let identity = ["--cluster-ca", &ca, "--cluster-cert", &certificate, "--cluster-key", &key];
    let host = Host::start(&[&["--cluster", &url], &identity[..]].concat())?;
    host.wait_until_ready()
}

#[test]
fn settings_that_cannot_be_used_are_refused_at_start() -> Result<()> {
    for (arguments, words) in [
        (&["--cluster", "redis://a"][..], &["--cluster", "redis://a", "nats://10.0.0.1:4222"][..]),
        (&["--cluster", "nats://u:p4ss@a/x"], &["--cluster", "nats://10.0.0.1:4222"]),
        (&["--cluster", ""], &["--cluster"]),
        (&["--cluster", "nats://a", "--cluster-name", "a.b"], &["--cluster-name", "a.b", "A-Z"]),
        (&["--cluster", "nats://a", "--cluster-key", "none"], &["--cluster-key", "cert"]),
        (
            &["--cluster", "nats://a", "--cluster-credentials", "none"],
            &["--cluster-credentials none: No such file"],
        ),
        (&["--cluster-name", "a"], &["--cluster <URL>"]),
    ] {
        let error = startup_error("echo", arguments)?;
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
        assert!(!error.contains("p4ss"), "{error}");
    }
    Ok(())
}

#[test]
fn host_that_is_in_no_cluster_says_so() -> Result<()> {
    let host = Host::start(&[])?;
    let (status, body) = host.get("/cluster")?;
    assert!(status == 404 && body.contains("--cluster"), "{status} {body}");
    assert_eq!(host.get("/readyz")?.0, 200);
    Ok(())
}

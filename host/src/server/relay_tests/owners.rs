//! Owners that have changed, that cannot be reached, or that do not answer as expected.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Proof, Running, SECRET, SOON, handshake, handshake_at, open, refusal, start, start_with, until,
};
use crate::clients::{ClientId, HostClose, Pace};
use crate::cluster::relay::{Secret, accept_opening};
use crate::resource::NoLease;

/// Starts a host with a short handshake timeout.
async fn start_hurried() -> Running {
    let proof = Proof::secret(SECRET);
    start_with("echo", &proof, |config| {
        config.host.timeouts.handshake = Duration::from_secs(1);
    })
    .await
}

/// Listens, and serves each connection with `serve`.
async fn listen<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    (address, AbortOnDropHandle::new(serving))
}

/// Returns an address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test]
async fn edge_looks_again_when_the_owner_is_another_one_or_cannot_be_reached() {
    let (edge, former, owner) = (start("echo").await, start("echo").await, start("echo").await);
    former.relay_to(&[&owner.peers]);
    edge.relay_to(&[&former.peers, &nobody().await, &owner.peers]);
    let (_stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!((former.clients(), owner.clients()), (0, 1), "nobody relays what was relayed");
}

#[tokio::test]
async fn resource_that_stops_makes_no_instance_for_a_client_that_was_on_its_way() {
    let host = start("echo").await;
    let served = Arc::clone(&host.host.state.registry.all()[0]);
    let lease = |number| {
        let client = ClientId(number);
        served.resource().lease(client, "/a", None, 10).map(|lease| Arc::clone(lease.actor()))
    };
    assert!(lease(1).is_ok());
    drop(served.stop(HostClose::Restarted, Duration::ZERO, &Arc::new(Pace::at_once())));
    // This happens if the resource stops just after a client's handshake has found that the resource is served.
    assert!(matches!(lease(2), Err(NoLease::Stopped)));
}

#[tokio::test]
async fn edge_that_becomes_the_owner_serves_the_client() {
    let (edge, former) = (start("echo").await, start("echo").await);
    former.relay_to(&[&edge.peers]);
    edge.relay_to(&[&former.peers]);
    edge.then_own();
    let (_stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!((former.clients(), edge.clients()), (0, 1));
}

#[tokio::test]
async fn edge_looks_again_many_times() {
    let (edge, former, owner) = (start("echo").await, start("echo").await, start("echo").await);
    former.relay_to(&[&owner.peers]);
    let (elsewhere, nobody) = (&*former.peers, &*nobody().await);
    edge.relay_to(&[elsewhere, nobody, elsewhere, nobody, elsewhere, &owner.peers]);
    let (_stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!((former.clients(), owner.clients()), (0, 1));
}

#[tokio::test]
async fn client_is_refused_when_its_time_is_over() {
    let (edge, former) = (start_hurried().await, start("echo").await);
    former.relay_to(&["127.0.0.1:1"]);
    edge.relay_to(&[&former.peers]);
    let mut response = String::new();
    // The time may also run out while the edge waits for the other host's response. The client is then told that the
    // other host did not answer in time, and the test tries again.
    for _ in 0..20 {
        response = refusal(edge.address, "").await;
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        if response.contains("keeps changing") {
            break;
        }
    }
    assert!(response.contains("keeps changing"), "{response}");
    let nobody = nobody().await;
    edge.relay_to(&[&nobody]);
    let response = refusal(edge.address, "").await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("cannot be reached"), "{response}");
    assert!(!response.contains(&nobody), "addresses of hosts are not for clients: {response}");
}

#[tokio::test]
async fn edge_waits_while_the_owner_stops_and_finds_the_next_one() {
    let (edge, mut stopping, owner) =
        (start("echo").await, start("echo").await, start("echo").await);
    // The stopping host has a client that does not answer the close frame, so the stop takes a while.
    let (_staying, head) = open(stopping.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    drop(stopping.stop.take());
    until(|| stopping.host.state.is_draining()).await;
    edge.relay_to(&[&stopping.peers, &stopping.peers, &stopping.peers, &owner.peers]);
    let (_stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(owner.clients(), 1);
}

#[tokio::test]
async fn edge_that_stops_meanwhile_does_not_make_the_client_wait() {
    let mut edge = start("echo").await;
    let (staying, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    edge.relay_to(&[&nobody().await]);
    let waiting = tokio::spawn(refusal(edge.address, ""));
    until(|| edge.host.state.relayed.count() == 1).await;
    drop(edge.stop.take());
    let response = waiting.await.expect("no panic");
    assert!(response.contains("is stopping"), "{response}");
    drop(staying);
}

#[tokio::test]
async fn clients_of_an_owner_whose_lease_was_fenced_are_closed_with_1012() {
    let (edge, owner) = (start("echo").await, start("echo").await);
    edge.relay_to(&[&owner.peers]);
    let (mut stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    edge.host.state.relayed.scripted_owners.fenced.cancel();
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.expect("in time").expect("no reset");
    assert_eq!(rest[..4], [0x88, 25, 0x03, 0xf4]);
    drop(stream);
    until(|| edge.host.state.relayed.count() == 0 && owner.clients() == 0).await;
}

#[tokio::test]
async fn head_that_the_edge_accepts_is_not_too_long_for_the_owner() {
    let (edge, owner) = (start("echo").await, start("echo").await);
    edge.relay_to(&[&owner.peers]);
    let limit = edge.host.state.config().limits.max_header_size;
    // The edge adds a space after each colon.
    let short = "a:b\r\n".repeat(50);
    let long = format!("long:{}\r\n", "c".repeat(limit - handshake("").len() - short.len() - 7));
    let (_stream, head) = open(edge.address, &format!("{short}{long}")).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

#[tokio::test]
async fn owner_that_never_answers_costs_no_more_than_the_time_of_a_handshake() {
    let edge = start_hurried().await;
    // The first owner says nothing at all. The second one is a host that does not answer the handshake.
    let (silent, _silent) = listen(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    edge.relay_to(&[&silent]);
    let response = refusal(edge.address, "").await;
    assert!(response.contains("cannot be reached"), "{response}");
    let (late, _late) = listen(|mut stream| async move {
        let secret = Secret::new(SECRET).expect("long enough");
        let _ =
            accept_opening(&mut stream, "default", Some(&secret), 10_000).await.expect("a host");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    edge.relay_to(&[&late]);
    let response = refusal(edge.address, "").await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("did not answer in time"), "{response}");
}

#[tokio::test]
async fn garbage_of_an_owner_is_not_passed_on() {
    let edge = start("echo").await;
    let endless = "a: b\r\n".repeat(100_000);
    for answer in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ntoo long",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n",
        &format!("HTTP/1.1 101 Switching Protocols\r\n{endless}"),
        &format!("HTTP/1.1 101 Switching Protocols\r\nLong: {}", "a".repeat(1 << 20)),
    ] {
        let answer = answer.to_owned();
        let (owner, _owner) = listen(move |mut stream| {
            let answer = answer.clone();
            async move {
                let secret = Secret::new(SECRET).expect("long enough");
                let _ = accept_opening(&mut stream, "default", Some(&secret), 10_000)
                    .await
                    .expect("a host");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await;
        edge.relay_to(&[&owner]);
        let response = refusal(edge.address, "").await;
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        assert!(response.contains("invalid response"), "{response}");
    }
}

#[tokio::test]
async fn bytes_that_come_with_the_response_are_relayed() {
    let edge = start("echo").await;
    let (owner, _owner) = listen(|mut stream| async move {
        let secret = Secret::new(SECRET).expect("long enough");
        let _ =
            accept_opening(&mut stream, "default", Some(&secret), 10_000).await.expect("a host");
        let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nearly";
        let _ = stream.write_all(response).await;
    })
    .await;
    edge.relay_to(&[&owner]);
    let response = refusal(edge.address, "").await;
    assert!(response.ends_with("\r\n\r\nearly"), "{response}");
}

#[tokio::test]
async fn owner_that_does_not_know_the_secret_gets_nothing_of_a_client() {
    let edge = start("echo").await;
    let (sender, mut received) = tokio::sync::mpsc::channel(1);
    let (owner, _owner) = listen(move |mut stream| {
        let sender = sender.clone();
        async move {
            let digits = "00".repeat(32);
            let hello = format!("ws-host-peer 2 {digits} {digits} default\r\n");
            let _ = stream.write_all(hello.as_bytes()).await;
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all).await;
            let _ = sender.send(all).await;
        }
    })
    .await;
    edge.relay_to(&[&owner]);
    let response = refusal(edge.address, "Cookie: a=b\r\n").await;
    assert!(response.contains("do not trust each other"), "{response}");
    let all = timeout(SOON, received.recv()).await.expect("in time").expect("a connection");
    let all = String::from_utf8(all).expect("ASCII");
    assert!(all.starts_with("ws-host-peer 2 ") && all.lines().count() == 1, "{all}");
}

#[tokio::test]
async fn refusal_of_the_owner_is_passed_on() {
    let (edge, owner) = (start("guest-choosy").await, start("guest-choosy").await);
    edge.relay_to(&[&owner.peers]);
    // Hosts use the status 421 among themselves, and 503 when they have no room.
    let queries =
        ["reject=404", "page=words", "reject-with-header=X-Own", "reject=421", "reject=503"];
    for query in queries {
        let mut seen = Vec::new();
        for address in [owner.address, edge.address] {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let request = handshake_at(&format!("/a?{query}"), "");
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut response = String::new();
            timeout(SOON, stream.read_to_string(&mut response))
                .await
                .expect("in time")
                .expect("text");
            assert!(response.starts_with("HTTP/1.1 4") || query == "reject=503", "{response}");
            let lines = response.lines().filter(|line| !line.starts_with("Date: "));
            let mut lines: Vec<_> = lines.map(str::to_owned).collect();
            lines.sort();
            seen.push(lines);
        }
        assert_eq!(seen[0], seen[1]);
    }
    for (outcome, count) in [("relayed", queries.len()), ("no-owner", 0)] {
        let line =
            format!("ws_host_handshakes_total{{resource=\"test\",outcome=\"{outcome}\"}} {count}");
        assert!(edge.host.metrics().lines().any(|found| found == line), "{line}");
    }
}

#[tokio::test]
async fn client_of_draft_00_is_refused() {
    let proof = Proof::secret(SECRET);
    let edge = start_with("echo", &proof, |config| {
        config.host.versions =
            [ws_host_protocol::handshake::Version::Draft00].into_iter().collect();
    })
    .await;
    edge.relay_to(&[&nobody().await]);
    let mut stream = TcpStream::connect(edge.address).await.expect("it listens");
    let request = "GET /a HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                   Origin: http://localhost\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
                   Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U";
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("text");
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("draft 00"), "{response}");
}

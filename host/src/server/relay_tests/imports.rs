//! Imports with an effect: each checks that the host still owns the actor.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::ended_lease::{connect, receive_text, send};
use super::{Running, handshake_at, read_head, start};

/// How many times each command is repeated. A tick during a slow event adds a check, so the lowest count is used.
const TIMES: usize = 10;

/// Sends a message and waits for the answer. Returns how many lease checks the host makes between the two.
async fn checks(host: &Running, client: &mut TcpStream, message: &str) -> usize {
    let mut fewest = usize::MAX;
    for _ in 0..TIMES {
        let before = host.lease().checks();
        send(client, message).await;
        receive_text(client).await;
        fewest = fewest.min(host.lease().checks() - before);
    }
    fewest
}

/// Connects and waits for the first message. Returns how many lease checks the host makes until then. Also returns the
/// clients, which must stay connected: if one leaves, the handler sends a message to the others.
async fn checks_to_enter(host: &Running, query: &str) -> (usize, Vec<TcpStream>) {
    let (mut fewest, mut clients) = (usize::MAX, Vec::new());
    for _ in 0..TIMES {
        let before = host.lease().checks();
        let mut stream = TcpStream::connect(host.address).await.expect("it listens");
        let request = handshake_at(&format!("/a?{query}"), "Sec-WebSocket-Protocol: one\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        receive_text(&mut stream).await;
        fewest = fewest.min(host.lease().checks() - before);
        clients.push(stream);
    }
    (fewest, clients)
}

#[tokio::test]
async fn imports_with_an_effect_are_checked_and_pure_reads_are_not() {
    let host = start("guest-contract").await;
    host.then_own();
    let (entered, mut clients) = checks_to_enter(&host, "").await;
    let mut client = clients.pop().expect("a client");
    // The lease is checked when the event begins, and when the handler sends the answer.
    let answered = checks(&host, &mut client, "state").await;
    assert_eq!(answered, 2);
    for (command, effects) in [
        ("request", 0),
        ("attachment", 0),
        // For a client that is not there, only the check is made. `abort` also tries to abort again, and to send.
        ("send nobody x", 1),
        ("bytes nobody 1", 1),
        ("frames nobody", 1),
        ("broadcast nobody x", 1),
        ("ping nobody 1", 1),
        ("pong nobody 1", 1),
        ("close nobody 1000 1", 1),
        ("abort nobody", 3),
        ("attach self 3", 1),
        ("tag self t", 1),
        ("untag self t", 1),
        ("close-tagged self t 1000", 1),
        ("subscribe self t", 1),
        ("unsubscribe self t", 1),
        ("unsubscribe-all", 1),
        ("publish self t", 1),
        ("expire self 100000 0", 1),
        ("keep", 1),
        ("timer self 100000", 1),
        ("cancel self 7", 1),
    ] {
        assert_eq!(checks(&host, &mut client, command).await, answered + effects, "{command}");
    }
    for (query, effects) in [("choose=one", 1), ("header=X-Own:1", 1)] {
        let (checks, entered_later) = checks_to_enter(&host, query).await;
        assert_eq!(checks, entered + effects, "{query}");
        clients.extend(entered_later);
    }
}

#[tokio::test]
async fn imports_that_fail_or_only_log_are_checked() {
    let host = start("guest-calling").await;
    host.then_own();
    let mut client = connect(&host).await;
    // The answer to its query.
    receive_text(&mut client).await;
    let answered = checks(&host, &mut client, "requests.path me - 1").await;
    assert_eq!(answered, 2);
    let mut unchecked = Vec::new();
    for function in [
        "handshake.set-status",
        "handshake.set-body",
        "log.write",
        "outgoing.connect",
        "timers.set-durable",
    ] {
        if checks(&host, &mut client, &format!("{function} me - 1")).await != answered + 1 {
            unchecked.push(function);
        }
    }
    assert!(unchecked.is_empty(), "{unchecked:?}");
}

#[tokio::test]
async fn broadcast_to_many_clients_is_checked_again_and_again() {
    const OTHERS: usize = 150;
    let host = start("guest-fanout").await;
    host.then_own();
    let mut client = connect(&host).await;
    let alone = checks(&host, &mut client, "one").await;
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        others.push(connect(&host).await);
    }
    assert!(checks(&host, &mut client, "one").await >= alone + 2);
}

//! An edge that stops.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use ws_host_test_support::masked_frame;

use super::{SOON, open, start, until};
use crate::server::Stopped;

#[tokio::test]
async fn edge_that_stops_closes_its_relayed_clients_with_1001_and_a_closing_handshake() {
    let (mut edge, owner) = (start("echo").await, start("echo").await);
    edge.relay_to(&[&owner.peers]);
    let (mut relayed, _) = open(edge.address, "").await;
    let (mut direct, _) = open(owner.address, "").await;
    assert_eq!(owner.clients(), 2);
    drop(edge.stop.take());
    let mut frame = [0; 4];
    timeout(SOON, relayed.read_exact(&mut frame)).await.expect("in time").expect("a frame");
    assert_eq!((frame[0], &frame[2..]), (0x88, &1001u16.to_be_bytes()[..]));
    let mut reason = vec![0; usize::from(frame[1]) - 2];
    relayed.read_exact(&mut reason).await.expect("the rest of the frame");
    assert_eq!(owner.clients(), 2, "the closing handshake is not complete");
    relayed.write_all(&masked_frame(0x88, &1001u16.to_be_bytes())).await.expect("it reads");
    let mut rest = Vec::new();
    timeout(SOON, relayed.read_to_end(&mut rest)).await.expect("in time").expect("no reset");
    assert_eq!(rest, b"");
    drop(relayed);
    assert_eq!(
        timeout(SOON, edge.running).await.expect("in time").expect("no panic"),
        Stopped::Drained
    );
    until(|| owner.clients() == 1).await;
    // The owner's own client stays connected.
    direct.write_all(&masked_frame(0x81, b"still here")).await.expect("it reads");
    let mut echo = [0; 12];
    timeout(SOON, direct.read_exact(&mut echo)).await.expect("in time").expect("an echo");
    assert_eq!(&echo[2..], b"still here");
}

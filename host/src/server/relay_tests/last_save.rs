//! The last save of a durable actor whose host stops.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use ws_host_test_support::masked_frame;

use super::{SOON, Store, open, start};
use crate::ownership::SavedWhen;

#[tokio::test]
async fn last_save_is_tried_again_until_the_store_is_available() {
    let host = start("counter").await;
    let store = Arc::new(Store { failures: AtomicUsize::new(2), saved: Mutex::default() });
    *host.host.state.relayed.scripted_owners.store.lock() = Some(Arc::clone(&store));
    host.then_own();
    let (mut client, _) = open(host.address, "").await;
    client.write_all(&masked_frame(0x81, b"one")).await.expect("it reads");
    let mut count = [0; 12];
    timeout(SOON, client.read_exact(&mut count)).await.expect("in time").expect("an answer");
    assert_eq!(&count[2..], b"1 messages");
    drop(client);
    drop(host.stop);
    timeout(SOON, host.running).await.expect("in time").expect("no panic");
    let saved = store.saved.lock().clone();
    assert_eq!(saved, [(Arc::from(&b"1"[..]), SavedWhen::Handover)]);
}

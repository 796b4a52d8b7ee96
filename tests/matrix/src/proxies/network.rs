//! The clients' connections. A thread moves bytes between them and [`UnixStream`]s, so that a
//! scenario can read and write WebSocket frames whatever the transport.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;
use ws_host_test_support::DEADLINE;

/// How long a connection may take to end after a scenario has dropped it.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The thread. It ends when this is dropped.
pub(super) struct Network {
    handle: Handle,
    _ends_when_dropped: oneshot::Sender<()>,
}

impl Network {
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (ends_when_dropped, ended) = oneshot::channel();
        std::thread::Builder::new().name("network".to_owned()).spawn(move || {
            // The sender is never used, only dropped.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { handle, _ends_when_dropped: ends_when_dropped })
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

/// Runs a future on the thread and waits for its result, at most as long as a test waits.
pub(super) fn wait<T: Send + 'static>(
    handle: &Handle,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    handle.spawn(async move {
        let result = timeout(DEADLINE, future).await;
        // Cannot fail: the receiver waits below.
        let _ = sender.send(result);
    });
    receiver.blocking_recv().context("the network thread has ended")?.context("timed out")?
}

/// Returns one end of a socket pair whose other end is connected to this stream. Must be called on
/// the thread.
pub(super) fn bridged(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<UnixStream> {
    let (near, far) = UnixStream::pair()?;
    near.set_read_timeout(Some(DEADLINE))?;
    near.set_write_timeout(Some(DEADLINE))?;
    far.set_nonblocking(true)?;
    let far = tokio::net::UnixStream::from_std(far)?;
    tokio::spawn(bridge(stream, far));
    Ok(near)
}

/// Copies both directions independently. When a proxy accepts nothing more, its output is still
/// read.
async fn bridge(stream: impl AsyncRead + AsyncWrite, far: tokio::net::UnixStream) {
    let (mut from_proxy, mut to_proxy) = split(stream);
    let (mut from_client, mut to_client) = far.into_split();
    let incoming = async {
        let result = copy(&mut from_proxy, &mut to_client).await;
        // The client reads nothing more, whether the stream ended cleanly or with an error.
        let _ = to_client.shutdown().await;
        result
    };
    let outgoing = async {
        if copy(&mut from_client, &mut to_proxy).await.is_ok() {
            let _ = to_proxy.shutdown().await;
            return;
        }
        // The proxy accepts nothing more. Keep reading until it closes the connection.
        std::future::pending().await
    };
    tokio::pin!(incoming);
    tokio::select! {
        _ = &mut incoming => {}
        () = outgoing => {
            let _ = timeout(SHUTDOWN_TIMEOUT, incoming).await;
        }
    }
}

//! Where the clients' ends live: a thread that moves octets between sockets and [`UnixStream`]s, so that a
//! scenario reads and writes frames as they stand on the wire, whatever carries them.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;
use ws_host_test_support::DEADLINE;

/// How long a connection that a scenario has left may take to end.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

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
            // The other end is never used, only dropped.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { handle, _ends_when_dropped: ends_when_dropped })
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

/// Waits for something that happens on the thread, no longer than a test waits.
pub(super) fn wait<T: Send + 'static>(
    handle: &Handle,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    handle.spawn(async move {
        let result = timeout(DEADLINE, future).await;
        // Nobody is gone: the receiver waits below.
        let _ = sender.send(result);
    });
    receiver.blocking_recv().context("the thread is gone")?.context("it took too long")?
}

/// One end of a pair whose other end is this stream. To be called on the thread.
pub(super) fn carried(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<UnixStream> {
    let (near, far) = UnixStream::pair()?;
    near.set_read_timeout(Some(DEADLINE))?;
    near.set_write_timeout(Some(DEADLINE))?;
    far.set_nonblocking(true)?;
    let far = tokio::net::UnixStream::from_std(far)?;
    tokio::spawn(carry(stream, far));
    Ok(near)
}

/// The directions are apart: what a proxy still says is read when it takes nothing more.
async fn carry(stream: impl AsyncRead + AsyncWrite, far: tokio::net::UnixStream) {
    let (mut from_proxy, mut to_proxy) = split(stream);
    let (mut from_client, mut to_client) = far.into_split();
    let incoming = async {
        let result = copy(&mut from_proxy, &mut to_client).await;
        // Whether it ended well or not, this client reads no more.
        let _ = to_client.shutdown().await;
        result
    };
    let outgoing = async {
        if copy(&mut from_client, &mut to_proxy).await.is_ok() {
            let _ = to_proxy.shutdown().await;
            return;
        }
        // The proxy takes nothing more. What it says still comes, and its end as well.
        std::future::pending().await
    };
    tokio::pin!(incoming);
    tokio::select! {
        _ = &mut incoming => {}
        () = outgoing => {
            let _ = timeout(FAREWELL_TIME, incoming).await;
        }
    }
}

//! An HTTP/1.1 connection that a request switches to another protocol.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// An HTTP connection without a task of its own. The methods that wait also drive the connection.
pub(crate) struct Exchange<S: AsyncRead + AsyncWrite + Unpin> {
    connection: http1::Connection<TokioIo<S>, Empty<Bytes>>,
    is_over: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    pub(crate) fn new(connection: http1::Connection<TokioIo<S>, Empty<Bytes>>) -> Self {
        Self { connection, is_over: false }
    }

    /// Drives the connection until the future is ready.
    pub(crate) async fn drive<T>(&mut self, mut wait: Pin<&mut impl Future<Output = T>>) -> T {
        poll_fn(|context| {
            let _ = self.poll(context);
            wait.as_mut().poll(context)
        })
        .await
    }

    /// Returns the stream, once the response has switched protocols. Also returns the bytes after the response that
    /// were already read.
    pub(crate) async fn into_stream(mut self) -> (S, Vec<u8>) {
        poll_fn(|context| self.poll(context)).await;
        let parts = self.connection.into_parts();
        (parts.io.into_inner(), parts.read_buf.into())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_over {
            // An error of the connection is ignored here, because the future reports it too.
            self.is_over = self.connection.poll_without_shutdown(context).is_ready();
        }
        if self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

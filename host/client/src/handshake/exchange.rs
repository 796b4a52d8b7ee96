//! The HTTP/1.1 connection of a request that turns the connection into something else.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// An HTTP connection without a task of its own: each method that waits also drives the connection.
pub(crate) struct Exchange<S: AsyncRead + AsyncWrite + Unpin> {
    connection: http1::Connection<TokioIo<S>, Empty<Bytes>>,
    is_over: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    pub(crate) fn new(connection: http1::Connection<TokioIo<S>, Empty<Bytes>>) -> Self {
        Self { connection, is_over: false }
    }

    pub(crate) async fn drive<T>(&mut self, mut wait: Pin<&mut impl Future<Output = T>>) -> T {
        poll_fn(|context| {
            let _ = self.poll(context);
            wait.as_mut().poll(context)
        })
        .await
    }

    /// After the answer that turns the connection: the stream, and what was read of it behind the answer.
    pub(crate) async fn into_stream(mut self) -> (S, Vec<u8>) {
        poll_fn(|context| self.poll(context)).await;
        let parts = self.connection.into_parts();
        (parts.io.into_inner(), parts.read_buf.into())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_over {
            // An error comes out at what is waited for, too.
            self.is_over = self.connection.poll_without_shutdown(context).is_ready();
        }
        if self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

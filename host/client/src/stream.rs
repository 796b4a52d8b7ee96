//! What a connection's octets go through.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection's octets, over TLS or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

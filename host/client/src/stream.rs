//! The byte stream of a connection.

use tokio::io::{AsyncRead, AsyncWrite};

/// The byte stream of a connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

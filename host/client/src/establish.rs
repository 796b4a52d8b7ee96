//! The way from options to an open connection: a socket, TLS, the opening handshake.

use crate::error::ConnectError;
use crate::handshake::{self, Established};
use crate::http_version::HttpVersion;
use crate::http2::Http2Connection;
use crate::options::Options;
use crate::transport;

/// The connection that carries a WebSocket.
#[derive(Debug)]
pub(crate) enum ConnectionUse {
    /// A new connection for this WebSocket only.
    Own,
    /// An HTTP/2 connection that this WebSocket shares with others.
    Shared(Http2Connection),
}

/// Connects within [`Options::connect_timeout`].
///
/// # Cancel safety
///
/// Dropping the future closes the socket. On a shared connection, it drops only the request.
pub(crate) async fn establish(
    options: &Options,
    connection_use: &ConnectionUse,
) -> Result<Established, ConnectError> {
    let establish = async {
        match connection_use {
            ConnectionUse::Own => establish_own(options).await,
            ConnectionUse::Shared(connection) => handshake::http2::open(connection, options).await,
        }
    };
    within(options, establish).await
}

/// Runs a step. Fails if it takes longer than [`Options::connect_timeout`].
pub(crate) async fn within<T>(
    options: &Options,
    step: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    tokio::time::timeout(options.connect_timeout, step)
        .await
        .unwrap_or(Err(ConnectError::TimedOut(options.connect_timeout)))
}

async fn establish_own(options: &Options) -> Result<Established, ConnectError> {
    let transport = transport::connect(options, options.http).await?;
    if transport.http == HttpVersion::Http1 {
        return handshake::http1::open(transport, options).await;
    }
    match Http2Connection::start(transport, options).await {
        Ok(connection) => handshake::http2::open(&connection, options).await,
        // The server may still open WebSockets over HTTP/1.1, so this tries again, as browsers do.
        Err(ConnectError::NoExtendedConnect) if options.http == HttpVersion::Either => {
            let transport = transport::connect(options, HttpVersion::Http1).await?;
            handshake::http1::open(transport, options).await
        }
        Err(error) => Err(error),
    }
}

//! From options to an open connection: a socket, TLS, the opening handshake.

use crate::error::ConnectError;
use crate::handshake::{self, Established};
use crate::http_version::HttpVersion;
use crate::http2::Http2Connection;
use crate::options::Options;
use crate::transport;

/// What a WebSocket is opened on.
#[derive(Debug)]
pub(crate) enum Ground {
    /// A connection of its own.
    Own,
    /// One that it shares with others.
    Shared(Http2Connection),
}

/// Connects, within the time that the options give.
///
/// # Cancel safety
///
/// Dropping the future closes the socket, unless it is a shared one: that drops the request alone.
pub(crate) async fn establish(
    options: &Options,
    ground: &Ground,
) -> Result<Established, ConnectError> {
    let establish = async {
        match ground {
            Ground::Own => establish_own(options).await,
            Ground::Shared(connection) => handshake::http2::open(connection, options).await,
        }
    };
    within(options, establish).await
}

/// Limits a step by [`Options::connect_timeout`].
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
        // As browsers do: the server may open WebSockets over HTTP/1.1.
        Err(ConnectError::NoExtendedConnect) if options.http == HttpVersion::Either => {
            let transport = transport::connect(options, HttpVersion::Http1).await?;
            handshake::http1::open(transport, options).await
        }
        Err(error) => Err(error),
    }
}

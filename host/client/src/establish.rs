//! From options to an open connection: TCP, TLS, the opening handshake.

use std::sync::Arc;

use tokio::net::TcpStream;

use crate::error::ConnectError;
use crate::handshake::{self, Opened};
use crate::options::Options;
use crate::stream::Stream;
use crate::tls;
use crate::url::Scheme;

/// A connection after the handshake.
pub(crate) struct Established {
    pub(crate) stream: Box<dyn Stream>,
    /// Frames that came right behind the answer to the handshake.
    pub(crate) early: Vec<u8>,
    pub(crate) opened: Opened,
}

/// Connects, within the time that the options give.
///
/// # Cancel safety
///
/// Dropping the future closes the socket.
pub(crate) async fn establish(options: &Options) -> Result<Established, ConnectError> {
    tokio::time::timeout(options.connect_timeout, within_time(options))
        .await
        .unwrap_or(Err(ConnectError::TimedOut(options.connect_timeout)))
}

async fn within_time(options: &Options) -> Result<Established, ConnectError> {
    let stream = connect(options).await?;
    let (stream, early, opened) = handshake::open(stream, options).await?;
    Ok(Established { stream, early, opened })
}

async fn connect(options: &Options) -> Result<Box<dyn Stream>, ConnectError> {
    let (host, port) = (options.url.host(), options.url.port);
    let failed = |source| ConnectError::Unreachable {
        host: host.to_owned(),
        port,
        source: Arc::new(source),
    };
    // Every address of the name is tried, one after the other.
    let socket = TcpStream::connect((host, port)).await.map_err(failed)?;
    // Messages are written whole: waiting for more to send with them only delays them.
    socket.set_nodelay(true).map_err(failed)?;
    match options.url.scheme {
        Scheme::Ws => Ok(Box::new(socket)),
        Scheme::Wss => Ok(Box::new(tls::connect(socket, host, options.verify.clone()).await?)),
    }
}

//! How a stream goes to the worker where its client is served.

use std::io::Result;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::connection::Socket;

/// A way to bring a stream from one runtime to another.
pub(in crate::server) trait Transfer<S> {
    /// The stream on its way, which belongs to no runtime.
    type Detached: Send + 'static;

    /// The stream as a connection has it.
    type Attached: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// # Errors
    ///
    /// The system did not let it go.
    fn detach(stream: S) -> Result<Self::Detached>;

    /// # Errors
    ///
    /// The system did not take it in.
    fn attach(parcel: Self::Detached) -> Result<S>;

    /// It has arrived.
    fn finish(stream: S) -> Self::Attached;
}

/// From one runtime's sockets to the other's: the worker then waits for its own sockets alone, and no
/// wake-up crosses threads.
pub(in crate::server) struct SocketTransfer;

impl Transfer<TcpStream> for SocketTransfer {
    type Detached = std::net::TcpStream;
    type Attached = Socket;

    fn detach(stream: TcpStream) -> Result<Self::Detached> {
        stream.into_std()
    }

    fn attach(parcel: Self::Detached) -> Result<TcpStream> {
        TcpStream::from_std(parcel)
    }

    fn finish(stream: TcpStream) -> Socket {
        Socket::new(stream)
    }
}

impl Transfer<UnixStream> for SocketTransfer {
    type Detached = std::os::unix::net::UnixStream;
    type Attached = UnixStream;

    fn detach(stream: UnixStream) -> Result<Self::Detached> {
        stream.into_std()
    }

    fn attach(parcel: Self::Detached) -> Result<UnixStream> {
        UnixStream::from_std(parcel)
    }

    fn finish(stream: UnixStream) -> UnixStream {
        stream
    }
}

/// As it is: the runtime that the stream was made on goes on waiting for it.
pub(in crate::server) struct NoTransfer;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transfer<S> for NoTransfer {
    type Detached = S;
    type Attached = S;

    fn detach(stream: S) -> Result<S> {
        Ok(stream)
    }

    fn attach(parcel: S) -> Result<S> {
        Ok(parcel)
    }

    fn finish(stream: S) -> S {
        stream
    }
}

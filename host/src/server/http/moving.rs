//! How a stream goes to the worker where its client is served.

use std::io::Result;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::connection::Socket;

/// A way to bring a stream from one runtime to another.
pub(in crate::server) trait Moving<S> {
    /// The stream on its way, which belongs to no runtime.
    type Parcel: Send + 'static;

    /// The stream as a connection has it.
    type Settled: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// # Errors
    ///
    /// The system did not let it go.
    fn pack(stream: S) -> Result<Self::Parcel>;

    /// # Errors
    ///
    /// The system did not take it in.
    fn unpack(parcel: Self::Parcel) -> Result<S>;

    /// It has arrived.
    fn settle(stream: S) -> Self::Settled;
}

/// From one runtime's sockets to the other's: the worker then waits for its own sockets alone, and no
/// wake-up crosses threads.
pub(in crate::server) struct Registered;

impl Moving<TcpStream> for Registered {
    type Parcel = std::net::TcpStream;
    type Settled = Socket;

    fn pack(stream: TcpStream) -> Result<Self::Parcel> {
        stream.into_std()
    }

    fn unpack(parcel: Self::Parcel) -> Result<TcpStream> {
        TcpStream::from_std(parcel)
    }

    fn settle(stream: TcpStream) -> Socket {
        Socket::new(stream)
    }
}

impl Moving<UnixStream> for Registered {
    type Parcel = std::os::unix::net::UnixStream;
    type Settled = UnixStream;

    fn pack(stream: UnixStream) -> Result<Self::Parcel> {
        stream.into_std()
    }

    fn unpack(parcel: Self::Parcel) -> Result<UnixStream> {
        UnixStream::from_std(parcel)
    }

    fn settle(stream: UnixStream) -> UnixStream {
        stream
    }
}

/// As it is: the runtime that the stream was made on goes on waiting for it.
pub(in crate::server) struct AsItIs;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Moving<S> for AsItIs {
    type Parcel = S;
    type Settled = S;

    fn pack(stream: S) -> Result<S> {
        Ok(stream)
    }

    fn unpack(parcel: S) -> Result<S> {
        Ok(parcel)
    }

    fn settle(stream: S) -> S {
        stream
    }
}

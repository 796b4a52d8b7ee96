//! How a stream goes to the worker where its client is served.

use std::io::{ErrorKind, Result};
use std::marker::PhantomData;

use tokio::io::{AsyncRead, AsyncWrite, Empty, empty};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::prefixed::Prefixed;
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
    fn attach(detached: Self::Detached) -> Result<S>;

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

    fn attach(detached: Self::Detached) -> Result<TcpStream> {
        TcpStream::from_std(detached)
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

    fn attach(detached: Self::Detached) -> Result<UnixStream> {
        UnixStream::from_std(detached)
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

    fn attach(detached: S) -> Result<S> {
        Ok(detached)
    }

    fn finish(stream: S) -> S {
        stream
    }
}

/// As the stream itself, of which the first octets were looked at.
pub(in crate::server) struct PrefixedTransfer<M>(PhantomData<M>);

impl<S, M: Transfer<S>> Transfer<Prefixed<S>> for PrefixedTransfer<M> {
    type Detached = M::Detached;
    type Attached = M::Attached;

    fn detach(stream: Prefixed<S>) -> Result<Self::Detached> {
        M::detach(stream.into_inner())
    }

    fn attach(detached: Self::Detached) -> Result<Prefixed<S>> {
        M::attach(detached).map(Prefixed::unread)
    }

    fn finish(stream: Prefixed<S>) -> Self::Attached {
        M::finish(stream.into_inner())
    }
}

/// An encrypted stream. The stream inside is taken out while it moves to another thread.
pub(in crate::server) type Encrypted<S> = TlsStream<Either<Prefixed<S>, Empty>>;

/// As the stream inside, with what TLS knows of the connection beside it.
pub(in crate::server) struct TlsTransfer<M>(PhantomData<M>);

impl<S, M: Transfer<S>> Transfer<Encrypted<S>> for TlsTransfer<M>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Detached = (Encrypted<S>, M::Detached);
    type Attached = Encrypted<S>;

    fn detach(mut stream: Encrypted<S>) -> Result<Self::Detached> {
        let inside = std::mem::replace(stream.get_mut().0, Either::Right(empty()));
        match inside {
            Either::Left(inside) => Ok((stream, PrefixedTransfer::<M>::detach(inside)?)),
            Either::Right(_) => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn attach((mut stream, detached): Self::Detached) -> Result<Encrypted<S>> {
        *stream.get_mut().0 = Either::Left(PrefixedTransfer::<M>::attach(detached)?);
        Ok(stream)
    }

    fn finish(stream: Encrypted<S>) -> Encrypted<S> {
        stream
    }
}

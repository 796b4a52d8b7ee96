//! Moving a stream to the worker that serves its client.

use std::io::{ErrorKind, Result};
use std::marker::PhantomData;

use tokio::io::{AsyncRead, AsyncWrite, Empty, empty};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::prefixed::Prefixed;
use crate::connection::Socket;

/// A way to move a stream from one runtime to another.
pub(in crate::server) trait Transfer<S: 'static>: 'static {
    /// The stream while no runtime has registered it.
    type Detached: Send + 'static;

    /// The stream as the WebSocket connection uses it.
    type Attached: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Deregisters the stream from the current runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if the socket cannot be deregistered.
    fn detach(stream: S) -> Result<Self::Detached>;

    /// Registers the stream with the current runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if the socket cannot be registered.
    fn attach(detached: Self::Detached) -> Result<S>;

    /// Converts the stream once it is on its final runtime.
    fn finish(stream: S) -> Self::Attached;

    /// Deregisters the stream from the current runtime at once. The returned future registers the stream with the
    /// runtime that polls the future.
    fn transfer(stream: S) -> impl Future<Output = Result<Self::Attached>> + Send + 'static {
        // A socket must leave its runtime before another runtime can register it.
        let detached = Self::detach(stream);
        async { detached.and_then(Self::attach).map(Self::finish) }
    }
}

/// Registers the socket with the new runtime. So a worker waits only for its own sockets, and no wake-up crosses
/// threads.
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

/// Keeps the stream registered with its first runtime, which continues to wait for I/O.
pub(in crate::server) struct KeepRegistration;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transfer<S> for KeepRegistration {
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

/// Moves the inner stream. The prefix must have been read completely.
pub(in crate::server) struct PrefixedTransfer<M>(PhantomData<M>);

impl<S: 'static, M: Transfer<S>> Transfer<Prefixed<S>> for PrefixedTransfer<M> {
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

/// An encrypted stream. While it moves to another thread, the inner stream is `Empty`.
pub(in crate::server) type Encrypted<S> = TlsStream<Either<Prefixed<S>, Empty>>;

/// Moves the inner stream, together with the TLS state.
pub(in crate::server) struct TlsTransfer<M>(PhantomData<M>);

impl<S, M: Transfer<S>> Transfer<Encrypted<S>> for TlsTransfer<M>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Detached = (Encrypted<S>, M::Detached);
    type Attached = Encrypted<S>;

    fn detach(mut stream: Encrypted<S>) -> Result<Self::Detached> {
        let inner = std::mem::replace(stream.get_mut().0, Either::Right(empty()));
        match inner {
            Either::Left(inner) => Ok((stream, PrefixedTransfer::<M>::detach(inner)?)),
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

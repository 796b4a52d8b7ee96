//! How a stream goes to the worker where its client is served.

use std::io::{ErrorKind, Result};
use std::marker::PhantomData;

use tokio::io::{AsyncRead, AsyncWrite, empty};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

use crate::connection::Socket;
use crate::server::door::{Encrypted, Opened};

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

/// As the stream itself, of which the first octets were looked at.
pub(in crate::server) struct Plain<M>(PhantomData<M>);

impl<S, M: Moving<S>> Moving<Opened<S>> for Plain<M> {
    type Parcel = M::Parcel;
    type Settled = M::Settled;

    fn pack(stream: Opened<S>) -> Result<Self::Parcel> {
        M::pack(stream.into_inner())
    }

    fn unpack(parcel: Self::Parcel) -> Result<Opened<S>> {
        M::unpack(parcel).map(Opened::unread)
    }

    fn settle(stream: Opened<S>) -> Self::Settled {
        M::settle(stream.into_inner())
    }
}

/// As the stream inside, with what TLS knows of the connection beside it.
pub(in crate::server) struct OverTls<M>(PhantomData<M>);

impl<S, M: Moving<S>> Moving<Encrypted<S>> for OverTls<M>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Parcel = (Encrypted<S>, M::Parcel);
    type Settled = Encrypted<S>;

    fn pack(mut stream: Encrypted<S>) -> Result<Self::Parcel> {
        let inside = std::mem::replace(stream.get_mut().0, Either::Right(empty()));
        match inside {
            Either::Left(inside) => Ok((stream, Plain::<M>::pack(inside)?)),
            Either::Right(_) => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn unpack((mut stream, parcel): Self::Parcel) -> Result<Encrypted<S>> {
        *stream.get_mut().0 = Either::Left(Plain::<M>::unpack(parcel)?);
        Ok(stream)
    }

    fn settle(stream: Encrypted<S>) -> Encrypted<S> {
        stream
    }
}

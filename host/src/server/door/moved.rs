//! How a stream goes to the worker of its client when something stands before HTTP: as the socket inside.

use std::io::{ErrorKind, Result};
use std::marker::PhantomData;

use tokio::io::{AsyncRead, AsyncWrite, empty};
use tokio_util::either::Either;

use super::tls::Encrypted;
use crate::server::http::Moving;
use crate::server::reread::Reread;

/// As the stream itself, of which the first octets were looked at.
pub(super) struct Plain<M>(PhantomData<M>);

impl<S, M: Moving<S>> Moving<Reread<S>> for Plain<M> {
    type Parcel = M::Parcel;
    type Settled = M::Settled;

    fn pack(stream: Reread<S>) -> Result<Self::Parcel> {
        M::pack(stream.into_inner())
    }

    fn unpack(parcel: Self::Parcel) -> Result<Reread<S>> {
        M::unpack(parcel).map(Reread::unread)
    }

    fn settle(stream: Reread<S>) -> Self::Settled {
        M::settle(stream.into_inner())
    }
}

/// As the stream inside, with what TLS knows of the connection beside it.
pub(super) struct OverTls<M>(PhantomData<M>);

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

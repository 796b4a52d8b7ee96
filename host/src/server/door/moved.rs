//! How a stream goes to the worker of its client when something stands before HTTP: as the socket inside.

use std::io::{ErrorKind, Result};
use std::marker::PhantomData;

use tokio::io::{AsyncRead, AsyncWrite, empty};
use tokio_util::either::Either;

use super::tls::Encrypted;
use crate::server::http::Transfer;
use crate::server::reread::Prefixed;

/// As the stream itself, of which the first octets were looked at.
pub(super) struct PrefixedTransfer<M>(PhantomData<M>);

impl<S, M: Transfer<S>> Transfer<Prefixed<S>> for PrefixedTransfer<M> {
    type Detached = M::Detached;
    type Attached = M::Attached;

    fn detach(stream: Prefixed<S>) -> Result<Self::Detached> {
        M::detach(stream.into_inner())
    }

    fn attach(parcel: Self::Detached) -> Result<Prefixed<S>> {
        M::attach(parcel).map(Prefixed::unread)
    }

    fn finish(stream: Prefixed<S>) -> Self::Attached {
        M::finish(stream.into_inner())
    }
}

/// As the stream inside, with what TLS knows of the connection beside it.
pub(super) struct TlsTransfer<M>(PhantomData<M>);

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

    fn attach((mut stream, parcel): Self::Detached) -> Result<Encrypted<S>> {
        *stream.get_mut().0 = Either::Left(PrefixedTransfer::<M>::attach(parcel)?);
        Ok(stream)
    }

    fn finish(stream: Encrypted<S>) -> Encrypted<S> {
        stream
    }
}

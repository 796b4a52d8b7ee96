//! Streams on their way to the worker that serves them.

mod prefixed;
mod transfer;

pub(in crate::server) use self::prefixed::Prefixed;
pub(in crate::server) use self::transfer::{
    Encrypted, NoTransfer, PrefixedTransfer, SocketTransfer, TlsTransfer, Transfer,
};

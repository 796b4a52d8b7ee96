//! Streams with bytes that were read ahead, and the transfer of streams between workers.

mod prefixed;
mod transfer;

pub(in crate::server) use self::prefixed::Prefixed;
pub(in crate::server) use self::transfer::{
    Encrypted, KeepRegistration, PrefixedTransfer, SocketTransfer, TlsTransfer, Transfer,
};

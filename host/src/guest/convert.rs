//! Between the words of the host and those of the generated bindings: `From`, and `TryFrom` where a
//! guest can say what cannot be.

use std::num::NonZeroUsize;

use ws_host_protocol::handshake::Scheme;
use ws_host_protocol::{CloseFrameError, Compression, Form, SendError};

use super::bindings::ws_host::socket::types;
use super::instance::{Acceptance, Disconnection, Refusal};
use crate::clients::{AttachmentTooLong, CloseError, Known};
use crate::timers::TooManyTimers;
use crate::topics::SubscribeError;

impl From<&Known> for types::Request {
    fn from(known: &Known) -> Self {
        Self {
            resource: known.resource.as_ref().into(),
            path: known.path.clone(),
            query: known.query.clone(),
            parameters: known.parameters.clone(),
            headers: known
                .headers
                .iter()
                .map(|(name, value)| (String::from_utf8_lossy(name).into(), value.to_vec()))
                .collect(),
            subprotocols: known.subprotocols.clone(),
            origin: known.origin.clone(),
            version: known.version.number(),
            client_address: known.address.to_string(),
            peer_address: known.peer.ip().to_string(),
            peer_port: known.peer.port(),
            secure: known.scheme == Scheme::Https,
            client_certificate: known.certificate.as_deref().map(str::to_owned),
        }
    }
}

impl From<types::Acceptance> for Acceptance {
    fn from(acceptance: types::Acceptance) -> Self {
        Self { subprotocol: acceptance.subprotocol, headers: acceptance.headers }
    }
}

impl From<types::Rejection> for Refusal {
    fn from(rejection: types::Rejection) -> Self {
        Self { status: rejection.status, body: rejection.body }
    }
}

impl From<&Disconnection> for types::Disconnection {
    fn from(how: &Disconnection) -> Self {
        Self { code: how.code, reason: how.reason.clone(), clean: how.clean, sent: how.sent }
    }
}

impl TryFrom<types::Form> for Form {
    type Error = types::SendError;

    fn try_from(form: types::Form) -> Result<Self, Self::Error> {
        let of_octets = |octets: u32| {
            NonZeroUsize::new(octets as usize).ok_or(types::SendError::InvalidFrameSize)
        };
        Ok(Self {
            compression: form.compression.into(),
            frame_size: form.frame_size.map(of_octets).transpose()?,
        })
    }
}

impl From<types::Compression> for Compression {
    fn from(compression: types::Compression) -> Self {
        match compression {
            types::Compression::ByLength => Self::ByLength,
            types::Compression::Always => Self::Always,
            types::Compression::Never => Self::Never,
        }
    }
}

impl From<SendError> for types::SendError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full => Self::Full,
            SendError::TooLong => Self::TooLong,
            SendError::Unsupported => Self::Unsupported,
            _ => Self::Closed,
        }
    }
}

impl From<CloseError> for types::CloseError {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Closed => Self::Closed,
            CloseError::Frame(CloseFrameError::Code(_)) => Self::InvalidCode,
            CloseError::Frame(CloseFrameError::ReasonTooLong(_)) => Self::ReasonTooLong,
        }
    }
}

impl From<AttachmentTooLong> for types::AttachmentError {
    fn from(AttachmentTooLong: AttachmentTooLong) -> Self {
        Self::TooLong
    }
}

impl From<TooManyTimers> for types::TimerError {
    fn from(TooManyTimers: TooManyTimers) -> Self {
        Self::TooMany
    }
}

impl From<SubscribeError> for types::SubscribeError {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Closed => Self::Closed,
            SubscribeError::InvalidTopic => Self::InvalidTopic,
            SubscribeError::TooMany => Self::TooMany,
        }
    }
}

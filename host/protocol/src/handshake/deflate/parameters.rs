//! The parameters of permessage-deflate, as they stand in an offer or in an answer.

use std::fmt;

use crate::deflate::ContextTakeover;
use crate::handshake::extensions::{Extension, Parameter};

/// The registered name (§9.1).
const NAME: &str = "permessage-deflate";

pub(super) const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
pub(super) const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
pub(super) const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
pub(super) const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// One offer, or the answer to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::handshake) struct Parameters {
    pub(super) server_no_context_takeover: Option<NoContextTakeover>,
    pub(super) client_no_context_takeover: Option<NoContextTakeover>,
    pub(super) server_max_window_bits: Option<u8>,
    pub(super) client_max_window_bits: Option<ClientWindow>,
}

/// A parameter without a value, which stands or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoContextTakeover;

/// The value of `client_max_window_bits`, from 8 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientWindow {
    /// None: an offer to keep to whatever the server answers.
    Any,
    Bits(u8),
}

/// A parameter of permessage-deflate that must not stand there, or must stand there otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// RFC 7692 knows no such parameter.
    #[error("{0:?} is no parameter of permessage-deflate")]
    Unknown(String),
    /// It stands more than once.
    #[error("the parameter {0} stands more than once")]
    Repeated(&'static str),
    /// It has a value that it cannot have, or none, or one though it has none.
    #[error("the parameter {0} has a wrong value")]
    Value(&'static str),
    /// The offer asked for it and the answer does not grant it.
    #[error("the parameter {0} was asked for and is not granted")]
    NotGranted(&'static str),
}

impl NoContextTakeover {
    pub(super) fn when(context: ContextTakeover) -> Option<Self> {
        (context == ContextTakeover::Off).then_some(Self)
    }
}

impl Parameters {
    /// The parameters of an extension; `None` if it is another one.
    pub(in crate::handshake) fn read(
        extension: &Extension<'_>,
    ) -> Option<Result<Self, ParameterError>> {
        (extension.name == NAME).then(|| {
            let mut parameters = Self::default();
            extension.parameters.iter().try_for_each(|parameter| parameters.add(parameter))?;
            Ok(parameters)
        })
    }

    fn add(&mut self, parameter: &Parameter<'_>) -> Result<(), ParameterError> {
        let value = parameter.value.as_deref();
        match parameter.name {
            SERVER_NO_CONTEXT_TAKEOVER => set(
                &mut self.server_no_context_takeover,
                SERVER_NO_CONTEXT_TAKEOVER,
                value.is_none().then_some(NoContextTakeover),
            ),
            CLIENT_NO_CONTEXT_TAKEOVER => set(
                &mut self.client_no_context_takeover,
                CLIENT_NO_CONTEXT_TAKEOVER,
                value.is_none().then_some(NoContextTakeover),
            ),
            SERVER_MAX_WINDOW_BITS => {
                set(&mut self.server_max_window_bits, SERVER_MAX_WINDOW_BITS, value.and_then(bits))
            }
            CLIENT_MAX_WINDOW_BITS => set(
                &mut self.client_max_window_bits,
                CLIENT_MAX_WINDOW_BITS,
                match value {
                    None => Some(ClientWindow::Any),
                    Some(value) => bits(value).map(ClientWindow::Bits),
                },
            ),
            unknown => Err(ParameterError::Unknown(unknown.to_owned())),
        }
    }
}

fn set<T>(
    place: &mut Option<T>,
    name: &'static str,
    value: Option<T>,
) -> Result<(), ParameterError> {
    let value = value.ok_or(ParameterError::Value(name))?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ParameterError::Repeated(name)),
    }
}

/// §7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn bits(value: &str) -> Option<u8> {
    match value.as_bytes() {
        [b'8'..=b'9'] | [b'1', b'0'..=b'5'] => value.parse().ok(),
        _ => None,
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover.is_some() {
            write!(f, "; {SERVER_NO_CONTEXT_TAKEOVER}")?;
        }
        if self.client_no_context_takeover.is_some() {
            write!(f, "; {CLIENT_NO_CONTEXT_TAKEOVER}")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {SERVER_MAX_WINDOW_BITS}={bits}")?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            Some(ClientWindow::Any) => write!(f, "; {CLIENT_MAX_WINDOW_BITS}"),
            Some(ClientWindow::Bits(bits)) => write!(f, "; {CLIENT_MAX_WINDOW_BITS}={bits}"),
        }
    }
}

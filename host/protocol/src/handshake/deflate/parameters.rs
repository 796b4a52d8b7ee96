//! The parameters of permessage-deflate in an offer or a response.

use std::fmt;

use crate::deflate::ContextTakeover;
use crate::handshake::extensions::{Extension, Parameter};

/// The registered name (§9.1).
const NAME: &str = "permessage-deflate";

pub(super) const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
pub(super) const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
pub(super) const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
pub(super) const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// One offer, or the response to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::handshake) struct Parameters {
    pub(super) server_no_context_takeover: Option<NoContextTakeover>,
    pub(super) client_no_context_takeover: Option<NoContextTakeover>,
    pub(super) server_max_window_bits: Option<u8>,
    pub(super) client_max_window_bits: Option<ClientWindow>,
}

/// A parameter without a value. It is either present or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoContextTakeover;

/// The value of `client_max_window_bits`, from 8 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientWindow {
    /// No value. This offers to accept any limit that the server sets.
    Any,
    Bits(u8),
}

/// An invalid, missing or unexpected parameter of permessage-deflate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// RFC 7692 does not define this parameter.
    #[error("{0:?} is not a parameter of permessage-deflate")]
    Unknown(String),
    /// The parameter is repeated.
    #[error("the parameter {0} is repeated")]
    Repeated(&'static str),
    /// The value is invalid or missing, or the parameter must not have one.
    #[error("the parameter {0} has an invalid value")]
    Value(&'static str),
    /// The offer requested the parameter, and the response does not grant it.
    #[error("the parameter {0} was requested but not granted")]
    NotGranted(&'static str),
}

impl NoContextTakeover {
    pub(super) fn when(context: ContextTakeover) -> Option<Self> {
        (context == ContextTakeover::Off).then_some(Self)
    }
}

impl Parameters {
    /// Reads the parameters of an extension. Returns `None` if the extension is not permessage-deflate.
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
    parameter: &mut Option<T>,
    name: &'static str,
    value: Option<T>,
) -> Result<(), ParameterError> {
    let value = value.ok_or(ParameterError::Value(name))?;
    match parameter.replace(value) {
        None => Ok(()),
        Some(_) => Err(ParameterError::Repeated(name)),
    }
}

/// Parses "a decimal integer value without leading zeroes between 8 to 15, inclusive" (§7.1.2).
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

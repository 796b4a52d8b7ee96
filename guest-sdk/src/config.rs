//! Values of the configuration, from the table `config` of the resource.
//!
//! The configuration must grant them with `grant = ["config"]`.
//!
//! ```
//! use ws_guest::{Client, Error, config};
//!
//! fn greet(client: Client) -> Result<(), Error> {
//!     let greeting = config::get("greeting")?.unwrap_or_else(|| "Hello".to_owned());
//!     Ok(client.send_text(greeting)?)
//! }
//! ```
//!
//! A handler that calls none of these functions does not import `wasi:config`.

use std::fmt;

use crate::sys::config as host;

/// Returns the value of a key, or `None` if the table does not have the key.
///
/// # Errors
///
/// Returns [`Error`] if the configuration does not grant `config`.
pub fn get(key: impl AsRef<str>) -> Result<Option<String>, Error> {
    host::get(key.as_ref()).map_err(Error)
}

/// Returns all keys and their values, in the order of the keys.
///
/// # Errors
///
/// Returns [`Error`] if the configuration does not grant `config`.
pub fn all() -> Result<Vec<(String, String)>, Error> {
    host::get_all().map_err(Error)
}

/// Why a value could not be read: the configuration lacks the grant that the message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

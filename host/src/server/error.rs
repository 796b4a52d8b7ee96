//! Errors at the start of a server.

use std::net::SocketAddr;

use crate::config::{Address, ConfigLocation, InvalidSetting};
use crate::guest::RuntimeError;
use crate::reload::ReloadError;

/// The reason why a server or a host does not start. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is invalid.
    #[error("{}{_0}", resource_prefix(.0))]
    Setting(#[from] InvalidSetting),
    /// The component runtime does not start on this machine.
    #[error(transparent)]
    Runtime(Box<dyn std::error::Error + Send + Sync>),
    /// The system cannot start a worker thread.
    #[error("the system cannot start a worker thread")]
    Worker(#[source] std::io::Error),
    /// A component cannot be served.
    #[error(transparent)]
    Component(ReloadError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(Box<dyn std::error::Error + Send + Sync>),
    /// The server cannot listen on an address.
    #[error("cannot listen on {address}: {}", advice(.cause))]
    Listen {
        /// The address.
        address: Address,
        /// The system's error.
        cause: std::io::Error,
    },
    /// The server cannot listen on the admin address.
    #[error("cannot listen on the admin address {address}: {}", advice(.cause))]
    Admin {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        cause: std::io::Error,
    },
}

impl From<RuntimeError> for StartError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error.into())
    }
}

/// Returns the prefix that names the resource of a setting, because several resources may have the same setting.
pub(super) fn resource_prefix(setting: &InvalidSetting) -> String {
    match setting.location {
        ConfigLocation::Server => String::new(),
        ConfigLocation::Resource(number) => format!("resource {}: ", number + 1),
    }
}

fn advice(cause: &std::io::Error) -> String {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there; stop it or choose another address with --listen".into()
        }
        std::io::ErrorKind::PermissionDenied => {
            "not permitted; ports below 1024 need privileges: choose a higher one with --listen"
                .into()
        }
        std::io::ErrorKind::AlreadyExists => {
            "the file exists and is not a socket; choose another with --listen".into()
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; 0.0.0.0 listens on all of its IPv4 addresses"
                .into()
        }
        _ => cause.to_string(),
    }
}

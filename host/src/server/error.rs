//! Why a server does not start.

use std::net::SocketAddr;

use crate::config::{Address, ConfigLocation, InvalidSetting};
use crate::guest::RuntimeError;
use crate::reload::ReloadError;

/// Why a server, or a host, does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be.
    #[error("{}{_0}", of_resource(.0))]
    Setting(#[from] InvalidSetting),
    /// The component runtime does not start on this machine.
    #[error(transparent)]
    Runtime(Box<dyn std::error::Error + Send + Sync>),
    /// The system has no thread for a worker.
    #[error("the system has no thread for a worker")]
    Worker(#[source] std::io::Error),
    /// A component cannot be served.
    #[error(transparent)]
    Component(ReloadError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(Box<dyn std::error::Error + Send + Sync>),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {}", advice(.cause))]
    Listen {
        /// The address.
        address: Address,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The admin address cannot be listened on.
    #[error("the admin address cannot be {address}: {}", advice(.cause))]
    Admin {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
}

impl From<RuntimeError> for StartError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error.into())
    }
}

/// Where several have the same setting, its name alone does not tell which is meant.
pub(super) fn of_resource(wrong: &InvalidSetting) -> String {
    match wrong.location {
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
            "not permitted; ports below 1024 need privileges, choose a higher one with --listen"
                .into()
        }
        std::io::ErrorKind::AlreadyExists => {
            "there is such a file, and it is no socket; choose another with --listen".into()
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; 0.0.0.0 listens on all that it has".into()
        }
        _ => cause.to_string(),
    }
}

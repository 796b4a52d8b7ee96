//! Errors at the start of a server.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// The operating system cannot start a worker thread.
    #[error("the operating system cannot start a worker thread")]
    Worker(#[source] Error),
    /// A component cannot be served.
    #[error(transparent)]
    Component(ReloadError),
    /// The file of a grant cannot be used.
    #[error("cannot store data in the file {} (`grant`)", .file.display())]
    Store {
        /// The file.
        file: PathBuf,
        /// Why the file cannot be used.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(Box<dyn std::error::Error + Send + Sync>),
    /// The listening sockets that another process passed cannot be used.
    #[error("cannot use the sockets that were passed in LISTEN_FDS: {_0}")]
    Sockets(#[source] Error),
    /// The server cannot listen on an address.
    #[error("cannot listen on {address}: {}", listen_advice(.cause))]
    Listen {
        /// The address.
        address: Address,
        /// The error of the operating system.
        cause: Error,
    },
    /// The server cannot listen on the address for health checks.
    #[error("cannot listen on {address} for health checks: {}", advice(.cause, "--health"))]
    Health {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        cause: Error,
    },
    /// The server cannot listen on the admin address.
    #[error("cannot listen on the admin address {address}: {}", admin_advice(.cause))]
    Admin {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        cause: Error,
    },
}

impl From<RuntimeError> for StartError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error.into())
    }
}

/// Returns a prefix that says which resource a setting belongs to. Several resources may have a setting of this name.
pub(super) fn resource_prefix(setting: &InvalidSetting) -> String {
    match setting.location {
        ConfigLocation::Server => String::new(),
        ConfigLocation::Resource(number) => format!("resource {}: ", number + 1),
    }
}

fn listen_advice(cause: &Error) -> String {
    match cause.kind() {
        ErrorKind::AlreadyExists => {
            "the file exists and is not a socket; choose another with --listen".into()
        }
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; 0.0.0.0 listens on all of its IPv4 addresses"
                .into()
        }
        _ => advice(cause, "--listen"),
    }
}

fn admin_advice(cause: &Error) -> String {
    match cause.kind() {
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; choose another one with --admin, such as 127.0.0.1"
                .into()
        }
        _ => advice(cause, "--admin"),
    }
}

/// Returns why the server cannot listen at the address that `flag` sets. For the usual errors, also says what to do.
fn advice(cause: &Error, flag: &str) -> String {
    match cause.kind() {
        ErrorKind::AddrInUse => {
            format!("another program listens there; stop it or choose another address with {flag}")
        }
        ErrorKind::PermissionDenied => format!(
            "not permitted; ports below 1024 need privileges: choose a higher one with {flag}"
        ),
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_flag_that_sets_the_address() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        for kind in [ErrorKind::AddrInUse, ErrorKind::PermissionDenied] {
            let listen = StartError::Listen { address: Address::Tcp(address), cause: kind.into() };
            let listen = listen.to_string();
            assert!(listen.contains("--listen") && !listen.contains("--admin"), "{listen}");
            let admin = StartError::Admin { address, cause: kind.into() }.to_string();
            assert!(admin.contains("--admin") && !admin.contains("--listen"), "{admin}");
        }
        let cause = ErrorKind::AddrNotAvailable.into();
        let admin = StartError::Admin { address, cause }.to_string();
        assert!(admin.contains("--admin") && !admin.contains("0.0.0.0"), "{admin}");
    }
}

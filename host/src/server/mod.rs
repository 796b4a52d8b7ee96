//! The server: from listening sockets to connections, and to the end of them all.

mod accept;
mod admin;
mod admission;
mod answer;
mod challenge;
mod configure;
mod flash;
mod ground;
mod host;
mod http;
mod moving;
mod registry;
mod renewal;
mod routes;
mod runtimes;
mod served;
mod site;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

pub use self::answer::Body;
pub use self::configure::{ConfigureError, Configured};
pub use self::host::{
    ClientStatus, CustomAnswer, CustomError, Host, NoResource, Recipient, ResourceStatus,
};
pub use self::renewal::{Renewal, RenewalError, Renewer};
pub use self::visit::Peer;

use self::admin::Admin;
use crate::config::Config;
use crate::guest::RuntimeError;
use crate::reload::ReloadError;

/// A host that listens, and serves when it is run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    host: Host,
    renewer: Renewer,
    admin: Option<Admin>,
}

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    /// As the configuration has it, where a port may be 0.
    configured: SocketAddr,
    address: SocketAddr,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StartError(#[from] Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Component(ReloadError),
    #[error("cannot listen on {address}: {}", advice(.cause))]
    Listen { address: SocketAddr, cause: std::io::Error },
    #[error("the admin address cannot be {address}: {}", advice(.cause))]
    Admin { address: SocketAddr, cause: std::io::Error },
}

/// How a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every client was told and has gone.
    Drained,
    /// So many clients were still there when the time was over.
    Abandoned(usize),
}

impl Server {
    /// Starts the [`Host`] and listens.
    ///
    /// Must be called, and [run](Self::run), inside a tokio runtime, which becomes the first worker.
    /// One like [`runtime`](crate::runtime), of a single thread, is the fastest.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, backlog, admin, file, host } = config;
        let mode = host.mode;
        let host = Host::start(host).await?;
        let listeners = listen
            .into_iter()
            .map(|address| {
                Listener::bind(address, backlog).map_err(|cause| Why::Listen { address, cause })
            })
            .collect::<Result<_, _>>()?;
        let renewer = Renewer::new(host.clone(), file, mode);
        let admin = match admin {
            None => None,
            Some(address) => Some(
                Admin::start(address, host.clone(), renewer.clone())
                    .await
                    .map_err(|cause| Why::Admin { address, cause })?,
            ),
        };
        Ok(Self { listeners, host, renewer, admin })
    }

    /// The addresses that it listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    /// The admin address that it listens on, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// What it serves, to be managed while it runs.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Reads the configuration and the components again while the server runs.
    pub fn renewer(&self) -> Renewer {
        self.renewer.clone()
    }

    /// Serves until `stop` resolves; then accepts nobody more, closes every client with 1001, and
    /// waits for them as long as the configuration says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on until the runtime ends.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Stopped {
        let Self { listeners, host, admin, .. } = self;
        let handshakes = accept::handshakes();
        let mut serving = JoinSet::new();
        for Listener { socket, configured, .. } in listeners {
            let (site, handshakes) = (Arc::clone(&host.site), Arc::clone(&handshakes));
            serving.spawn(async move {
                accept::accept(&socket, configured, &site, &handshakes).await;
            });
        }
        if let Some(admin) = admin {
            serving.spawn(admin.serve());
        }
        stop.await;
        serving.shutdown().await;
        host.drain().await
    }
}

impl Listener {
    fn bind(configured: SocketAddr, backlog: u32) -> std::io::Result<Self> {
        let socket = match configured {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A server that starts again must not wait for the last one's connections to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(configured)?;
        let socket = socket.listen(backlog)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, configured, address })
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
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; 0.0.0.0 listens on all that it has".into()
        }
        _ => cause.to_string(),
    }
}

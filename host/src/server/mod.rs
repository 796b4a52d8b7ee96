//! The server: from listening sockets to connections, and to the end of them all.

mod admin;
mod admission;
mod answer;
mod arrival;
mod certificates;
mod configure;
mod door;
mod ground;
mod host;
mod http;
mod places;
mod refused_origin;
mod registry;
mod relief;
mod renewal;
mod reread;
mod routes;
mod runtimes;
mod served;
mod site;
mod static_files;
#[cfg(test)]
mod tests;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use ws_host_protocol::handshake::Scheme;

pub use self::answer::Body;
pub use self::configure::{ConfigureError, Configured};
pub use self::host::{
    ClientStatus, CustomAnswer, CustomError, Host, NoResource, Recipient, ResourceStatus,
};
pub use self::renewal::{Renewal, RenewalError, Renewer};
pub use self::visit::Peer;

use self::admin::Admin;
use self::door::{Door, Listener, Tls, TlsError};
use crate::config::{self, Address, Config, Encryption, Listen};
use crate::guest::RuntimeError;
use crate::reload::ReloadError;
use crate::watch::Watch;

/// A host that listens, and serves when it is run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(Listener, Arc<Door>)>,
    host: Host,
    renewer: Renewer,
    admin: Option<Admin>,
    /// The certificate, if its files are watched.
    followed: Option<(Arc<Tls>, Watch)>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listening {
    /// With the port that the system chose, if it did.
    pub address: Address,
    /// As the configuration has it.
    pub configured: Address,
    /// Whether TLS is spoken there.
    pub scheme: Scheme,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StartError(#[from] Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("the system has no thread for a worker")]
    Worker(#[source] std::io::Error),
    #[error(transparent)]
    Component(ReloadError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}: {}", advice(.cause))]
    Listen { address: Address, cause: std::io::Error },
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
    /// Must be called, and [run](Self::run), inside a tokio runtime, which accepts and answers whoever operates
    /// the server. Clients are served by workers, threads of the host's own. A runtime like
    /// [`runtime`](crate::runtime), of a single thread, is enough.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, tls, backlog, admin, file, host } = config;
        let mode = host.mode;
        // Before they are read: what changes meanwhile is told.
        let watch = match &tls {
            Some(tls) if host.watch == config::Watch::On && tls.files().next().is_some() => {
                Some(Watch::start(tls.files()).await)
            }
            _ => None,
        };
        let tls = tls.map(Tls::load).transpose().map_err(Why::Tls)?.map(Arc::new);
        let host = Host::start(host).await?;
        let listeners = bind(&listen, backlog, tls.as_ref())?;
        let followed = tls.clone().zip(watch);
        let renewer = Renewer::new(host.clone(), file, mode, tls);
        let admin = match admin {
            None => None,
            Some(address) => Some(
                Admin::start(address, host.clone(), renewer.clone())
                    .await
                    .map_err(|cause| Why::Admin { address, cause })?,
            ),
        };
        Ok(Self { listeners, host, renewer, admin, followed })
    }

    /// Loads everything that would be served, and listens nowhere.
    ///
    /// # Errors
    ///
    /// [`StartError`], as [`start`](Self::start) would give it.
    pub async fn check(config: Config) -> Result<Host, StartError> {
        config.tls.map(Tls::load).transpose().map_err(Why::Tls)?;
        Host::start(config.host).await
    }

    /// Where it listens.
    pub fn listening(&self) -> Vec<Listening> {
        let told = |(listener, door): &(Listener, Arc<Door>)| {
            let address = listener.address().clone();
            let configured = door.address.clone().unwrap_or_else(|| address.clone());
            let scheme = if door.tls.is_some() { Scheme::Https } else { Scheme::Http };
            Listening { address, configured, scheme }
        };
        self.listeners.iter().map(told).collect()
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
        let Self { listeners, host, admin, followed, .. } = self;
        let mut serving = JoinSet::new();
        for (listener, door) in listeners {
            let site = Arc::clone(&host.site);
            serving.spawn(door::accept(listener, door, site));
        }
        if let Some((tls, watch)) = followed {
            serving.spawn(certificates::follow(tls, watch));
        }
        if let Some(admin) = admin {
            serving.spawn(admin.serve());
        }
        stop.await;
        serving.shutdown().await;
        host.drain().await
    }
}

impl Listening {
    /// Whether clients find this resource here.
    pub fn has(&self, resource: &ResourceStatus) -> bool {
        resource.listen.as_ref().is_none_or(|address| *address == self.configured)
    }

    /// What a client connects to. A unix socket has no URL: it is told beside this one.
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "ws",
            Scheme::Https => "wss",
        };
        match &self.address {
            Address::Tcp(address) => format!("{scheme}://{address}{path}"),
            Address::Unix(_) | Address::Systemd => format!("{scheme}://localhost{path}"),
        }
    }
}

fn bind(
    all: &[Listen],
    backlog: u32,
    tls: Option<&Arc<Tls>>,
) -> Result<Vec<(Listener, Arc<Door>)>, Why> {
    let mut listeners = Vec::new();
    for listen in all {
        let door = Arc::new(Door {
            address: Some(listen.address.clone()),
            tls: tls.filter(|_| listen.encryption == Encryption::Tls).cloned(),
            scheme: match listen.encryption {
                Encryption::Tls | Encryption::Plain => Scheme::Http,
                Encryption::Terminated => Scheme::Https,
            },
            proxy_protocol: listen.proxy_protocol,
        });
        let bound = Listener::bind(listen, all, backlog)
            .map_err(|cause| Why::Listen { address: listen.address.clone(), cause })?;
        listeners.extend(bound.into_iter().map(|listener| (listener, Arc::clone(&door))));
    }
    Ok(listeners)
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

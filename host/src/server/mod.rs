//! The server: from listening sockets to connections, and to the end of them all.

mod admin;
mod embedding;
mod error;
#[cfg(test)]
mod grown_host;
mod host;
mod http;
#[cfg(test)]
mod known_tests;
mod listen;
mod permits;
mod reload_config;
mod response;
mod static_files;
mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use ws_host_protocol::handshake::Scheme;

use self::admin::Admin;
pub use self::error::StartError;
pub use self::host::request::Peer;
pub use self::host::{
    ClientStatus, ConfigureError, Configured, CustomAnswer, CustomError, CustomMessage, Host,
    NoResource, Recipient, ResourceStatus, Stopped, TaggedError,
};
use self::listen::{Endpoint, Listener, Tls, certificates};
pub use self::reload_config::{ConfigReload, ConfigReloadError, ConfigReloader};
pub use self::response::Body;
use crate::config::{self, Address, Config, Encryption, Listen};
use crate::watch::Watch;

/// A host that listens, and serves when it is run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(Listener, Arc<Endpoint>)>,
    host: Host,
    reloader: ConfigReloader,
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
    ///
    /// # Cancel safety
    ///
    /// What has started ends when the future is dropped.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, tls, backlog, admin, file, host } = config.checked()?;
        let mode = host.mode;
        // Before they are read: what changes meanwhile is told.
        let watch = match &tls {
            Some(tls) if host.watch == config::Watch::On && tls.files().next().is_some() => {
                Some(Watch::start(tls.files()).await)
            }
            _ => None,
        };
        let tls = tls.map(Tls::load).transpose()?.map(Arc::new);
        let host = Host::start(host).await?;
        let listeners = bind(&listen, backlog, tls.as_ref())?;
        let followed = tls.clone().zip(watch);
        let reloader = ConfigReloader::new(host.clone(), file, mode, tls);
        let admin = match admin {
            None => None,
            Some(address) => Some(
                Admin::start(address, host.clone(), reloader.clone())
                    .await
                    .map_err(|cause| StartError::Admin { address, cause })?,
            ),
        };
        Ok(Self { listeners, host, reloader, admin, followed })
    }

    /// Loads everything that would be served, and listens nowhere.
    ///
    /// # Errors
    ///
    /// [`StartError`], as [`start`](Self::start) would give it.
    ///
    /// # Cancel safety
    ///
    /// What has been loaded is dropped with the future.
    pub async fn check(config: Config) -> Result<Host, StartError> {
        let Config { tls, host, .. } = config.checked()?;
        tls.map(Tls::load).transpose()?;
        Host::start(host).await
    }

    /// Where it listens.
    pub fn listening(&self) -> Vec<Listening> {
        let told = |(listener, endpoint): &(Listener, Arc<Endpoint>)| {
            let address = listener.address().clone();
            let configured = endpoint.address.clone().unwrap_or_else(|| address.clone());
            let scheme = if endpoint.tls.is_some() { Scheme::Https } else { Scheme::Http };
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
    pub fn config_reloader(&self) -> ConfigReloader {
        self.reloader.clone()
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
        for (listener, endpoint) in listeners {
            let state = Arc::clone(&host.state);
            serving.spawn(listen::accept(listener, endpoint, state));
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
) -> Result<Vec<(Listener, Arc<Endpoint>)>, StartError> {
    let mut listeners = Vec::new();
    for listen in all {
        let endpoint = Arc::new(Endpoint {
            address: Some(listen.address.clone()),
            tls: tls.filter(|_| listen.encryption == Encryption::Tls).cloned(),
            scheme: match listen.encryption {
                Encryption::Tls | Encryption::Plain => Scheme::Http,
                Encryption::Terminated => Scheme::Https,
            },
            proxy_protocol: listen.proxy_protocol,
        });
        let bound = Listener::bind(listen, all, backlog)
            .map_err(|cause| StartError::Listen { address: listen.address.clone(), cause })?;
        listeners.extend(bound.into_iter().map(|listener| (listener, Arc::clone(&endpoint))));
    }
    Ok(listeners)
}

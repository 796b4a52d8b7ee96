//! The server: it starts a host, listens, and serves connections until it is stopped.

mod admin;
#[cfg(test)]
mod client_info_tests;
mod embedding;
mod error;
mod host;
mod http;
#[cfg(test)]
mod later_contract_tests;
mod listen;
mod permits;
#[cfg(test)]
mod relay_tests;
mod reload_config;
mod response;
mod sockets;
mod static_files;
mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use ws_host_protocol::handshake::Scheme;

use self::admin::{Admin, HealthAddress};
pub use self::error::StartError;
pub use self::host::request::Peer;
pub use self::host::{
    CheckedResource, ClientStatus, ConfigureError, Configured, CustomError, CustomMessage,
    CustomReply, Host, NoResource, Recipient, ResourceStatus, Stopped, TaggedError,
};
use self::listen::passed::{ADMIN, HEALTH, HandedOver, Opener};
pub use self::listen::passed::{PassedSocket, PassedSockets};
use self::listen::{Binding, Endpoint, Listener, Tls, certificates};
pub use self::reload_config::{ConfigReload, ConfigReloadError, ConfigReloader};
pub use self::response::Body;
pub use self::sockets::ListeningSockets;
use crate::config::{self, Address, Config, Encryption};
use crate::watch::Watch;

/// A host with its listeners. It serves clients once [`run`](Self::run) is called.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(Listener, Arc<Endpoint>)>,
    /// The address for other hosts.
    peers: Option<(Listener, Arc<Endpoint>)>,
    host: Host,
    reloader: ConfigReloader,
    admin: Option<Admin>,
    health: Option<HealthAddress>,
    /// The certificate, and the watch on its files. `None` if the files are not watched.
    watched_tls: Option<(Arc<Tls>, Watch)>,
    handed_over: HandedOver,
    opener: Opener,
}

/// An address on which a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listening {
    /// The address, with the port that the operating system chose if the configuration has port 0.
    pub address: Address,
    /// The address in the configuration.
    pub configured: Address,
    /// Whether the server speaks TLS at this address.
    pub scheme: Scheme,
}

impl Server {
    /// Starts the [`Host`] and listens. If one of the addresses is [`Address::Systemd`], takes the sockets that the
    /// service manager passes.
    ///
    /// Call this and [run](Self::run) inside a tokio runtime. That runtime serves the admin address. The host has
    /// threads of its own, the workers. They accept the connections and serve the clients. The runtime also accepts
    /// connections, but only while the accepting worker is busy. So a single-threaded runtime such as
    /// [`runtime`](crate::runtime) is enough.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops everything that it has started.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let is_passed = config.listen.iter().any(|listen| listen.address == Address::Systemd);
        let passed =
            if is_passed { PassedSockets::from_env() } else { Ok(PassedSockets::default()) };
        Self::start_on(passed.map_err(StartError::Sockets)?, config).await
    }

    /// Starts the [`Host`] and listens, as [`start`](Self::start) does. For an address that has an open socket in
    /// `passed`, uses that socket.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops everything that it has started.
    pub async fn start_on(mut passed: PassedSockets, config: Config) -> Result<Self, StartError> {
        let Config { listen, tls, backlog, admin, admin_token, health, file, written, mut host } =
            config.checked()?;
        let (mode, opener) = (host.mode, passed.opener());
        let peers = bind_for_peers(&mut host, backlog)?;
        // The watch starts before the files are read, so that it reports a change made while they are read.
        let watch = match &tls {
            Some(tls) if host.watch == config::Watch::On && tls.files().next().is_some() => {
                Some(Watch::start(tls.files()).await)
            }
            _ => None,
        };
        let tls = tls.map(Tls::load).transpose()?.map(Arc::new);
        let host = Host::start(host).await?;
        if let Some(tls) = &tls {
            // The host has just been started, so no other certificate was set.
            let _ = host.state.context.metrics.certificate_expiry.set(tls.expiry());
        }
        let handed_over = HandedOver::default();
        let binding =
            Binding { all: &listen, backlog, passed: &mut passed, handed_over: &handed_over };
        let listeners = bind(binding, tls.as_ref())?;
        let peers = peers.zip(host.state.relayed.peers().cloned());
        let peers = peers.map(|(listener, peers)| (listener, Arc::new(Endpoint::of_peers(peers))));
        let watched_tls = tls.clone().zip(watch);
        let admin_token = admin_token.map(|token| Arc::new(RwLock::new(token)));
        let file = file.map(|file| (file, written));
        let reloader = ConfigReloader::new(host.clone(), file, mode, tls, admin_token.clone());
        let admin = match admin {
            None => None,
            Some(address) => Some(
                sockets::tcp(ADMIN, address, &mut passed)
                    .and_then(|socket| {
                        Admin::new(socket, admin_token, host.clone(), reloader.clone())
                    })
                    .map_err(|cause| StartError::Admin { address, cause })?,
            ),
        };
        let health = match health {
            None => None,
            Some(address) => Some(
                sockets::tcp(HEALTH, address, &mut passed)
                    .and_then(|socket| HealthAddress::new(socket, host.clone()))
                    .map_err(|cause| StartError::Health { address, cause })?,
            ),
        };
        passed.finish().map_err(StartError::Sockets)?;
        Ok(Self {
            listeners,
            peers,
            host,
            reloader,
            admin,
            health,
            watched_tls,
            handed_over,
            opener,
        })
    }

    /// Loads everything that the server would serve, but serves nothing. A server that already runs with the same
    /// configuration is not disturbed: nothing listens, joins the cluster, fires timers, or opens the files of `grant`.
    ///
    /// # Errors
    ///
    /// [`StartError`], as from [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops everything that it has loaded.
    pub async fn check(config: Config) -> Result<Vec<CheckedResource>, StartError> {
        let Config { tls, host, .. } = config.checked()?;
        tls.map(Tls::load).transpose()?;
        host::check(host).await
    }

    /// Returns the addresses on which the server listens.
    pub fn listening(&self) -> Vec<Listening> {
        let listening = |(listener, endpoint): &(Listener, Arc<Endpoint>)| {
            let address = listener.address().clone();
            let configured = endpoint.address.clone().unwrap_or_else(|| address.clone());
            let scheme = if endpoint.tls.is_some() { Scheme::Https } else { Scheme::Http };
            Listening { address, configured, scheme }
        };
        self.listeners.iter().map(listening).collect()
    }

    /// Returns the admin address on which the server listens, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Returns the address on which the server listens for health checks, if there is one.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(HealthAddress::address)
    }

    /// Returns the host, through which resources and clients are managed while the server runs.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns a handle that reads the configuration and the components again while the server runs.
    pub fn config_reloader(&self) -> ConfigReloader {
        self.reloader.clone()
    }

    /// Returns the listening sockets, for a successor. The socket for other hosts of a cluster is not among them,
    /// because its connections are only for this host.
    ///
    /// # Errors
    ///
    /// No file descriptors are left.
    pub fn sockets(&self) -> std::io::Result<ListeningSockets> {
        ListeningSockets::of(self)
    }

    /// Serves until `stop` resolves. Then it stops accepting connections, closes every client with 1001, and waits
    /// until all clients have gone or the drain timeout expires. If there are many clients, the closes are spread over
    /// half of the drain timeout.
    ///
    /// If a successor has [taken over](ListeningSockets::hand_over) the sockets, or if another process passed them to
    /// this server, the connections that this server has accepted get some time to become clients: the handshake
    /// timeout. After that, the clients are closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections continue until the runtime ends.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Stopped {
        let Self {
            listeners, peers, host, admin, health, watched_tls, handed_over, opener, ..
        } = self;
        let mut serving = JoinSet::new();
        // The address for other hosts closes together with the addresses for clients. If an edge and an owner stop at
        // the same time, the owner's address may already be closed when the edge asks the owner to close the edge's
        // clients. The owner closes them anyway.
        for (listener, endpoint) in listeners.into_iter().chain(peers) {
            let state = Arc::clone(&host.state);
            serving.spawn(listen::accept(listener, endpoint, state));
        }
        if let Some((tls, watch)) = watched_tls {
            serving.spawn(certificates::reload_on_change(tls, watch));
        }
        if let Some(admin) = admin {
            serving.spawn(admin.serve());
        }
        // Load balancers should learn that the server is stopping, so health checks are answered until the end.
        let mut health = health.map(|health| AbortOnDropHandle::new(tokio::spawn(health.serve())));
        stop.await;
        serving.shutdown().await;
        if handed_over.is_set() {
            // The successor answers health checks from now on.
            drop(health.take());
        }
        if handed_over.is_set() || opener == Opener::AnotherProcess {
            // A client that connects now waits for the next process, which will serve it. A client that connected a
            // moment ago must not be refused either.
            host.state.finish_handshakes().await;
        }
        host.drain().await
    }
}

impl Listening {
    /// Returns whether a resource is served at this address.
    pub fn has(&self, resource: &ResourceStatus) -> bool {
        resource.listen.as_ref().is_none_or(|address| *address == self.configured)
    }

    /// Returns the URL for clients. A URL cannot name a unix socket, so for a unix socket the URL has the host
    /// `localhost`, and the client also needs the path of the socket.
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
    mut binding: Binding<'_>,
    tls: Option<&Arc<Tls>>,
) -> Result<Vec<(Listener, Arc<Endpoint>)>, StartError> {
    let mut listeners = Vec::new();
    for listen in binding.all {
        let endpoint = Arc::new(Endpoint {
            address: Some(listen.address.clone()),
            tls: tls.filter(|_| listen.encryption == Encryption::Tls).cloned(),
            scheme: match listen.encryption {
                Encryption::Tls | Encryption::Plain => Scheme::Http,
                Encryption::Terminated => Scheme::Https,
            },
            proxy_protocol: listen.proxy_protocol,
            peers: None,
        });
        let bound = binding
            .bind(listen)
            .map_err(|cause| StartError::Listen { address: listen.address.clone(), cause })?;
        listeners.extend(bound.into_iter().map(|listener| (listener, Arc::clone(&endpoint))));
    }
    Ok(listeners)
}

/// Listens for other hosts. This must happen before the host starts, because the host publishes the port of this
/// listener.
fn bind_for_peers(
    host: &mut config::HostConfig,
    backlog: u32,
) -> Result<Option<Listener>, StartError> {
    let Some(cluster) = &mut host.cluster else { return Ok(None) };
    let lease = cluster.peers.as_ref().map(|peers| peers.lease);
    let (Some(peers), Some(lease)) = (&mut cluster.peers, lease) else { return Ok(None) };
    let address = Address::Tcp(peers.listen);
    let listener = Listener::for_peers(peers.listen, backlog, lease)
        .map_err(|cause| StartError::Listen { address, cause })?;
    if let (None, Address::Tcp(bound)) = (&peers.advertise, listener.address()) {
        peers.advertise = Some(bound.to_string());
    }
    Ok(Some(listener))
}

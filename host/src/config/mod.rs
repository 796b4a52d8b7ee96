//! The configuration.
//!
//! An embedding program creates settings with their defaults, and changes only those that it needs to change. Settings
//! that are added in later versions do not affect such a program:
//!
//! ```
//! use std::time::Duration;
//! use ws_host::config::{self, ResourceConfig};
//!
//! # fn main() -> Result<(), config::PatternError> {
//! let mut chat = ResourceConfig::new("/chat", "chat.wasm")?;
//! chat.limits.max_message = 64 << 10;
//! chat.timeouts.idle = Some(Duration::from_secs(30));
//! let mut host = config::HostConfig::new(vec![chat]);
//! host.limits.max_clients = 500;
//! # Ok(())
//! # }
//! ```
//!
//! Settings are checked when they are used, by [`Host::start`](crate::Host::start),
//! [`Server::start`](crate::Server::start) and [`Host::configure`](crate::Host::configure). Settings from a file or the
//! command line pass the same checks. The error for an invalid setting is [`InvalidSetting`]. It contains the key of
//! the setting, as it is called in a configuration file. Times of more than ten years are shortened to ten years.

mod address;
mod admin_token;
mod check;
mod cluster;
mod defaults;
mod file;
mod listen;
mod memory;
pub mod schema;
mod traces;
mod value_error;
mod written;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use ws_host_protocol::Deflate;
use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::{Origins, Versions};

pub use self::address::{Address, InvalidAddress};
pub use self::admin_token::{AdminToken, InvalidAdminToken};
pub(crate) use self::check::checked_resources;
#[cfg(feature = "testing")]
pub(crate) use self::check::default_cache;
pub use self::check::{ConfigLocation, InvalidSetting};
pub use self::cluster::{Cluster, Peers, UniqueIn, WithoutBroker};
pub use self::file::{FileError, read, read_settings, read_with};
#[cfg(feature = "testing")]
pub(crate) use self::file::{line, suggestion, with_suggestion};
pub use self::listen::{
    Certificate, ClientCertificates, Encryption, Listen, Need, ProxyProtocol, Tls,
};
pub use self::traces::{Endpoint, InvalidEndpoint, Traces};
pub(crate) use self::written::WrittenSettings;
pub use crate::grant::{Folder, Grant, HttpServer, InvalidGrant, Reach};
pub use crate::pattern::{Pattern, PatternError};

/// The configuration of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The addresses to listen on.
    pub listen: Vec<Listen>,
    /// The server's certificate, for the addresses with TLS.
    pub tls: Option<Tls>,
    /// The number of connections that may wait in the kernel's queue until they are accepted.
    pub backlog: u32,
    /// The admin address. Without a token, it must be a loopback address, because everybody who can connect to it may
    /// manage the server.
    pub admin: Option<SocketAddr>,
    /// The token that every request to the admin address must contain.
    pub admin_token: Option<AdminToken>,
    /// An address that answers health checks, and nothing else.
    pub health: Option<SocketAddr>,
    /// The file that the configuration was read from. A configuration reload reads it again.
    pub file: Option<PathBuf>,
    /// What that file says about the server.
    pub(crate) written: WrittenSettings,
    /// The host.
    pub host: HostConfig,
}

/// The configuration of a host. It does not depend on which program accepts the connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostConfig {
    /// The resources. Their names and paths must differ.
    pub resources: Vec<ResourceConfig>,
    /// The maximum number of threads that serve clients, in addition to the thread on which the host is started. The
    /// first of them is started with the host. Each further thread is started when there is work for it.
    pub workers: NonZeroUsize,
    /// The folder for compiled components. No other user may be able to write to it, because its files are run as
    /// native code.
    pub cache: Option<PathBuf>,
    /// How components are compiled.
    pub compile: Compile,
    /// Whether components are loaded again when their files change.
    pub watch: Watch,
    /// Whether the log has a line for each client whose connection ends, and for each handshake that is refused.
    pub access_log: AccessLog,
    /// Whether details of a handler's faults are logged and sent to its clients.
    pub mode: Mode,
    /// The protocol versions that clients may speak.
    pub versions: Versions,
    /// The proxies that are trusted to describe their clients.
    pub trusted_proxies: Vec<IpNet>,
    /// The headers in which trusted proxies describe their clients.
    pub forwarded_by: Convention,
    /// The folder of files to serve for ordinary HTTP requests.
    pub static_files: Option<StaticFiles>,
    /// The policy file to send to a Flash player that requests one on the same port.
    pub flash_policy: Option<Vec<u8>>,
    /// The cluster whose hosts exchange topic messages with this host. `None`: this host is not in a cluster. A cluster
    /// needs the cargo feature `nats`.
    pub cluster: Option<Cluster>,
    /// The collector to which spans for handshakes and events are sent. `None`: there are no traces. Traces need the
    /// cargo feature `otlp`.
    pub traces: Option<Traces>,
    /// The limits on sizes and numbers.
    pub limits: HostLimits,
    /// The timeouts.
    pub timeouts: HostTimeouts,
}

/// How components are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compile {
    /// The program that compiles a component, in a separate process with the limits below. It must call
    /// [`run_as_compiler`](crate::run_as_compiler) first, and must be of the same build as this program. Usually it is
    /// this program: `/proc/self/exe`. `None`: components are compiled in this process, without limits. A component of
    /// 2 MB can take more than 8 GiB of memory.
    pub program: Option<PathBuf>,
    /// The maximum memory that compiling a component may take, in bytes.
    pub max_memory: usize,
    /// The maximum time that compiling a component may take.
    pub timeout: Duration,
}

/// Whether there is an access log: events of `tracing` with the target `access` and the level `info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// No lines.
    #[default]
    Off,
    /// A line for each client when its connection ends, and for each handshake that is refused.
    On,
}

/// A folder of files for ordinary HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaticFiles {
    /// The folder. It may be a symbolic link that changes while the server runs.
    pub folder: PathBuf,
    /// Which symbolic links in the folder are followed.
    pub links: Links,
}

/// Which symbolic links in a folder of files are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// Links to files inside the folder.
    #[default]
    Inside,
    /// All links.
    Anywhere,
}

/// The configuration of a resource: its paths, its component and its settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResourceConfig {
    /// The name, which is used in the admin address, the log and the metrics.
    pub name: Arc<str>,
    /// The path, or a path pattern.
    pub path: Pattern,
    /// The address that serves the resource. `None`: all addresses of the server.
    pub listen: Option<Address>,
    /// The file of the handler's component.
    pub component: PathBuf,
    /// The environment variables of the handler.
    pub environment: Vec<(String, String)>,
    /// What the handler may use outside its sandbox.
    pub grants: Vec<Grant>,
    /// The values that a handler reads through `wasi:config/store`. They need [`Grant::Config`].
    pub config: BTreeMap<String, String>,
    /// The limits on the handler's HTTP requests, which need a [`Grant::Http`]. [`HttpLimits::connect`] and
    /// [`HttpLimits::first_byte`] also apply when the handler opens a WebSocket, which needs a [`Grant::WebSocket`].
    pub http: HttpLimits,
    /// The limits on the handler's key-value store, which needs a [`Grant::Keyvalue`]. They also apply to the file of
    /// durable timers, which needs a [`Grant::Timers`].
    pub keyvalue: KeyvalueLimits,
    /// Which clients share an instance.
    pub instance_per: InstancePer,
    /// The scope in which a path has at most one instance. [`UniqueIn::Cluster`] needs [`InstancePer::Path`] and
    /// [`Cluster::peers`].
    pub unique_in: UniqueIn,
    /// The minimum time between two saves of an instance's state. The next host that owns the instance's path takes
    /// over the saved state. Needs [`UniqueIn::Cluster`], and cannot be combined with [`Timeouts::checkpoint`]. `None`:
    /// the state is lost when its host ends.
    pub save_every: Option<Duration>,
    /// The origins of web pages that may connect.
    pub origins: Origins,
    /// The subprotocols from which the host chooses if the handler chooses none. The host chooses the first one in the
    /// client's list that is also in this list.
    pub subprotocols: Vec<String>,
    /// Headers that are added to the response to a handshake, in addition to those of the handler.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Text messages that the host answers itself, without the handler.
    pub auto_answers: Vec<AutoAnswer>,
    /// What happens to a client when one of its events fails.
    pub on_fault: OnFault,
    /// What happens to a client when its outbound buffer has no room for a message.
    pub on_full: OnFull,
    /// How messages are compressed for clients that offer permessage-deflate. `None`: they are not compressed. With
    /// context takeover, each connection takes additional memory. [`deflate`](ws_host_protocol::deflate) says how much.
    pub compression: Option<Deflate>,
    /// The trial of new code after a reload. `None`: there is no trial.
    pub trial: Option<Trial>,
    /// The limits on sizes and numbers.
    pub limits: ResourceLimits,
    /// The timeouts.
    pub timeouts: Timeouts,
}

/// The trial of new code after a reload. During the trial, the host keeps the old code, and also the state that each
/// instance handed over at the reload. If the new code fails during the trial, every instance returns to the old code
/// and to the state that it handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// The duration of the trial.
    pub time: Duration,
    /// The share of the instances that get the new code at first, in percent. The other instances get it when the trial
    /// ends.
    pub canary: u8,
}

/// Which clients share an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstancePer {
    /// All clients of the resource share one instance. With several instances, the clients are distributed over them.
    Resource {
        /// The number of instances.
        instances: NonZeroUsize,
    },
    /// Clients that request the same path share one instance.
    Path,
    /// Clients do not share instances: each client has its own.
    Client,
}

/// Whether files are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Watch {
    /// A file that changes is read again at once.
    On,
    /// Files are read again only on request.
    Off,
}

/// Whether the host serves the public or the developer of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Production. A close reason says that the handler failed, but not why.
    Production,
    /// Development. The log has the handler's backtraces, and the close reason says why the handler failed.
    Development,
}

/// What happens to a client when one of its events fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFault {
    /// The client is closed with 1011, because messages that it sent may be lost.
    Close,
    /// The client stays connected, and the message is lost.
    DropMessage,
}

/// What happens to a client when its outbound buffer has no room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFull {
    /// The client stays connected and misses the message. The handler gets an error.
    Drop,
    /// The client is closed with 1008, so that it never misses a message without noticing. If the host's memory for
    /// buffered data is full ([`HostLimits::max_buffered`]), the client is closed with 1013.
    Close,
}

/// A text message that the host answers itself, as long as the client's outbound buffer has room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutoAnswer {
    /// The whole message.
    pub request: String,
    /// The whole answer.
    pub answer: String,
}

impl AutoAnswer {
    /// Creates an automatic answer to a message.
    pub fn new(request: impl Into<String>, answer: impl Into<String>) -> Self {
        Self { request: request.into(), answer: answer.into() }
    }
}

/// Limits of a host, and what happens when they are exceeded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HostLimits {
    /// Open WebSocket connections of all resources. If exceeded: 503.
    pub max_clients: usize,
    /// Headers of a handshake. If exceeded: 431. The setting may be at most 10,000.
    pub max_headers: usize,
    /// Bytes of a request line with its headers. If exceeded: 431. The setting must be at least [`MIN_HEADER_SIZE`].
    pub max_header_size: usize,
    /// Bytes that are buffered for all clients together: data to be written to them, their messages that are not
    /// handled yet, and the states of hibernated instances. A single client may use no more bytes than are still free.
    /// If data to be written to a client needs more, sends to that client return `full`, and its input is not read. If
    /// a client's own messages need more, that client is closed with 1013. If nearly all of these bytes stay in use,
    /// the clients that use the most memory are closed with 1013. Once half of the bytes are in use, instances do not
    /// hibernate. The default is a quarter of the available memory.
    pub max_buffered: usize,
    /// Concurrent WebSockets on one HTTP/2 connection. If exceeded: 503. In addition, there is room for 100 concurrent
    /// requests. Any further requests wait.
    pub max_http2_streams: u32,
}

/// Timeouts of a host, and what happens when they expire.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HostTimeouts {
    /// The limit on the time from accepting a connection until its handshake gets a response. That time includes the
    /// handler's `connected`. If the limit is exceeded, the connection is dropped. If the handler takes too long, the
    /// client gets a 503 instead.
    pub handshake: Duration,
    /// The time from the stop signal to the deadline by which all clients must be gone.
    pub drain: Duration,
}

/// Limits of a resource, and what happens when they are exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceLimits {
    /// Open WebSocket connections. If exceeded: 503.
    pub max_clients: usize,
    /// Bytes of a message from a client, over all its fragments. If exceeded: 1009.
    pub max_message: usize,
    /// Bytes that wait to be written to one client. Beyond this limit, the handler's sends return `full`. Once half of
    /// the limit is in use, the client's input is not read. The setting must be at least twice `max_message`, so that
    /// there is always room for a reply that is as long as the message.
    pub max_outbound: usize,
    /// Bytes per second that a client must read while data waits to be written to it, averaged over [`Timeouts::idle`].
    /// If the client is slower: the connection is dropped.
    pub min_rate: usize,
    /// Bytes of linear memories and tables of one instance. If exceeded: a trap.
    pub max_memory: usize,
    /// CPU time of one event. If exceeded: a trap.
    pub max_cpu: Duration,
    /// Time of one event, including the time that it waits. If exceeded: a trap.
    pub max_time: Duration,
    /// Instances in memory. If exceeded: 503 for a new client. A connected client gets 1013, unless `on_fault` is
    /// [`OnFault::DropMessage`].
    pub max_instances: usize,
    /// Bytes of state that an instance hands to its successor. If exceeded: the state is discarded.
    pub max_state: usize,
    /// Bytes per second that all instances together may print to the log. If exceeded: lines are omitted.
    pub max_log: usize,
}

/// Limits on each HTTP request of a handler, and what happens when they are exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// The time from the lookup of the server's name until a request can be sent. If it expires: `connection-timeout`.
    pub connect: Duration,
    /// The time from the moment when the request can be sent until the head of the response is complete. If it expires:
    /// `connection-read-timeout`.
    pub first_byte: Duration,
    /// How long a handler waits for more of a response. If it expires: `connection-read-timeout`.
    pub between_bytes: Duration,
    /// Bytes of the body of a response. If exceeded: `HTTP-response-body-size`.
    pub max_response: u64,
}

/// Limits on a key-value store. They apply to everything in the store's file, including what other resources wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyvalueLimits {
    /// Bytes of all entries: their keys, values and bucket names. If exceeded: the error `full`.
    pub max_size: u64,
    /// Keys. If exceeded: the error `full`.
    pub max_keys: u64,
}

/// Timeouts of a resource, and what happens when they expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The time from writing the host's close frame to receiving the client's. If it expires, the connection is
    /// dropped.
    pub close: Duration,
    /// The idle timeout. A client that has been silent for half of it is pinged. A client that has been silent for all
    /// of it is dropped. While data waits to be written to a client, the client's reading rate is checked instead
    /// ([`ResourceLimits::min_rate`]). `None`: a client may be silent forever.
    pub idle: Option<Duration>,
    /// The time without events after which an instance hibernates. The instance is freed, and only its state is kept
    /// until the next event. `None`: the instance stays in memory.
    pub hibernate_after: Option<Duration>,
    /// The minimum time between two checkpoints of an instance. A checkpoint is made after events, and restored after a
    /// trap. `None`: there are no checkpoints.
    pub checkpoint: Option<Duration>,
}

/// The smallest header buffer that hyper supports, in bytes.
pub const MIN_HEADER_SIZE: usize = 8 << 10;

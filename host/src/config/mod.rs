//! Settings.
//!
//! Another program makes them with their defaults and changes what it wants otherwise, so that a setting that is added
//! later changes nothing for it:
//!
//! ```
//! use std::time::Duration;
//! use ws_host::config::{self, Resource};
//!
//! # fn main() -> Result<(), config::PatternError> {
//! let mut chat = Resource::new("/chat", "chat.wasm")?;
//! chat.limits.max_message = 64 << 10;
//! chat.timeouts.idle = Some(Duration::from_secs(30));
//! let mut host = config::Host::new(vec![chat]);
//! host.limits.max_clients = 500;
//! # Ok(())
//! # }
//! ```
//!
//! They are checked when they are used: by [`Host::start`](crate::Host::start), [`Server::start`](crate::Server::start)
//! and [`Host::configure`](crate::Host::configure), as those of a file or the command line are. What cannot be is a
//! [`Wrong`], which names the key that the setting has in a file. Times of more than ten years are ten years.

mod address;
mod check;
mod defaults;
mod file;
mod listen;
mod memory;
pub mod schema;

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
pub(crate) use self::check::checked_resources;
pub use self::check::{ConfigLocation, InvalidSetting};
pub use self::file::{FileError, read};
pub use self::listen::{
    Certificate, ClientCertificates, Encryption, Listen, Need, ProxyProtocol, Tls,
};
pub use crate::pattern::{Pattern, PatternError};

/// A server: what it serves, and where.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// The server's certificate, for the addresses where TLS is spoken.
    pub tls: Option<Tls>,
    /// How many connections may wait in the system until they are accepted.
    pub backlog: u32,
    /// Where whoever runs the server manages it. It asks nobody who they are: only this machine should
    /// reach it.
    pub admin: Option<SocketAddr>,
    /// The file that this was read from: a reload reads it again.
    pub file: Option<PathBuf>,
    /// What is served.
    pub host: Host,
}

/// What is served, whoever accepts the connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Host {
    /// The resources, each with a name and paths of its own.
    pub resources: Vec<Resource>,
    /// Threads that serve clients at most, beside the one that the host is started on. The first is started with
    /// the host, the others when there is work for them.
    pub workers: NonZeroUsize,
    /// Where compiled components are kept. Nobody else may be able to write there: what is found
    /// there is run as native code.
    pub cache: Option<PathBuf>,
    /// Whether components are loaded again when their files change.
    pub watch: Watch,
    /// How much of what goes wrong in handlers is told, and to whom.
    pub mode: Mode,
    /// Versions of the protocol that clients may speak.
    pub versions: Versions,
    /// Who is believed what they tell of their clients.
    pub trusted_proxies: Vec<IpNet>,
    /// In which headers they tell it.
    pub forwarded_by: Convention,
    /// A folder of files for ordinary HTTP requests.
    pub static_files: Option<StaticFiles>,
    /// What a Flash player is told that asks for a policy on the same port.
    pub flash_policy: Option<Vec<u8>>,
    /// Sizes and numbers.
    pub limits: HostLimits,
    /// Times.
    pub timeouts: HostTimeouts,
}

/// A folder of files for ordinary HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaticFiles {
    /// Where they are. It may be a link that is switched while the server runs.
    pub folder: PathBuf,
    /// Which links in it are followed.
    pub links: Links,
}

/// Which symbolic links in a folder of files are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// Those to what lies in the folder too.
    #[default]
    Inside,
    /// All.
    Anywhere,
}

/// What clients ask for by path: a component, and how it is served.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resource {
    /// By which it is managed, logged and counted.
    pub name: Arc<str>,
    /// Its paths.
    pub path: Pattern,
    /// The address at which it is served; `None`: at all of the server.
    pub listen: Option<Address>,
    /// The file of the component that handles it.
    pub component: PathBuf,
    /// What the component sees as its environment.
    pub environment: Vec<(String, String)>,
    /// Which clients share an instance.
    pub instance_per: InstancePer,
    /// Web pages that may connect.
    pub origins: Origins,
    /// Subprotocols that the host chooses from, if the handler chooses none: the first that the client
    /// offers.
    pub subprotocols: Vec<String>,
    /// Headers of the answer to a handshake, beside those of the handler.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Text messages that the host answers itself, without the handler.
    pub auto_answers: Vec<AutoAnswer>,
    /// What becomes of the client in whose event a handler fails.
    pub on_fault: OnFault,
    /// What becomes of a client to which a message cannot be sent, as its outbound buffer is full.
    pub on_full: OnFull,
    /// How messages are compressed with clients that offer permessage-deflate. `None`: they are not.
    /// With context takeover each connection holds memory: [`deflate`](ws_host_protocol::deflate) tells
    /// how much.
    pub compression: Option<Deflate>,
    /// What becomes of a reload whose code fails.
    pub trial: Option<Trial>,
    /// Sizes and numbers.
    pub limits: Limits,
    /// Times.
    pub timeouts: Timeouts,
}

/// For some time after a reload the code from before it is kept, and for each instance the state that was
/// handed over. If the new code fails in that time, every instance returns to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// For how long.
    pub time: Duration,
    /// Which share of the instances gets the new code at first, in percent. The others get it when the time
    /// is over.
    pub canary: u8,
}

/// Which clients share an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstancePer {
    /// All of the resource, or those that fall to each of so many instances.
    Resource {
        /// How many there are.
        instances: NonZeroUsize,
    },
    /// Those that ask for the same path.
    Path,
    /// None: each has its own.
    Client,
}

/// Whether a file is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Watch {
    /// A change is followed.
    On,
    /// Only who asks is answered.
    Off,
}

/// For whom the host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// For clients: they hear that a handler failed, and not why.
    Production,
    /// For who writes the handler: the log has its backtraces, and the close reason its last words.
    Development,
}

/// What becomes of the client in whose event a handler fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFault {
    /// It is closed with 1011: what it sent may be lost.
    Close,
    /// It stays connected, and the message is lost.
    DropMessage,
}

/// What becomes of a client to which a message of the handler cannot be sent, as its outbound buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// It stays connected. The handler is told that this client missed the message.
    Drop,
    /// It is closed with 1008, so that it never misses a message without knowing; with 1013, if it is the memory of the
    /// host that is full ([`HostLimits::max_buffered`]).
    Close,
}

/// A text message that the host answers itself, as long as there is room in the client's outbound
/// buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoAnswer {
    /// The whole message.
    pub request: String,
    /// The whole answer.
    pub answer: String,
}

/// Sizes and numbers of a host, each with an outcome when it is reached.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HostLimits {
    /// Open WebSocket connections of all resources. More: 503.
    pub max_clients: usize,
    /// Headers of a handshake, at most 10,000. More: 431.
    pub max_headers: usize,
    /// Octets of a request line with its headers, at least [`MIN_HEADER_SIZE`]. More: 431.
    pub max_header_size: usize,
    /// Octets that wait for all clients together: to be written to them, of their messages that are not
    /// handled yet, and as state of instances that sleep. No client may have more than is still free: its handler's
    /// send answers `full` and it is not read, and one whose own messages need more is closed with 1013. If
    /// nearly all stays in use, the clients that hold the most are closed with 1013. With half of it in use,
    /// instances stay in memory. By default a quarter of the memory that there is.
    pub max_buffered: usize,
    /// WebSockets at a time on one HTTP/2 connection. More: 503. Beside them there is room for 100 requests
    /// at a time; who wants more waits.
    pub max_http2_streams: u32,
}

/// Times of a host, each with an outcome when it is over.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HostTimeouts {
    /// From accepting a connection to the answer of its handshake, `connected` included. Over: the
    /// connection is dropped, or gets 503 when it is the handler that takes so long.
    pub handshake: Duration,
    /// From the signal to stop until all clients must be gone.
    pub drain: Duration,
}

/// Sizes and numbers of a resource, each with an outcome when it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Open WebSocket connections. More: 503.
    pub max_clients: usize,
    /// Octets of a message from a client, however fragmented. More: 1009.
    pub max_message: usize,
    /// Octets that wait to be written to one client. More: the handler's send answers `full`. From
    /// half of it on, the client is not read. At least twice `max_message`, so that an answer as
    /// long as the message always finds room.
    pub max_outbound: usize,
    /// Octets a second that a client takes of what waits to be written to it, over each
    /// [`Timeouts::idle`]. Fewer: the connection is dropped.
    pub min_rate: usize,
    /// Octets of linear memories and tables of one instance. More: a trap.
    pub max_memory: usize,
    /// CPU time of one event. More: a trap.
    pub max_cpu: Duration,
    /// Time of one event, waiting included. More: a trap.
    pub max_time: Duration,
    /// Instances in memory. More: 503 for a client that connects, 1013 for one that is there.
    pub max_instances: usize,
    /// Octets of state that an instance hands to its successor. More: it is not kept.
    pub max_state: usize,
    /// Octets that all instances together may print to the log in a second. More: lines are left out.
    pub max_log: usize,
}

/// Times of a resource, each with an outcome when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From our close frame, when it has been written, to the client's. Over: the connection is dropped.
    pub close: Duration,
    /// A client of which nothing came for half of this gets a ping; when nothing has come for all of
    /// it, it is dropped. While output waits for it, what counts is that it takes it
    /// ([`Limits::min_rate`]). `None`: a client may be silent for ever.
    pub idle: Option<Duration>,
    /// An instance that had no event for this long gives up its state and is freed until the next
    /// one. `None`: it stays in memory.
    pub hibernate_after: Option<Duration>,
    /// How often, after events, an instance gives its state at most, to be resumed with after a trap.
    /// `None`: after a trap there is none.
    pub checkpoint: Option<Duration>,
}

/// The smallest buffer that the HTTP library takes for headers.
pub const MIN_HEADER_SIZE: usize = 8 << 10;

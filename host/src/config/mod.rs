//! Settings, checked once. Whoever holds a [`Config`] need not doubt it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ws_host_protocol::handshake::Origins;

pub use crate::pattern::{Pattern, PatternError};

/// What a server serves, where, and within which limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file of the component that handles the resource.
    pub component: PathBuf,
    /// The address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where whoever runs the server reloads and reads its counters. It asks nobody who they are:
    /// only this machine should reach it.
    pub admin: Option<SocketAddr>,
    /// The paths of the resource.
    pub path: Pattern,
    /// Which clients share an instance.
    pub instance_per: InstancePer,
    /// Threads that serve clients at most; the first is the one that the server is run on.
    pub workers: NonZeroUsize,
    /// Whether the component is loaded again when its file changes.
    pub watch: Watch,
    /// Text messages that the host answers itself, without the handler.
    pub auto_answers: Vec<AutoAnswer>,
    /// A folder of files for ordinary HTTP requests.
    pub static_files: Option<PathBuf>,
    /// Web pages that may connect.
    pub origins: Origins,
    /// Where compiled components are kept. Nobody else may be able to write there: what is found
    /// there is run as native code.
    pub cache: Option<PathBuf>,
    /// Sizes and numbers.
    pub limits: Limits,
    /// Times.
    pub timeouts: Timeouts,
}

/// Which clients share an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub enum Watch {
    /// A change is followed.
    On,
    /// Only who asks is answered.
    Off,
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

/// Sizes and numbers, each with an outcome when it is reached.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open WebSocket connections. More: 503.
    pub max_clients: usize,
    /// Octets of a message from a client, however fragmented. More: 1009.
    pub max_message: usize,
    /// Octets that wait to be written to one client. More: the handler's send answers `full`. From
    /// half of it on, the client is not read. At least twice `max_message`, so that an answer as
    /// long as the message always finds room.
    pub max_outbound: usize,
    /// Headers of a handshake. More: 431.
    pub max_headers: usize,
    /// Octets of a request line with its headers, at least 8 KiB. More: 431.
    pub max_header_size: usize,
    /// Octets of linear memory of one instance. More: a trap.
    pub max_memory: usize,
    /// CPU time of one event. More: a trap.
    pub max_cpu: Duration,
    /// Time of one event, waiting included. More: a trap.
    pub max_time: Duration,
    /// Instances in memory. More: 503 for a client that connects, 1013 for one that is there.
    pub max_instances: usize,
    /// Octets of state that an instance hands to its successor. More: it is not kept.
    pub max_state: usize,
}

/// Times, each with an outcome when it is over.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From accepting a connection to the answer of its handshake, `connected` included. Over: the
    /// connection is dropped, or gets 503 when it is the handler that takes so long.
    pub handshake: Duration,
    /// From our close frame to the client's. Over: the connection is dropped.
    pub close: Duration,
    /// A client of which nothing came for half of this gets a ping; when nothing has come for all of
    /// it, it is dropped. `None`: a client may be silent for ever.
    pub idle: Option<Duration>,
    /// From the signal to stop until all clients must be gone.
    pub drain: Duration,
    /// An instance that had no event for this long gives up its state and is freed until the next
    /// one. `None`: it stays in memory.
    pub hibernate_after: Option<Duration>,
}

/// The smallest buffer that the HTTP library takes for headers.
pub const MIN_HEADER_SIZE: usize = 8 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_clients: 10_000,
            max_message: 1 << 20,
            max_outbound: 2 << 20,
            max_headers: 100,
            max_header_size: 16 << 10,
            max_memory: 64 << 20,
            max_cpu: Duration::from_secs(1),
            max_time: Duration::from_secs(60),
            max_instances: 10_000,
            max_state: 1 << 20,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            close: Duration::from_secs(5),
            idle: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(10),
            hibernate_after: Some(Duration::from_secs(60)),
        }
    }
}

//! Listening sockets that another process opened: the service manager, or the predecessor of this process.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use socket2::SockRef;

use crate::config::{Address, Listen};

/// The name of the admin address's socket.
pub(in crate::server) const ADMIN: &str = "admin";

/// The name of the socket for health checks.
pub(in crate::server) const HEALTH: &str = "health";

/// A listening socket and its name. The name tells the receiving process the purpose of the socket.
#[derive(Debug)]
#[non_exhaustive]
pub struct PassedSocket {
    /// The name of the socket. For a systemd socket, this is the `FileDescriptorName=` of the socket unit.
    pub name: String,
    /// The socket.
    pub descriptor: OwnedFd,
}

/// Listening sockets that a server takes over instead of opening its own.
#[derive(Debug)]
pub struct PassedSockets {
    sockets: Vec<PassedSocket>,
    passed_by: PassedBy,
}

/// Who passed the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PassedBy {
    /// The service manager. It does not know this program's settings, so it may pass a socket that no setting uses.
    /// This is an error, because connections to such a socket would wait forever.
    ServiceManager,
    /// Another process of this program, whose configuration may have been different.
    Predecessor,
}

/// Who opened the listening sockets of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Opener {
    ThisProcess,
    /// The sockets stay open when this process ends, and the next process accepts the connections in their queues.
    AnotherProcess,
}

/// Whether a successor has taken over the sockets. All clones share this flag.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct HandedOver(Arc<AtomicBool>);

impl HandedOver {
    pub(in crate::server) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(in crate::server) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl PassedSocket {
    /// Gives a socket a name.
    pub fn new(name: impl Into<String>, descriptor: OwnedFd) -> Self {
        Self { name: name.into(), descriptor }
    }
}

impl Default for PassedSockets {
    fn default() -> Self {
        Self { sockets: Vec::new(), passed_by: PassedBy::ServiceManager }
    }
}

impl PassedSockets {
    /// Takes the sockets that the service manager passes (`LISTEN_FDS`). Only the first call in a process gets them.
    ///
    /// # Errors
    ///
    /// One of the descriptors is not a listening TCP or unix stream socket. The message says what to do.
    pub fn from_env() -> Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let count = passed.len();
        let socket = |place| {
            let name = names.next().unwrap_or_default();
            let descriptor = stream_socket(&mut passed, place).map_err(|cause| {
                let why = format!(
                    "the socket {name:?} is not a TCP or unix stream socket ({cause}): use \
                     ListenStream= in the socket unit"
                );
                Error::new(ErrorKind::InvalidInput, why)
            })?;
            if !socket_acceptconn(&descriptor)? {
                let why = format!(
                    "the socket {name:?} does not listen: remove Accept=yes from the socket unit"
                );
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
            Ok(PassedSocket::new(name, descriptor))
        };
        let sockets = (0..count).map(socket).collect::<Result<_>>()?;
        Ok(Self { sockets, passed_by: PassedBy::ServiceManager })
    }

    /// Takes over the [sockets](crate::Server::sockets) of another server. Sockets that the configuration no longer
    /// mentions are closed.
    pub fn from_predecessor(sockets: Vec<PassedSocket>) -> Self {
        Self { sockets, passed_by: PassedBy::Predecessor }
    }

    pub(in crate::server) fn opener(&self) -> Opener {
        if self.sockets.is_empty() { Opener::ThisProcess } else { Opener::AnotherProcess }
    }

    /// Takes the sockets that were passed for `listen`. `all` contains all addresses to which clients can connect,
    /// including `listen`.
    pub(super) fn take_for(&mut self, listen: &Listen, all: &[Listen]) -> Vec<OwnedFd> {
        let is_systemd = listen.address == Address::Systemd;
        let name = listener_name(&listen.address);
        let mut taken = Vec::new();
        let mut place = 0;
        while place < self.sockets.len() && (is_systemd || taken.is_empty()) {
            let socket = &self.sockets[place];
            let is_wanted = match self.passed_by {
                PassedBy::Predecessor => socket.name == name,
                PassedBy::ServiceManager if [ADMIN, HEALTH].contains(&&*socket.name) => false,
                PassedBy::ServiceManager if is_systemd => {
                    !all.iter().any(|other| listens_at(&socket.descriptor, &other.address))
                }
                PassedBy::ServiceManager => listens_at(&socket.descriptor, &listen.address),
            };
            if is_wanted {
                taken.push(self.sockets.remove(place).descriptor);
            } else {
                place += 1;
            }
        }
        taken
    }

    /// Takes the socket with this name, which must listen on this TCP address.
    ///
    /// # Errors
    ///
    /// The service manager passed a socket with this name that does not listen on `address`. There is no error if a
    /// predecessor passed such a socket: it is closed instead.
    pub(in crate::server) fn take_named(
        &mut self,
        name: &str,
        address: SocketAddr,
    ) -> Result<Option<OwnedFd>> {
        let Some(place) = self.sockets.iter().position(|socket| socket.name == name) else {
            return Ok(None);
        };
        let PassedSocket { descriptor, .. } = self.sockets.remove(place);
        let bound = SockRef::from(&descriptor).local_addr().ok().and_then(|at| at.as_socket());
        let is_same = |bound: &SocketAddr| {
            bound.ip() == address.ip() && (address.port() == 0 || bound.port() == address.port())
        };
        if bound.as_ref().is_some_and(is_same) {
            return Ok(Some(descriptor));
        }
        if self.passed_by == PassedBy::Predecessor {
            return Ok(None);
        }
        let found = place_of(&descriptor);
        let why = format!(
            "the service manager passed the socket {name:?}, which listens on {found}, but --{name} is {address}: make \
             both the same"
        );
        Err(Error::new(ErrorKind::InvalidInput, why))
    }

    /// Closes the sockets that no setting uses.
    ///
    /// # Errors
    ///
    /// The service manager passed a socket for which there is no setting.
    pub(in crate::server) fn finish(self) -> Result<()> {
        if self.sockets.is_empty() {
            return Ok(());
        }
        let unused: Vec<String> = self.sockets.iter().map(ToString::to_string).collect();
        let unused = unused.join(", ");
        if self.passed_by == PassedBy::Predecessor {
            tracing::info!("no longer listening on {unused}");
            return Ok(());
        }
        let why = format!(
            "no setting uses {unused}, which the service manager passed: set --admin for a socket named admin, --health \
             for one named health, and listen = \"systemd\" (--listen systemd) for all others"
        );
        Err(Error::new(ErrorKind::InvalidInput, why))
    }

    /// Returns whether the server that takes over a unix socket also takes over its file. If so, the file is removed
    /// when the server stops.
    pub(super) fn gives_files(&self) -> bool {
        self.passed_by == PassedBy::Predecessor
    }
}

impl fmt::Display for PassedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the socket {:?} on {}", self.name, place_of(&self.descriptor))
    }
}

/// Returns the name under which a successor gets the socket of an address in the configuration.
pub(in crate::server) fn listener_name(configured: &Address) -> String {
    format!("listen {configured}")
}

fn stream_socket(passed: &mut ListenFd, place: usize) -> Result<OwnedFd> {
    let missing = || Error::from(ErrorKind::NotFound);
    // `AF_INET` stands for IPv6 here too.
    match passed.take_custom(place, libc::AF_INET, libc::SOCK_STREAM, "TCP socket") {
        Ok(socket) => socket.ok_or_else(missing),
        Err(_) => passed
            .take_custom(place, libc::AF_UNIX, libc::SOCK_STREAM, "stream socket")?
            .ok_or_else(missing),
    }
}

/// Returns whether the socket listens at the address.
fn listens_at(socket: impl AsFd, address: &Address) -> bool {
    let Ok(bound) = SockRef::from(&socket.as_fd()).local_addr() else { return false };
    match address {
        Address::Tcp(address) => bound.as_socket() == Some(*address),
        Address::Unix(path) => bound.as_pathname() == Some(path),
        Address::Systemd => false,
    }
}

/// Returns the address of a socket, as it is written in a message.
fn place_of(socket: impl AsFd) -> String {
    let Ok(bound) = SockRef::from(&socket.as_fd()).local_addr() else {
        return "an unknown address".to_owned();
    };
    match (bound.as_socket(), bound.as_pathname().map(Path::display)) {
        (Some(address), _) => address.to_string(),
        (None, Some(path)) => format!("unix:{path}"),
        (None, None) => "a unix socket without a file".to_owned(),
    }
}

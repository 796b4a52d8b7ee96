//! Listening sockets: TCP, unix, and those passed by the service manager.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpSocket, UnixSocket};

use super::passed::{HandedOver, PassedSocket, PassedSockets};
use crate::cluster::relay::set_socket_options;
use crate::config::{Address, Listen};

/// The address that is reported for both ends of a connection on a unix socket: this machine's address, without a port.
const UNIX_SOCKET_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How many unsent bytes a TCP socket holds (`TCP_NOTSENT_LOWAT`). Without a limit, the kernel would buffer megabytes.
/// A ping would wait behind them, and a slow client would seem to read nothing for minutes. With this limit, a client
/// that reads 10 KB/s makes visible progress twice a minute, and a fast client never waits.
const MAX_UNSENT: u32 = 128 << 10;

/// A listening socket.
#[derive(Debug)]
pub(in crate::server) struct Listener {
    /// The file of a unix socket that the server created. It is removed while the socket is still open. Until the
    /// socket is closed, no other file can get the same inode, so no other file can be removed by mistake.
    _file: Option<SocketFile>,
    socket: Socket,
    address: Address,
}

#[derive(Debug)]
struct Socket {
    kind: SocketKind,
    descriptor: OwnedFd,
}

#[derive(Clone, Copy, Debug)]
enum SocketKind {
    /// The local address of all connections. `None`: the address may differ, so each connection is asked for its own.
    Tcp(Option<SocketAddr>),
    Unix,
}

/// A listening socket, registered with the current runtime as if it were a stream. A tokio listener would also register
/// each accepted connection with the current runtime. But another runtime may serve that connection.
#[derive(Debug)]
pub(super) struct AsyncListener {
    kind: SocketKind,
    socket: tokio::net::TcpStream,
}

/// An accepted stream. No runtime has registered it yet: that is up to the runtime that will serve the stream.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// An accepted connection.
pub(super) struct Incoming {
    pub(super) stream: Stream,
    pub(super) peer: SocketAddr,
    /// The server's end.
    pub(super) local: SocketAddr,
}

/// The file of a unix socket. It is removed with the socket, unless another server has put its own file there since, or
/// a successor has taken over the socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: Option<(u64, u64)>,
    handed_over: HandedOver,
}

impl SocketFile {
    /// Remembers the file of a socket that has just been bound or taken over.
    fn new(path: &Path, handed_over: &HandedOver) -> Self {
        Self { path: path.to_owned(), id: file_id(path), handed_over: handed_over.clone() }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.handed_over.is_set() && self.id.is_some() && file_id(&self.path) == self.id {
            // If the file cannot be removed, the next start tries again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Returns the device and the inode of the file that is now at this path.
fn file_id(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// How a server listens on all of its addresses.
#[derive(Debug)]
pub(in crate::server) struct Binding<'a> {
    /// All addresses to which clients can connect.
    pub(in crate::server) all: &'a [Listen],
    /// How many connections may wait in the kernel's queue.
    pub(in crate::server) backlog: u32,
    /// Sockets that are open already.
    pub(in crate::server) passed: &'a mut PassedSockets,
    /// Whether a successor has taken over the sockets.
    pub(in crate::server) handed_over: &'a HandedOver,
}

impl Binding<'_> {
    /// Listens as configured. Uses the sockets that were passed for this address, or else opens a new one.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub(in crate::server) fn bind(&mut self, listen: &Listen) -> std::io::Result<Vec<Listener>> {
        let passed = self.passed.take_for(listen, self.all);
        if !passed.is_empty() {
            return passed.into_iter().map(|socket| self.adopt(socket, &listen.address)).collect();
        }
        Ok(match &listen.address {
            Address::Tcp(address) => vec![tcp(*address, self.all, self.backlog)?],
            Address::Unix(file) => {
                vec![unix(file, listen.mode, self.backlog, self.handed_over)?]
            }
            Address::Systemd => {
                let message = "no sockets were passed in LISTEN_FDS: this address is for a service that a systemd \
                               socket unit starts";
                return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message));
            }
        })
    }

    /// Takes over a socket that is already listening.
    fn adopt(&self, socket: OwnedFd, configured: &Address) -> std::io::Result<Listener> {
        let options = SockRef::from(&socket);
        options.set_nonblocking(true)?;
        let bound = options.local_addr()?;
        if !bound.is_unix() {
            let mut listener = Listener::from_tcp(socket.into())?;
            listener.know_local_address();
            return Ok(listener);
        }
        let file = match configured {
            Address::Unix(path) if self.passed.gives_files() => {
                Some(SocketFile::new(path, self.handed_over))
            }
            // The file belongs to the service manager, so this server does not remove it.
            _ => None,
        };
        let address = Address::Unix(bound.as_pathname().map(Path::to_owned).unwrap_or_default());
        let socket = Socket { kind: SocketKind::Unix, descriptor: socket };
        Ok(Listener { socket, address, _file: file })
    }
}

impl Listener {
    /// Returns the socket under this name, for a successor. The successor gets the same socket with the same queue.
    ///
    /// # Errors
    ///
    /// Returns an error if no file descriptors are left.
    pub(in crate::server) fn pass(&self, name: String) -> std::io::Result<PassedSocket> {
        Ok(PassedSocket::new(name, self.socket.descriptor.try_clone()?))
    }

    /// Listens for other hosts. If a host leaves the kernel's probes unanswered for about `max_silence`, its connection
    /// is closed.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub(in crate::server) fn for_peers(
        address: SocketAddr,
        backlog: u32,
        max_silence: Duration,
    ) -> std::io::Result<Self> {
        let listener = tcp(address, &[], backlog)?;
        // Accepted sockets inherit the options.
        set_socket_options(&listener.socket.descriptor, max_silence)?;
        Ok(listener)
    }

    /// Returns the address on which the socket listens, with the port that the operating system chose.
    pub(in crate::server) fn address(&self) -> &Address {
        &self.address
    }

    /// Registers the socket with the current runtime, which then waits for connections.
    ///
    /// # Errors
    ///
    /// Returns an error if no file descriptors are left.
    pub(super) fn on_current_runtime(&self) -> std::io::Result<AsyncListener> {
        let Socket { kind, descriptor } = &self.socket;
        let socket = TcpStream::from(descriptor.try_clone()?);
        Ok(AsyncListener { kind: *kind, socket: tokio::net::TcpStream::from_std(socket)? })
    }

    /// Whether a connection is waiting to be accepted.
    pub(super) fn has_pending(&self) -> bool {
        let socket = PollFd::new(&self.socket.descriptor, PollFlags::IN);
        poll(&mut [socket], Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Accepts a waiting connection. If there is none, the error is [`WouldBlock`](std::io::ErrorKind).
    pub(super) fn try_accept(&self) -> std::io::Result<Incoming> {
        accept(self.socket.kind, &self.socket.descriptor)
    }

    /// Records the local address of all connections, if the socket listens on only one address.
    fn know_local_address(&mut self) {
        if let Address::Tcp(bound) = self.address
            && !bound.ip().is_unspecified()
        {
            self.socket.kind = SocketKind::Tcp(Some(bound));
        }
    }

    fn from_tcp(socket: TcpListener) -> std::io::Result<Self> {
        // Accepted sockets inherit the option.
        SockRef::from(&socket).set_tcp_notsent_lowat(MAX_UNSENT)?;
        let address = Address::Tcp(socket.local_addr()?);
        let socket = Socket { kind: SocketKind::Tcp(None), descriptor: socket.into() };
        Ok(Self { socket, address, _file: None })
    }
}

impl AsyncListener {
    /// Waits for a connection and accepts it. While `is_enabled` returns false, connections are left in the queue.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn accept(&self, is_enabled: impl Fn() -> bool) -> std::io::Result<Incoming> {
        let accept = || {
            if is_enabled() {
                accept(self.kind, &self.socket)
            } else {
                Err(std::io::ErrorKind::WouldBlock.into())
            }
        };
        self.socket.async_io(Interest::READABLE, accept).await
    }
}

/// Accepts the next connection of a socket.
fn accept(kind: SocketKind, socket: impl AsFd) -> std::io::Result<Incoming> {
    let (stream, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    Ok(match kind {
        SocketKind::Tcp(local) => {
            let stream = TcpStream::from(stream);
            let peer = SocketAddr::try_from(peer.ok_or(std::io::ErrorKind::NotConnected)?)?;
            let local = local.map_or_else(|| stream.local_addr(), Ok)?;
            let (peer, local) = (canonical(peer), canonical(local));
            Incoming { stream: Stream::Tcp(stream), peer, local }
        }
        SocketKind::Unix => {
            let stream = Stream::Unix(stream.into());
            Incoming { stream, peer: UNIX_SOCKET_ADDRESS, local: UNIX_SOCKET_ADDRESS }
        }
    })
}

/// Converts an IPv4 address that a dual-stack socket reports as an IPv6 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn tcp(address: SocketAddr, all: &[Listen], backlog: u32) -> std::io::Result<Listener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted server must be able to bind while connections of its predecessor are still in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    // `[::]` also accepts IPv4, so it is restricted to IPv6 if the configuration also has `0.0.0.0` with the same port.
    let v4 = Address::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())));
    if address.ip() == Ipv6Addr::UNSPECIFIED && all.iter().any(|other| other.address == v4) {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.bind(address)?;
    let mut listener = Listener::from_tcp(socket.listen(backlog)?.into_std()?)?;
    listener.know_local_address();
    Ok(listener)
}

fn unix(
    file: &Path,
    mode: Option<u32>,
    backlog: u32,
    handed_over: &HandedOver,
) -> std::io::Result<Listener> {
    remove_stale(file)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(file)?;
    let own = SocketFile::new(file, handed_over);
    if let Some(mode) = mode {
        // The mode is set before the socket listens, so nobody can connect before the file has its final mode.
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))?;
    }
    let descriptor = socket.listen(backlog)?.into_std()?.into();
    let socket = Socket { kind: SocketKind::Unix, descriptor };
    Ok(Listener { socket, address: Address::Unix(file.to_owned()), _file: Some(own) })
}

/// Removes the socket file that a killed server left behind. Keeps a socket on which a process is still listening, and
/// any file that is not a socket.
fn remove_stale(file: &Path) -> std::io::Result<()> {
    let Ok(found) = std::fs::symlink_metadata(file) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    match std::os::unix::net::UnixStream::connect(file) {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(file)
        }
        Err(error) => Err(error),
        Ok(_) => Err(std::io::ErrorKind::AddrInUse.into()),
    }
}

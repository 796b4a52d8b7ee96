//! Listening sockets: TCP, unix, and those passed by the service manager.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpSocket, UnixSocket};

use crate::cluster::relay::set_socket_options;
use crate::config::{Address, Listen};

/// The address given to both ends of a connection on a unix socket: this machine, and no port.
const UNIX_SOCKET_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How many unsent bytes a TCP socket holds (`TCP_NOTSENT_LOWAT`). Without a limit, the kernel would buffer megabytes:
/// a ping would wait behind them, and for minutes a slow client would not seem to read anything. With this limit, a
/// client of 10 KB/s is seen to make progress twice a minute, and a fast client never waits.
const MAX_UNSENT: u32 = 128 << 10;

/// A listening socket.
#[derive(Debug)]
pub(in crate::server) struct Listener {
    /// The file of a unix socket that the server created. It is dropped, and so removed, before the socket is closed:
    /// until then no other file can have its inode.
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
    /// The local address of all its connections. If it is `None`, each connection is asked for its own.
    Tcp(Option<SocketAddr>),
    Unix,
}

/// A listening socket, registered with the current runtime as if it were a stream. A listener of tokio would register
/// each accepted connection with the same runtime, but another one may serve the connection.
#[derive(Debug)]
pub(super) struct AsyncListener {
    kind: SocketKind,
    socket: tokio::net::TcpStream,
}

/// An accepted stream. It is not registered with a runtime yet: the runtime that serves it registers it.
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

/// The file of a unix socket, removed with the socket. If another server has put its own file there since, that file
/// stays.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: Option<(u64, u64)>,
}

impl SocketFile {
    /// Remembers the file of a socket that has just been bound.
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), id: file_id(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.id.is_some() && file_id(&self.path) == self.id {
            // If it cannot be removed, the next start will try again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Returns the device and the inode of the file that is now at this path.
fn file_id(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Listener {
    /// Listens as configured: on one socket, or on all those that the service manager has passed.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub(in crate::server) fn bind(
        listen: &Listen,
        all: &[Listen],
        backlog: u32,
    ) -> std::io::Result<Vec<Self>> {
        Ok(match &listen.address {
            Address::Tcp(address) => vec![tcp(*address, all, backlog)?],
            Address::Unix(file) => vec![unix(file, listen.mode, backlog)?],
            Address::Systemd => inherited()?,
        })
    }

    /// Listens for other hosts. One that does not respond to the kernel's probes for about `patience` is given up.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub(in crate::server) fn for_peers(
        address: SocketAddr,
        backlog: u32,
        patience: Duration,
    ) -> std::io::Result<Self> {
        let listener = tcp(address, &[], backlog)?;
        // Accepted sockets inherit the options.
        set_socket_options(&listener.socket.descriptor, patience)?;
        Ok(listener)
    }

    /// Returns the address it listens on, with the port that the operating system chose.
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

/// Accepts the next connection.
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

/// Unwraps an IPv4 address: a dual-stack socket reports it inside an IPv6 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn tcp(address: SocketAddr, all: &[Listen], backlog: u32) -> std::io::Result<Listener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted server must not wait until the connections of its predecessor have left TIME_WAIT.
    socket.set_reuseaddr(true)?;
    // `[::]` also accepts IPv4, unless the configuration has an IPv4 address of its own.
    let v4 = Address::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())));
    if address.ip() == Ipv6Addr::UNSPECIFIED && all.iter().any(|other| other.address == v4) {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.bind(address)?;
    let mut listener = Listener::from_tcp(socket.listen(backlog)?.into_std()?)?;
    if let Address::Tcp(bound) = listener.address
        && !bound.ip().is_unspecified()
    {
        listener.socket.kind = SocketKind::Tcp(Some(bound));
    }
    Ok(listener)
}

fn unix(file: &Path, mode: Option<u32>, backlog: u32) -> std::io::Result<Listener> {
    remove_stale(file)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(file)?;
    let own = SocketFile::new(file);
    if let Some(mode) = mode {
        // Set before the socket listens: until then, nobody can connect.
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))?;
    }
    let descriptor = socket.listen(backlog)?.into_std()?.into();
    let socket = Socket { kind: SocketKind::Unix, descriptor };
    Ok(Listener { socket, address: Address::Unix(file.to_owned()), _file: Some(own) })
}

/// Removes the socket file of a server that was killed. Keeps a socket on which a process still listens, and any file
/// that is not a socket.
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

fn inherited() -> std::io::Result<Vec<Listener>> {
    let mut passed = ListenFd::from_env();
    let sockets = (0..passed.len()).map(|index| {
        if let Ok(Some(socket)) = passed.take_tcp_listener(index) {
            socket.set_nonblocking(true)?;
            return Listener::from_tcp(socket);
        }
        let socket = passed.take_unix_listener(index)?.ok_or(std::io::ErrorKind::NotFound)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
        let socket = Socket { kind: SocketKind::Unix, descriptor: socket.into() };
        // The file belongs to the service manager.
        Ok(Listener { socket, address: Address::Unix(address), _file: None })
    });
    let sockets: Vec<Listener> = sockets.collect::<std::io::Result<_>>()?;
    if sockets.is_empty() {
        let message =
            "no sockets were passed (LISTEN_FDS): this is for a service that a socket unit starts";
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message));
    }
    Ok(sockets)
}

//! Sockets that listen: of TCP, of files, and those of whoever started the program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpSocket, UnixSocket};

use crate::config::{Address, Listen};

/// Both ends of a connection on a unix socket: this machine, and no port.
const THIS_MACHINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How much a TCP socket holds that has not been sent, in octets. The system would take megabytes from us: a
/// ping would wait behind them, and for minutes nobody would see that a slow client takes anything. Few enough
/// for a client of 10 KB/s to be seen taking some twice a minute, and enough that a fast one never waits.
const MAX_UNSENT: u32 = 128 << 10;

/// A socket that listens.
#[derive(Debug)]
pub(in crate::server) struct Listener {
    /// The file of a unix socket that the server made. It goes before the socket does: until then its inode
    /// is nobody else's.
    _file: Option<OwnFile>,
    socket: Socket,
    address: Address,
}

#[derive(Debug)]
struct Socket {
    kind: Kind,
    descriptor: OwnedFd,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Our end of all its connections, if it is known: each is asked otherwise.
    Tcp(Option<SocketAddr>),
    Unix,
}

/// A listening socket for which the current runtime waits, as it does for a stream. A listener of the library would
/// wait for each connection too, which another runtime may do.
#[derive(Debug)]
pub(super) struct AsyncListener {
    kind: Kind,
    socket: tokio::net::TcpStream,
}

/// A stream that was accepted. It belongs to no runtime yet: the one that serves it will wait for it.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection that was accepted.
pub(super) struct Incoming {
    pub(super) stream: Stream,
    pub(super) peer: SocketAddr,
    /// Our end.
    pub(super) local: SocketAddr,
}

/// A file that goes when the socket does, if it is the same one still: somebody may have removed it, and another
/// server made its own there.
#[derive(Debug)]
struct OwnFile {
    path: PathBuf,
    id: Option<(u64, u64)>,
}

impl OwnFile {
    /// The file of a socket that was just bound.
    fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), id: id(path) }
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if self.id.is_some() && id(&self.path) == self.id {
            // What cannot be removed is left to the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Device and inode of what this path leads to now.
fn id(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Listener {
    /// Listens as the configuration says: with one socket, or with all those of whoever started the program.
    ///
    /// # Errors
    ///
    /// What the system says.
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

    /// Where it listens, with the port that the system chose.
    pub(in crate::server) fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for connections on the current runtime.
    ///
    /// # Errors
    ///
    /// What the system says when it has no descriptors left.
    pub(super) fn on_current_runtime(&self) -> std::io::Result<AsyncListener> {
        let Socket { kind, descriptor } = &self.socket;
        let socket = TcpStream::from(descriptor.try_clone()?);
        Ok(AsyncListener { kind: *kind, socket: tokio::net::TcpStream::from_std(socket)? })
    }

    /// Whether a connection waits.
    pub(super) fn has_pending(&self) -> bool {
        let socket = PollFd::new(&self.socket.descriptor, PollFlags::IN);
        poll(&mut [socket], Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// A connection that waits, if there is one: without one the error is [`WouldBlock`](std::io::ErrorKind).
    pub(super) fn try_accept(&self) -> std::io::Result<Incoming> {
        accept(self.socket.kind, &self.socket.descriptor)
    }

    fn of_tcp(socket: TcpListener) -> std::io::Result<Self> {
        // Those that it accepts begin with the same options.
        SockRef::from(&socket).set_tcp_notsent_lowat(MAX_UNSENT)?;
        let address = Address::Tcp(socket.local_addr()?);
        let socket = Socket { kind: Kind::Tcp(None), descriptor: socket.into() };
        Ok(Self { socket, address, _file: None })
    }
}

impl AsyncListener {
    /// Waits for a connection, and leaves it there unless `is_ours`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn accept(&self, is_ours: impl Fn() -> bool) -> std::io::Result<Incoming> {
        let accept = || {
            if is_ours() {
                accept(self.kind, &self.socket)
            } else {
                Err(std::io::ErrorKind::WouldBlock.into())
            }
        };
        self.socket.async_io(Interest::READABLE, accept).await
    }
}

/// The next connection.
fn accept(kind: Kind, socket: impl AsFd) -> std::io::Result<Incoming> {
    let (stream, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    Ok(match kind {
        Kind::Tcp(local) => {
            let stream = TcpStream::from(stream);
            let peer = SocketAddr::try_from(peer.ok_or(std::io::ErrorKind::NotConnected)?)?;
            let local = local.map_or_else(|| stream.local_addr(), Ok)?;
            let (peer, local) = (canonical(peer), canonical(local));
            Incoming { stream: Stream::Tcp(stream), peer, local }
        }
        Kind::Unix => {
            let stream = Stream::Unix(stream.into());
            Incoming { stream, peer: THIS_MACHINE, local: THIS_MACHINE }
        }
    })
}

/// A socket for both versions of IP has the addresses of version 4 inside those of version 6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn tcp(address: SocketAddr, all: &[Listen], backlog: u32) -> std::io::Result<Listener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that starts again must not wait for the last one's connections to be forgotten.
    socket.set_reuseaddr(true)?;
    // `[::]` serves version 4, too, unless that has an address of its own.
    let of_v4 = Address::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())));
    if address.ip() == Ipv6Addr::UNSPECIFIED && all.iter().any(|other| other.address == of_v4) {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.bind(address)?;
    let mut listener = Listener::of_tcp(socket.listen(backlog)?.into_std()?)?;
    if let Address::Tcp(bound) = listener.address
        && !bound.ip().is_unspecified()
    {
        listener.socket.kind = Kind::Tcp(Some(bound));
    }
    Ok(listener)
}

fn unix(file: &Path, mode: Option<u32>, backlog: u32) -> std::io::Result<Listener> {
    remove_stale(file)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(file)?;
    let own = OwnFile::of(file);
    if let Some(mode) = mode {
        // Before it listens: nobody connects who may not.
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))?;
    }
    let descriptor = socket.listen(backlog)?.into_std()?.into();
    let socket = Socket { kind: Kind::Unix, descriptor };
    Ok(Listener { socket, address: Address::Unix(file.to_owned()), _file: Some(own) })
}

/// A server that was killed has left its socket's file. One at which somebody listens is not touched, nor is
/// any other file.
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
    let sockets = (0..passed.len()).map(|permit| {
        if let Ok(Some(socket)) = passed.take_tcp_listener(permit) {
            socket.set_nonblocking(true)?;
            return Listener::of_tcp(socket);
        }
        let socket = passed.take_unix_listener(permit)?.ok_or(std::io::ErrorKind::NotFound)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
        let socket = Socket { kind: Kind::Unix, descriptor: socket.into() };
        // Its file belongs to whoever made it.
        Ok(Listener { socket, address: Address::Unix(address), _file: None })
    });
    let sockets: Vec<Listener> = sockets.collect::<std::io::Result<_>>()?;
    if sockets.is_empty() {
        let why =
            "no sockets were passed (LISTEN_FDS): this is for a service that a socket unit starts";
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, why));
    }
    Ok(sockets)
}

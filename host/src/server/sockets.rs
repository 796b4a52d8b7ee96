//! Passes the listening sockets of a server to a successor. Opens the sockets for the operator, or takes over those
//! that were passed to this server.

use std::io::Result;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use tokio::net::TcpListener;

use super::Server;
use super::admin::{Admin, HealthAddress};
use super::listen::passed::{
    ADMIN, HEALTH, HandedOver, PassedSocket, PassedSockets, listener_name,
};

/// The listening sockets of a server, for a successor in another process.
///
/// While this value exists, the sockets stay open, even when the server stops.
#[derive(Debug)]
pub struct ListeningSockets {
    sockets: Vec<PassedSocket>,
    handed_over: HandedOver,
}

impl ListeningSockets {
    pub(super) fn of(server: &Server) -> Result<Self> {
        let mut sockets = Vec::new();
        for (listener, endpoint) in &server.listeners {
            let configured = endpoint.address.as_ref().unwrap_or(listener.address());
            sockets.push(listener.pass(listener_name(configured))?);
        }
        let admin = server.admin.as_ref().map(Admin::socket).map(|socket| (ADMIN, socket));
        let health = server.health.as_ref().map(HealthAddress::socket);
        for (name, socket) in admin.into_iter().chain(health.map(|socket| (HEALTH, socket))) {
            sockets.push(named(name, socket)?);
        }
        Ok(Self { sockets, handed_over: server.handed_over.clone() })
    }

    /// Returns the sockets. Each has the name by which [`PassedSockets::from_predecessor`] recognizes it.
    pub fn sockets(&self) -> &[PassedSocket] {
        &self.sockets
    }

    /// Declares that a successor has taken over the sockets. From then on, the server does not remove the files of unix
    /// sockets, and it should stop.
    pub fn hand_over(&self) {
        self.handed_over.set();
    }
}

fn named(name: &str, socket: BorrowedFd<'_>) -> Result<PassedSocket> {
    Ok(PassedSocket::new(name, socket.try_clone_to_owned()?))
}

/// Listens on the admin address or the address for health checks. If a socket was passed for the address, uses that
/// socket.
///
/// # Errors
///
/// The error of the operating system, or an error if the service manager's socket is for another address.
pub(super) fn tcp(
    name: &str,
    address: SocketAddr,
    passed: &mut PassedSockets,
) -> Result<TcpListener> {
    let listener = match passed.take_named(name, address)? {
        Some(socket) => std::net::TcpListener::from(socket),
        None => std::net::TcpListener::bind(address)?,
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

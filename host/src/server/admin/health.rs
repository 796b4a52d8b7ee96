//! An address that answers only health checks. Unlike the admin address, it may be one that other machines can reach.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;

use super::accept::{Caller, Service, accept};
use super::responses::method_not_allowed;
use crate::server::host::Host;
use crate::server::response::{Body, text};

const USAGE: &str = "Available requests:\n  GET    /healthz\n  GET    /readyz\n";

/// The address for health checks.
#[derive(Debug)]
pub(in crate::server) struct HealthAddress {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<HealthService>,
}

#[derive(Debug)]
struct HealthService(Host);

impl HealthAddress {
    /// Creates the service for health checks, at the address of `listener`.
    ///
    /// # Errors
    ///
    /// The error of the operating system if the socket has no address.
    pub(in crate::server) fn new(listener: TcpListener, host: Host) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, address, service: Arc::new(HealthService(host)) })
    }

    /// Returns the listening socket.
    pub(in crate::server) fn socket(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    pub(in crate::server) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves forever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections that are already accepted continue.
    pub(in crate::server) async fn serve(self) {
        accept(self.listener, self.service).await;
    }
}

impl Service for HealthService {
    async fn handle_request(
        self: &Arc<Self>,
        request: Request<Incoming>,
        _: Caller<'_>,
    ) -> Response<Body> {
        let Self(host) = &**self;
        let response = match request.uri().path() {
            "/healthz" => host.state.health(),
            "/readyz" => host.state.readiness(),
            _ => return text(StatusCode::NOT_FOUND, USAGE),
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return response;
        }
        method_not_allowed(&[Method::GET.as_str()], USAGE)
    }
}

//! The edge's side: it connects to the owner, and authenticates as a host.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::accept::HELLO;
use super::error::{PeerError, RelayError};
use super::opening::{Opening, parse_cluster};
use super::reader::Reader;
use super::secret::{Context, Nonce, Nonces, Secret, Side, nonce};
use super::{Peers, Trust, hex, name_of, set_send_timeout, set_socket_options, tls};

/// The reason that is reported if a server does not speak the protocol between hosts.
const OTHER_PROTOCOL: &str = "it does not speak the same protocol between hosts: all hosts need the same version of \
                              ws-host, and either certificates or a secret";

/// A connection to the owner of an actor.
#[derive(Debug)]
pub(crate) enum OwnerStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to the owner, authenticates as a host, and sends the opening.
///
/// # Errors
///
/// An error if the owner cannot be reached, or has not authenticated.
///
/// # Cancel safety
///
/// Dropping the future drops the connection.
pub(crate) async fn dial(
    peers: &Peers,
    address: &str,
    opening: &Opening,
) -> Result<OwnerStream, RelayError> {
    let failed = |cause| RelayError::failed(address, cause);
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    set_socket_options(&stream, peers.max_silence).map_err(failed)?;
    set_send_timeout(&stream, peers.max_silence).map_err(failed)?;
    let (mut stream, bytes) = match &peers.trust {
        Trust::Secret(secret) => {
            let mut stream = stream;
            let nonces = exchange(&mut stream, &peers.cluster, secret, address).await?;
            (OwnerStream::Plain(stream), opening.encode(&peers.cluster, Some((secret, nonces))))
        }
        Trust::Tls(tls) => {
            let name = tls::server_name(name_of(address)).map_err(failed)?;
            let connector = TlsConnector::from(std::sync::Arc::clone(&tls.client));
            let connected = connector.connect(name, stream).await;
            let stream = connected.map_err(|error| match tls::cause_of(&error) {
                None | Some(rustls::Error::AlertReceived(_)) => failed(error),
                Some(rustls::Error::InvalidMessage(_)) => {
                    RelayError::unproven(address, OTHER_PROTOCOL)
                }
                Some(_) => {
                    tracing::debug!(address, "TLS: {error}");
                    RelayError::unproven(
                        address,
                        "its certificate is not from the cluster's authority, or was issued for another name",
                    )
                }
            })?;
            (OwnerStream::Tls(Box::new(stream)), opening.encode(&peers.cluster, None))
        }
    };
    stream.write_all(&bytes).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    Ok(stream)
}

/// Exchanges nonces, and checks that the owner knows the secret and is in this cluster.
async fn exchange(
    stream: &mut TcpStream,
    cluster: &str,
    secret: &Secret,
    address: &str,
) -> Result<Nonces, RelayError> {
    let failed = |cause| RelayError::failed(address, cause);
    let edge = nonce();
    let hello = format!("{HELLO}{} {cluster}\r\n", hex::encode(&edge));
    stream.write_all(hello.as_bytes()).await.map_err(failed)?;
    let mut reader = Reader::new(stream);
    let line = match reader.greeting(HELLO).await {
        Ok(line) => line,
        Err(PeerError::Lost(cause)) => return Err(failed(cause)),
        Err(_) => return Err(RelayError::unproven(address, OTHER_PROTOCOL)),
    };
    let (owner, proof, its_cluster) =
        parse_greeting(&line).ok_or_else(|| RelayError::unproven(address, OTHER_PROTOCOL))?;
    let nonces = Nonces { edge, owner };
    let context = Context { nonces, cluster: its_cluster };
    if !secret.is_proven(Side::Owner, &context, &[], &proof) {
        return Err(RelayError::unproven(address, "its secret is not the secret of this host"));
    }
    if its_cluster != cluster {
        return Err(RelayError::OtherCluster(address.to_owned(), its_cluster.to_owned()));
    }
    if !reader.rest().is_empty() {
        return Err(RelayError::unproven(address, OTHER_PROTOCOL));
    }
    Ok(nonces)
}

/// Parses the greeting of an owner: its nonce, its proof, and the name of its cluster.
fn parse_greeting(greeting: &[u8]) -> Option<(Nonce, Vec<u8>, &str)> {
    let mut parts = std::str::from_utf8(greeting).ok()?.split(' ');
    let (nonce, proof, cluster) = (parts.next()?, parts.next()?, parts.next()?);
    let is_all = parts.next().is_none();
    let parsed = (hex::decode_exactly(nonce)?, hex::decode(proof)?, parse_cluster(cluster)?);
    is_all.then_some(parsed)
}

impl OwnerStream {
    /// Sets the connection to be reset when it is dropped. Bytes that still wait to be sent are then discarded.
    pub(crate) fn reset(&self) {
        let socket = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        // If this fails, the owner sees an ordinary end of the stream.
        let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
    }
}

impl AsyncRead for OwnerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for OwnerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

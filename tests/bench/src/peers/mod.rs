//! Servers built on other libraries. Each runs on one thread and is as fast as its documented
//! settings make it.

#![expect(clippy::print_stdout, reason = "a server prints its URL")]

mod fastwebsockets;
mod subscribers;
mod tungstenite;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::ValueEnum;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use self::subscribers::Subscribers;
use crate::certificate::TlsFiles;
use crate::channel::Channel;
use crate::workload::Role;

/// A library to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// fastwebsockets, upgraded from hyper.
    Fastwebsockets,
    /// tokio-tungstenite with its defaults, as in its examples.
    TokioTungstenite,
    /// tokio-tungstenite with a smaller read buffer, as its documentation suggests for many
    /// connections.
    #[value(name = "tokio-tungstenite-4KiB")]
    TokioTungsteniteSmall,
}

/// Bytes of the smaller read buffer of tokio-tungstenite. With the default, 128 KiB, an echo takes
/// more than twice the CPU time.
const SMALL_READ_BUFFER: usize = 4 * 1024;

impl Peer {
    /// Returns its name on the command line and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioTungstenite => "tokio-tungstenite",
            Self::TokioTungsteniteSmall => "tokio-tungstenite-4KiB",
        }
    }

    /// Returns the name of the library.
    pub(crate) fn library(self) -> &'static str {
        match self {
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioTungstenite | Self::TokioTungsteniteSmall => "tokio-tungstenite",
        }
    }
}

/// Serves until the process is killed, over TLS if certificate files are given.
pub(crate) fn serve(
    peer: Peer,
    role: Role,
    channel: Channel,
    tls: Option<&TlsFiles>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        println!("serving {scheme}://{}/", listener.local_addr()?);
        serve_on(listener, peer, role, channel, tls).await
    })
}

async fn serve_on(
    listener: TcpListener,
    peer: Peer,
    role: Role,
    channel: Channel,
    tls: Option<&TlsFiles>,
) -> Result<()> {
    match (channel, role, tls) {
        (Channel::Plain, Role::Echo, None) => accept(listener, |stream| echo(peer, stream)).await,
        (Channel::Plain, Role::Megaphone, None) => megaphone(listener, peer).await,
        (Channel::Tls, Role::Echo, Some(files)) => {
            accept_tls(listener, files.server()?, move |stream| echo(peer, stream)).await
        }
        (Channel::Http2, Role::Echo, None) if peer == Peer::Fastwebsockets => {
            accept(listener, fastwebsockets::echo_over_http2).await
        }
        _ => bail!("the role {} is not measured over the channel {}", role.name(), channel.name()),
    }
}

async fn echo(peer: Peer, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    match peer {
        Peer::Fastwebsockets => fastwebsockets::echo(stream).await,
        Peer::TokioTungstenite | Peer::TokioTungsteniteSmall => {
            tungstenite::echo(stream, config(peer)).await;
        }
    }
}

async fn megaphone(listener: TcpListener, peer: Peer) -> Result<()> {
    match peer {
        Peer::Fastwebsockets => {
            let subscribers = Subscribers::default();
            accept(listener, |stream| fastwebsockets::megaphone(stream, subscribers.clone())).await
        }
        Peer::TokioTungstenite | Peer::TokioTungsteniteSmall => {
            let subscribers = Subscribers::default();
            accept(listener, |stream| {
                tungstenite::megaphone(stream, config(peer), subscribers.clone())
            })
            .await
        }
    }
}

async fn accept<F>(listener: TcpListener, connection: impl Fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        tokio::spawn(connection(next(&listener).await?));
    }
}

async fn accept_tls<F>(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    connection: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(config);
    loop {
        let accepting = acceptor.accept(next(&listener).await?);
        let connection = connection.clone();
        tokio::spawn(async move {
            // TLS reports a failed handshake to the client.
            if let Ok(stream) = accepting.await {
                connection(stream).await;
            }
        });
    }
}

async fn next(listener: &TcpListener) -> Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn config(peer: Peer) -> WebSocketConfig {
    let config = WebSocketConfig::default();
    match peer {
        Peer::TokioTungsteniteSmall => config.read_buffer_size(SMALL_READ_BUFFER),
        Peer::Fastwebsockets | Peer::TokioTungstenite => config,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Serves on a thread until the tests end.
    pub(crate) fn serve_echo(peer: Peer, channel: Channel, tls: Option<TlsFiles>) -> SocketAddr {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                serve_on(listener, peer, Role::Echo, channel, tls.as_ref()).await
            })
        });
        address
    }
}

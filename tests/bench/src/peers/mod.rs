//! Servers of other libraries on one thread, each as fast as its documented settings make it.

#![expect(clippy::print_stdout, reason = "a server says where it serves")]

mod audience;
mod fastwebsockets;
mod tungstenite;

use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use self::audience::Audience;
use crate::workload::Role;

/// A library to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// fastwebsockets, upgraded from hyper.
    Fastwebsockets,
    /// tokio-tungstenite as it is by default, which is how its examples use it.
    TokioTungstenite,
    /// tokio-tungstenite with a read buffer as its documentation suggests for many connections.
    #[value(name = "tokio-tungstenite-4KiB")]
    TokioTungsteniteSmall,
}

/// Octets of the read buffer of a tokio-tungstenite connection that is tuned. By default it is
/// 128 KiB, and an echo takes twice the CPU time and more.
const SMALL_READ_BUFFER: usize = 4 * 1024;

impl Peer {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioTungstenite => "tokio-tungstenite",
            Self::TokioTungsteniteSmall => "tokio-tungstenite-4KiB",
        }
    }

    /// The name of the library.
    pub(crate) fn library(self) -> &'static str {
        match self {
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioTungstenite | Self::TokioTungsteniteSmall => "tokio-tungstenite",
        }
    }
}

/// Serves until the process is killed.
pub(crate) fn serve(peer: Peer, role: Role) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match (peer, role) {
            (Peer::Fastwebsockets, Role::Echo) => accept(fastwebsockets::echo).await,
            (Peer::Fastwebsockets, Role::Megaphone) => {
                let audience = Audience::default();
                accept(|stream| fastwebsockets::megaphone(stream, audience.clone())).await
            }
            (Peer::TokioTungstenite | Peer::TokioTungsteniteSmall, Role::Echo) => {
                accept(|stream| tungstenite::echo(stream, config(peer))).await
            }
            (Peer::TokioTungstenite | Peer::TokioTungsteniteSmall, Role::Megaphone) => {
                let audience = Audience::default();
                accept(|stream| tungstenite::megaphone(stream, config(peer), audience.clone()))
                    .await
            }
        }
    })
}

async fn accept<F>(connection: impl Fn(tokio::net::TcpStream) -> F) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("serving ws://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream));
    }
}

fn config(peer: Peer) -> WebSocketConfig {
    let config = WebSocketConfig::default();
    match peer {
        Peer::TokioTungsteniteSmall => config.read_buffer_size(SMALL_READ_BUFFER),
        Peer::Fastwebsockets | Peer::TokioTungstenite => config,
    }
}

//! Echo servers of other libraries on one thread, each as fast as its documented settings make it.

#![expect(clippy::print_stdout, reason = "a server says where it serves")]

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use clap::ValueEnum;
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError, upgrade};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};

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

impl Peer {
    /// The library's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioTungstenite => "tokio-tungstenite",
            Self::TokioTungsteniteSmall => "tokio-tungstenite-4KiB",
        }
    }
}

/// Octets of the read buffer of a tokio-tungstenite connection that is tuned. By default it is
/// 128 KiB, and an echo takes twice the CPU time and more.
const SMALL_READ_BUFFER: usize = 4 * 1024;

/// Serves until the process is killed.
pub(crate) fn serve(peer: Peer) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        println!("serving ws://{}/", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match peer {
                Peer::Fastwebsockets => tokio::spawn(fastwebsockets_connection(stream)),
                Peer::TokioTungstenite => {
                    tokio::spawn(tungstenite_connection(stream, WebSocketConfig::default()))
                }
                Peer::TokioTungsteniteSmall => {
                    let config = WebSocketConfig::default().read_buffer_size(SMALL_READ_BUFFER);
                    tokio::spawn(tungstenite_connection(stream, config))
                }
            };
        }
    })
}

async fn fastwebsockets_connection(stream: TcpStream) {
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(fastwebsockets_upgrade))
        .with_upgrades();
    // The load generator breaks its connections off when it has counted enough.
    let _ = connection.await;
}

async fn fastwebsockets_upgrade(
    mut request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgraded) = upgrade::upgrade(&mut request)?;
    tokio::spawn(async move {
        let _ = fastwebsockets_echo(upgraded).await;
    });
    Ok(response)
}

async fn fastwebsockets_echo(upgraded: upgrade::UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgraded.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn tungstenite_connection(stream: TcpStream, config: WebSocketConfig) {
    let _: Result<(), tungstenite::Error> = async {
        let mut socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
        while let Some(message) = socket.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                socket.send(message).await?;
            }
        }
        Ok(())
    }
    .await;
}

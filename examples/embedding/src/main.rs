//! An axum server in which a WebAssembly handler serves one route. The handler also serves the connections of a Unix
//! socket, as plain streams.

#![expect(clippy::print_stdout, reason = "it prints its address")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use tokio::net::{TcpListener, UnixListener};
use ws_host::config::{HostConfig, ResourceConfig};
use ws_host::{Host, Peer, Recipient};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let component = arguments.next().context("usage: embedding COMPONENT.wasm [UNIX-SOCKET]")?;
    let host = Host::start(HostConfig::new(vec![ResourceConfig::new("/echo", component)?])).await?;

    let app = Router::new()
        .route("/", get(|| async { "An axum server. There is a WebSocket at /echo.\n" }))
        .route("/echo", any(websocket))
        .route("/messages", post(message))
        .with_state(host.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    if let Some(path) = arguments.next() {
        tokio::spawn(serve_socket(UnixListener::bind(path)?, host.clone()));
    }
    println!("axum serves at ws://{}/echo", listener.local_addr()?);

    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let stop = async {
        // An error means that signals do not work here; then the program stops at once.
        let _ = tokio::signal::ctrl_c().await;
        host.drain().await;
    };
    tokio::select! {
        served = axum::serve(listener, service) => served?,
        () = stop => {}
    }
    Ok(())
}

/// Lets the handler respond to a request of axum.
async fn websocket(
    State(host): State<Host>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    host.respond(request, Peer::plain(peer)).await.map(Body::new)
}

/// Sends the body of a POST request to the handler, as a custom message.
async fn message(State(host): State<Host>, message: Bytes) -> String {
    let resource = host.resources().remove(0).name;
    match host.send_custom(&resource, Recipient::All, &*message).await {
        Ok(replies) => format!("{replies:?}\n"),
        Err(error) => format!("{error}\n"),
    }
}

/// Serves the streams of a Unix socket. The host reads the requests from them, as from a stream of any kind.
async fn serve_socket(listener: UnixListener, host: Host) {
    while let Ok((stream, _)) = listener.accept().await {
        let host = host.clone();
        // A Unix socket has no IP address.
        let placeholder = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        tokio::spawn(async move { host.serve_stream(stream, Peer::plain(placeholder)).await });
    }
}

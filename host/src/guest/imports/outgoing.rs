//! The interface `outgoing`: WebSockets that a handler opens.

use std::sync::Arc;

use http::Uri;
use wasmtime::Result;
use wasmtime::component::Linker;

use super::connect_options::{self, ConnectOptions, ConnectOptionsHandle};
use super::{State, Store, check_ownership};
use crate::clients::ClientId;
use crate::dialer::{DialError, DialRequest};
use crate::outgoing::WebSocketRequest;

const OUTGOING: &str = "ws-host:socket/outgoing@0.1.0";

/// The maximum length of a URL, in bytes.
const MAX_URL: usize = 4 << 10;

type Connected = Result<(std::result::Result<u64, &'static str>,)>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut outgoing = linker.instance(OUTGOING)?;
    connect_options::add_to_interface(&mut outgoing)?;
    outgoing.func_wrap("connect", connect)?;
    outgoing.func_wrap("connections", |store: Store<'_>, (): ()| {
        let all = store.data().resources.outgoing.all();
        let open = all.iter().filter(|connection| connection.is_open());
        Ok((open.map(|connection| connection.id().0).collect::<Vec<u64>>(),))
    })?;
    outgoing.func_wrap("url", |store: Store<'_>, (connection,): (u64,)| {
        let url = super::for_known_client(&store, connection, |client| {
            client.info().url.as_deref().map(str::to_owned)
        });
        Ok((url.flatten(),))
    })
}

/// Opens a WebSocket, if its server is granted.
fn connect(
    mut store: Store<'_>,
    (url, options): (String, Option<ConnectOptionsHandle>),
) -> Connected {
    check_ownership(&store)?;
    let state = store.data_mut();
    let request = match request(state, &url, options.as_ref()) {
        Ok(request) => request,
        Err(error) => return Ok((Err(error),)),
    };
    let Some(client) = state.granted_web_sockets(&request.url) else {
        return Ok((Err("not-granted"),));
    };
    let resources = Arc::clone(&state.resources);
    let Some(dialer) = resources.dialer.get() else { return Ok((Err("stopping"),)) };
    let (setup, server) = (Arc::clone(state.setup()), server(&request.url));
    let request = DialRequest {
        path: request.url.path().to_owned(),
        query: request.url.query().map(str::to_owned),
        is_encrypted: request.url.scheme_str() == Some("wss"),
        subprotocols: request.subprotocols.clone(),
        connect: Box::pin(async move {
            let opened = client.open(request).await;
            opened.inspect_err(|error| {
                setup.grants.log_failed(&setup.source, &server, error);
            })
        }),
        url,
    };
    Ok((dialer.dial(&resources, request).map(|ClientId(id)| id).map_err(|error| match error {
        DialError::TooMany => "too-many",
        DialError::Stopping => "stopping",
    }),))
}

/// Checks the connection that a handler asks for.
fn request(
    state: &State,
    url: &str,
    options: Option<&ConnectOptionsHandle>,
) -> std::result::Result<WebSocketRequest, &'static str> {
    let options = match options {
        Some(options) => state.connect_options.get(options)?.clone(),
        None => ConnectOptions::default(),
    };
    if url.len() > MAX_URL {
        return Err("too-long");
    }
    let parsed = url.parse::<Uri>().map_err(|_| "invalid-url")?;
    let is_web_socket = matches!(parsed.scheme_str(), Some("ws" | "wss"));
    // RFC 6455 §3 allows no fragment. A user name is refused because it would not be sent.
    if !is_web_socket || url.contains('#') || authority(&parsed).contains('@') {
        return Err("invalid-url");
    }
    let ConnectOptions { subprotocols, headers } = options;
    Ok(WebSocketRequest { url: parsed, subprotocols, headers })
}

fn authority(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}

/// Returns the part of a URL that the log may show. The rest may contain secrets.
fn server(url: &Uri) -> String {
    format!("{}://{}", url.scheme_str().unwrap_or_default(), authority(url))
}

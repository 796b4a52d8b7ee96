//! The interface `outgoing`: WebSockets that a handler opens.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Uri};
use wasmtime::Result;
use wasmtime::component::Linker;
use ws_host_protocol::handshake::belongs_to_handshake;

use super::{State, Store, check_ownership};
use crate::clients::ClientId;
use crate::dialer::{DialError, DialRequest};
use crate::outgoing::WebSocketRequest;

const OUTGOING: &str = "ws-host:socket/outgoing@0.1.0";

/// The maximum length of a URL, and the maximum total length of all headers and subprotocols, in bytes.
const MAX_URL: usize = 4 << 10;
const MAX_HEADERS: usize = 16 << 10;

/// The maximum number of subprotocols, and of headers.
const MAX_NUMBER: usize = 100;

/// The headers that apply to a single connection between two machines. Only the host may set them (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "http2-settings",
];

type Headers = Vec<(String, Vec<u8>)>;
type Connected = Result<(std::result::Result<u64, &'static str>,)>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut outgoing = linker.instance(OUTGOING)?;
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
    (url, subprotocols, headers): (String, Vec<String>, Headers),
) -> Connected {
    check_ownership(&store)?;
    let state = store.data_mut();
    let request = match request(&url, subprotocols, headers) {
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
    url: &str,
    subprotocols: Vec<String>,
    headers: Headers,
) -> std::result::Result<WebSocketRequest, &'static str> {
    let in_headers = headers.iter().map(|(name, value)| name.len() + value.len());
    let bytes = in_headers.chain(subprotocols.iter().map(String::len)).sum::<usize>();
    let is_too_long = url.len() > MAX_URL || bytes > MAX_HEADERS;
    if is_too_long || subprotocols.len().max(headers.len()) > MAX_NUMBER {
        return Err("too-long");
    }
    let parsed = url.parse::<Uri>().map_err(|_| "invalid-url")?;
    let is_web_socket = matches!(parsed.scheme_str(), Some("ws" | "wss"));
    // RFC 6455 §3 allows no fragment. A user name is refused because it would not be sent.
    if !is_web_socket || url.contains('#') || authority(&parsed).contains('@') {
        return Err("invalid-url");
    }
    if !subprotocols.iter().all(|name| is_token(name)) {
        return Err("invalid-subprotocol");
    }
    let checked = headers.into_iter().map(|(name, value)| {
        let name = HeaderName::try_from(name).map_err(|_| "invalid-header")?;
        let value = HeaderValue::try_from(value).map_err(|_| "invalid-header")?;
        match belongs_to_handshake(&name) || HOP_BY_HOP.contains(&name.as_str()) {
            true => Err("invalid-header"),
            false => Ok((name, value)),
        }
    });
    Ok(WebSocketRequest {
        headers: checked.collect::<std::result::Result<_, _>>()?,
        url: parsed,
        subprotocols,
    })
}

fn authority(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}

/// Returns whether a string is a token (RFC 9110 §5.6.2). A header name must be a token.
fn is_token(text: &str) -> bool {
    HeaderName::try_from(text).is_ok()
}

/// Returns the part of a URL that the log may show. The rest may contain secrets.
fn server(url: &Uri) -> String {
    format!("{}://{}", url.scheme_str().unwrap_or_default(), authority(url))
}

//! `wasi:http`: requests to granted servers, and denials of all other requests.
//!
//! Every function that only prepares a request works without a grant, because toolchains import it whether a handler
//! uses it or not. `handle` checks the grant.

use http::Uri;
use http::uri::{Authority, PathAndQuery};
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, Host as _, HostOutgoingRequest as _, Method, RequestOptions, Scheme,
};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, WasiHttpView};

use super::state::State;

/// The interfaces whose functions are replaced, in the version that the crates define. A component may import any patch
/// version of 0.2.
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
const HTTP_TYPES: &str = "wasi:http/types@0.2.12";

/// The maximum length of a request's method, scheme, path or host, in bytes. These are limited because the host keeps
/// them in memory.
const MAX_PART: usize = 4 << 10;

type Store<'a> = StoreContextMut<'a, State>;
type SetResult = Result<(Result<(), ()>,)>;
type Handled = std::result::Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// Adds `wasi:http`. Some functions of this module replace those of `wasmtime_wasi_http`.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    linker.instance(OUTGOING_HANDLER)?.func_wrap("handle", handle)?;
    let mut types = linker.instance(HTTP_TYPES)?;
    types.func_wrap("http-error-code", http_error_code)?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-scheme", set_scheme)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    types.func_wrap("[method]outgoing-request.set-path-with-query", set_path)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Sends a request, if its server is granted.
fn handle(
    mut store: Store<'_>,
    (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>),
) -> Result<(Handled,)> {
    let state = store.data_mut();
    let checked = check(state.http().table.get(&request)?);
    let denied = match checked {
        Err(error) => Some(error),
        Ok(server) => (!state.is_granted(&server)).then_some(ErrorCode::HttpRequestDenied),
    };
    // The crate takes ownership of the options, but never frees their entry in the table. So it is freed here.
    let options_to_delete = options.as_ref().map(Resource::rep);
    let handled = match denied {
        None => match state.http().handle(request, options) {
            Ok(response) => Ok(response),
            Err(error) => Err(error.downcast()?),
        },
        Some(error) => {
            state.http().table.delete(request)?;
            Err(error)
        }
    };
    if let Some(options) = options_to_delete {
        state.http().table.delete(Resource::<RequestOptions>::new_own(options))?;
    }
    Ok((handled,))
}

/// Returns the server of a request, as a URL without a path.
///
/// # Errors
///
/// The request cannot be sent to any server.
fn check(request: &HostOutgoingRequest) -> std::result::Result<Uri, ErrorCode> {
    // CONNECT would open a tunnel through the server to other servers.
    if matches!(request.method, Method::Connect) {
        return Err(ErrorCode::HttpRequestMethodInvalid);
    }
    let scheme = match &request.scheme {
        Some(Scheme::Http) => "http",
        Some(Scheme::Https) | None => "https",
        Some(Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
    };
    let authority = request.authority.as_deref().and_then(|text| text.parse::<Authority>().ok());
    match authority {
        // A user name is refused, because it would become part of the Host header.
        Some(authority) if !authority.as_str().contains('@') => Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(PathAndQuery::from_static("/"))
            .build()
            .map_err(|_| ErrorCode::HttpRequestUriInvalid),
        _ => Err(ErrorCode::HttpRequestUriInvalid),
    }
}

/// Returns the kind of the error that ended a body. This replaces the function of the same name in
/// `wasmtime_wasi_http`, which does not recognize the type of error that bodies have here.
fn http_error_code(
    mut store: Store<'_>,
    (error,): (Resource<wasmtime::Error>,),
) -> Result<(Option<ErrorCode>,)> {
    let mut http = store.data_mut().http();
    let code = match http.table.get(&error)?.downcast_ref() {
        Some(Error::ConnectionReadTimeout) => Some(ErrorCode::ConnectionReadTimeout),
        Some(Error::HttpResponseBodySize(size)) => Some(ErrorCode::HttpResponseBodySize(*size)),
        Some(Error::HttpResponseIncomplete) => Some(ErrorCode::HttpResponseIncomplete),
        Some(Error::HttpProtocolError) => Some(ErrorCode::HttpProtocolError),
        _ => http.http_error_code(error)?,
    };
    Ok((code,))
}

fn set_method(
    mut store: Store<'_>,
    (request, method): (Resource<HostOutgoingRequest>, Method),
) -> SetResult {
    // A handler must not pass CONNECT as `Method::Other`, because `check` refuses only `Method::Connect`.
    let is_valid = |name: &str| name.len() <= MAX_PART && !name.eq_ignore_ascii_case("connect");
    if matches!(&method, Method::Other(name) if !is_valid(name)) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_method(request, method)?,))
}

fn set_scheme(
    mut store: Store<'_>,
    (request, scheme): (Resource<HostOutgoingRequest>, Option<Scheme>),
) -> SetResult {
    if matches!(&scheme, Some(Scheme::Other(name)) if name.len() > MAX_PART) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_scheme(request, scheme)?,))
}

fn set_authority(
    mut store: Store<'_>,
    (request, authority): (Resource<HostOutgoingRequest>, Option<String>),
) -> SetResult {
    if is_too_long(authority.as_deref()) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_authority(request, authority)?,))
}

fn set_path(
    mut store: Store<'_>,
    (request, path): (Resource<HostOutgoingRequest>, Option<String>),
) -> SetResult {
    if is_too_long(path.as_deref()) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_path_with_query(request, path)?,))
}

fn is_too_long(part: Option<&str>) -> bool {
    part.is_some_and(|part| part.len() > MAX_PART)
}

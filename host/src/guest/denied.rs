//! The imports of WASI that are denied to handlers: files, sockets and HTTP requests.
//!
//! All of them link, because toolchains import them whether a handler uses them or not. Everything that prepares a
//! request or a socket works as usual. The step that would leave the sandbox returns the error code for an action that
//! is not permitted, and is logged the first time.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the linker asks for functions that take the store by value"
)]

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::Descriptor;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::ResolveAddressStream;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode as HttpErrorCode, HostOutgoingRequest as _, Method, RequestOptions, Scheme,
};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpHooks, WasiHttpView};

use super::denials::Denied;
use super::state::State;

/// The interfaces with functions that are replaced, in the version that the crates define. A component may import any
/// patch version of 0.2.
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
const HTTP_TYPES: &str = "wasi:http/types@0.2.12";
const TCP_CREATE_SOCKET: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const UDP_CREATE_SOCKET: &str = "wasi:sockets/udp-create-socket@0.2.12";
const IP_NAME_LOOKUP: &str = "wasi:sockets/ip-name-lookup@0.2.12";
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";

/// The longest method, scheme, path or host of a request, in bytes. The host keeps them in memory.
const MAX_PART: usize = 4 << 10;

/// How many writes to the body of a request the host keeps, and how many bytes each may have: as many as
/// `blocking-write-and-flush` takes at once.
const MAX_WRITES: usize = 4;
const MAX_WRITE: usize = 4 << 10;

type Store<'a> = StoreContextMut<'a, State>;
type SetResult = Result<(Result<(), ()>,)>;
type SocketResult<T> = Result<(Result<Resource<T>, ErrorCode>,)>;
type Directories = Vec<(Resource<Descriptor>, String)>;

/// Adds the denied functions. They replace those that the linker already has.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    linker.instance(OUTGOING_HANDLER)?.func_wrap("handle", handle)?;
    let mut types = linker.instance(HTTP_TYPES)?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-scheme", set_scheme)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    types.func_wrap("[method]outgoing-request.set-path-with-query", set_path)?;
    linker.instance(TCP_CREATE_SOCKET)?.func_wrap("create-tcp-socket", create_tcp_socket)?;
    linker.instance(UDP_CREATE_SOCKET)?.func_wrap("create-udp-socket", create_udp_socket)?;
    linker.instance(IP_NAME_LOOKUP)?.func_wrap("resolve-addresses", resolve_addresses)?;
    linker.instance(PREOPENS)?.func_wrap("get-directories", get_directories)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn handle(
    mut store: Store<'_>,
    (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>),
) -> Result<(Result<Resource<HostFutureIncomingResponse>, HttpErrorCode>,)> {
    let state = store.data_mut();
    let table = state.http().table;
    table.delete(request)?;
    if let Some(options) = options {
        table.delete(options)?;
    }
    state.log_denied(Denied::Http);
    Ok((Err(HttpErrorCode::HttpRequestDenied),))
}

fn set_method(
    mut store: Store<'_>,
    (request, method): (Resource<HostOutgoingRequest>, Method),
) -> SetResult {
    if matches!(&method, Method::Other(name) if name.len() > MAX_PART) {
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

fn create_tcp_socket(store: Store<'_>, (_,): (IpAddressFamily,)) -> SocketResult<TcpSocket> {
    store.data().log_denied(Denied::Tcp);
    Ok((Err(ErrorCode::AccessDenied),))
}

fn create_udp_socket(store: Store<'_>, (_,): (IpAddressFamily,)) -> SocketResult<UdpSocket> {
    store.data().log_denied(Denied::Udp);
    Ok((Err(ErrorCode::AccessDenied),))
}

fn resolve_addresses(
    store: Store<'_>,
    (_, _): (Resource<Network>, String),
) -> SocketResult<ResolveAddressStream> {
    store.data().log_denied(Denied::NameLookup);
    Ok((Err(ErrorCode::AccessDenied),))
}

/// Returns the granted directories. Without any, a guest can open no file. This is then the only call to
/// `wasi:filesystem` that it makes, so the denial is logged here. Calls by start-up code are not logged: the runtimes of
/// some toolchains always make this call.
fn get_directories(mut store: Store<'_>, (): ()) -> Result<(Directories,)> {
    if store.data().grants().has_folders() {
        return Ok((store.data_mut().filesystem().get_directories()?,));
    }
    if store.data().has_started() {
        store.data().log_denied(Denied::Files);
    }
    Ok((Vec::new(),))
}

/// Limits the bodies of HTTP requests, and sends no request.
pub(super) struct DeniedHttp;

impl WasiHttpHooks for DeniedHttp {
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        MAX_WRITES
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_WRITE
    }

    /// Never called, because `handle` is replaced.
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Transfer), Error>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// The rest of an exchange, after the head of the response.
type Transfer = Box<dyn Future<Output = Result<(), Error>> + Send>;

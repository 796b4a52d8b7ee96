//! The WASI imports that are denied to handlers: sockets, and folders that are not granted.
//!
//! All these imports can be linked, because toolchains import them whether a handler uses them or not. The functions
//! that would lead out of the sandbox return the error code for an action that is not permitted, or an empty list of
//! folders. For each of these functions, the first call is logged.

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

use super::denials::Denied;
use super::state::State;

/// The interfaces whose functions are replaced, in the version that the crates define. A component may import any patch
/// version of 0.2.
const TCP_CREATE_SOCKET: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const UDP_CREATE_SOCKET: &str = "wasi:sockets/udp-create-socket@0.2.12";
const IP_NAME_LOOKUP: &str = "wasi:sockets/ip-name-lookup@0.2.12";
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";

type Store<'a> = StoreContextMut<'a, State>;
type SocketResult<T> = Result<(Result<Resource<T>, ErrorCode>,)>;
type Directories = Vec<(Resource<Descriptor>, String)>;

/// Adds the functions that deny access. They replace functions that the linker already has.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    linker.instance(TCP_CREATE_SOCKET)?.func_wrap("create-tcp-socket", create_tcp_socket)?;
    linker.instance(UDP_CREATE_SOCKET)?.func_wrap("create-udp-socket", create_udp_socket)?;
    linker.instance(IP_NAME_LOOKUP)?.func_wrap("resolve-addresses", resolve_addresses)?;
    linker.instance(PREOPENS)?.func_wrap("get-directories", get_directories)?;
    linker.allow_shadowing(false);
    Ok(())
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

/// Returns the granted directories. A guest without directories can open no file, so this is its only call to
/// `wasi:filesystem`, and the denial is logged here. Calls by start-up code are not logged, because the runtimes of
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

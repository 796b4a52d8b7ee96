//! How a guest wants messages to be sent: the resource `send-options`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, Resource, ResourceTable, ResourceType, WasmList};
use ws_host_protocol::{Compression, Form};

use super::text::Text;
use super::{Done, Store};
use crate::clients::ClientId;
use crate::guest::state::State;

/// How many an instance may have at a time.
const MAX_OPTIONS: usize = 1_000;

/// How many clients one may except.
const MAX_EXCEPT: usize = 1_000;

/// What a resource is that found no place. The table has places below [`MAX_OPTIONS`] alone.
const NO_PLACE: u32 = u32::MAX;

/// How messages are sent, and to whom they are not.
#[derive(Clone, Debug, Default)]
pub(in crate::guest) struct SendOptions {
    pub(super) form: Form,
    /// Lowest first.
    pub(super) except: Vec<ClientId>,
}

/// Those of an instance.
#[derive(Debug)]
pub(in crate::guest) struct Options(ResourceTable);

/// The guest's name for one.
pub(super) type Handle = Resource<Arc<SendOptions>>;

impl Options {
    pub(in crate::guest) fn new() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_OPTIONS);
        Self(table)
    }
}

/// What a guest has said of how to send.
pub(super) fn chosen(
    store: &Store<'_>,
    handle: Option<&Handle>,
) -> Result<Arc<SendOptions>, &'static str> {
    match handle {
        None => Ok(Arc::default()),
        Some(handle) => match store.data().options.0.get(handle) {
            Ok(options) => Ok(Arc::clone(options)),
            Err(_) => Err("too-many-options"),
        },
    }
}

pub(super) fn add_to(clients: &mut LinkerInstance<'_, State>) -> Result<()> {
    let ty = ResourceType::host::<Arc<SendOptions>>();
    clients.resource("send-options", ty, |mut store: Store<'_>, number| {
        // One that found no place is not there.
        let _ = store.data_mut().options.0.delete(Handle::new_own(number));
        Ok(())
    })?;
    clients.func_wrap("[constructor]send-options", new)?;
    clients.func_wrap("[method]send-options.set-compression", set_compression)?;
    clients.func_wrap("[method]send-options.set-max-frame", set_max_frame)?;
    clients.func_wrap("[method]send-options.set-except", set_except)
}

fn new(mut store: Store<'_>, (): ()) -> Result<(Handle,)> {
    let options = Arc::<SendOptions>::default();
    let placed = store.data_mut().options.0.push(options);
    Ok((placed.unwrap_or_else(|_| Handle::new_own(NO_PLACE)),))
}

fn set_compression(store: Store<'_>, (options, how): (Handle, Text)) -> Result<Done> {
    let compression = match &*how.to_str(&store)? {
        "by-length" => Compression::ByLength,
        "always" => Compression::Always,
        "never" => Compression::Never,
        _ => return Ok((Err("unknown"),)),
    };
    set(store, &options, |options| options.form.compression = compression)
}

fn set_max_frame(store: Store<'_>, (options, bytes): (Handle, Option<u32>)) -> Result<Done> {
    let bytes = bytes.map(|bytes| NonZeroUsize::new(bytes as usize));
    if bytes == Some(None) {
        return Ok((Err("invalid"),));
    }
    set(store, &options, |options| options.form.frame_size = bytes.flatten())
}

fn set_except(store: Store<'_>, (options, clients): (Handle, WasmList<u64>)) -> Result<Done> {
    let clients = clients.as_le_slice(&store);
    if clients.len() > MAX_EXCEPT {
        return Ok((Err("too-many"),));
    }
    let mut except: Vec<_> = clients.iter().map(|id| ClientId(u64::from_le(*id))).collect();
    except.sort_unstable();
    set(store, &options, |options| options.except = except)
}

fn set(
    mut store: Store<'_>,
    options: &Handle,
    change: impl FnOnce(&mut SendOptions),
) -> Result<Done> {
    // Sending with one that found no place says so.
    if let Ok(options) = store.data_mut().options.0.get_mut(options) {
        change(Arc::make_mut(options));
    }
    Ok((Ok(()),))
}

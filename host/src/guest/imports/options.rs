//! The resource `send-options`, which says how messages are sent.

use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, Resource, ResourceTable, ResourceType, WasmList};
use ws_host_protocol::{Compression, Form};

use super::text::Text;
use super::{Outcome, Store};
use crate::clients::ClientId;
use crate::guest::state::State;

/// How many options an instance may have at once.
const MAX_OPTIONS: usize = 1_000;

/// How many clients one set of options may exclude.
const MAX_EXCEPT: usize = 1_000;

/// The handle that a guest gets for options beyond [`MAX_OPTIONS`]. No entry of the table has this handle, because all
/// handles of entries are lower.
const INVALID_HANDLE: u32 = u32::MAX;

/// How messages are sent, and which clients do not get them.
#[derive(Clone, Debug, Default)]
pub(in crate::guest) struct SendOptions {
    pub(super) form: Form,
    /// The clients that do not get the message, sorted.
    pub(super) except: Vec<ClientId>,
}

/// The options of an instance.
#[derive(Debug)]
pub(in crate::guest) struct OptionsTable(ResourceTable);

/// The guest's handle to options.
pub(super) type OptionsHandle = Resource<Arc<SendOptions>>;

impl OptionsTable {
    pub(in crate::guest) fn new() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_OPTIONS);
        Self(table)
    }
}

/// Returns the options of a handle. Without a handle, returns the default options.
///
/// # Errors
///
/// `too-many-options` if the instance already had too many options when it created these.
pub(super) fn resolve(
    store: &Store<'_>,
    handle: Option<&OptionsHandle>,
) -> Result<Arc<SendOptions>, &'static str> {
    match handle {
        None => Ok(Arc::default()),
        Some(handle) => match store.data().options.0.get(handle) {
            Ok(options) => Ok(Arc::clone(options)),
            Err(_) => Err("too-many-options"),
        },
    }
}

/// Adds the resource to the interface `clients`.
pub(super) fn add_to_interface(clients: &mut LinkerInstance<'_, State>) -> Result<()> {
    let ty = ResourceType::host::<Arc<SendOptions>>();
    clients.resource("send-options", ty, |mut store: Store<'_>, number| {
        // For the invalid handle this fails, because it is not in the table.
        let _ = store.data_mut().options.0.delete(OptionsHandle::new_own(number));
        Ok(())
    })?;
    clients.func_wrap("[constructor]send-options", new)?;
    clients.func_wrap("[method]send-options.set-compression", set_compression)?;
    clients.func_wrap("[method]send-options.set-max-frame", set_max_frame)?;
    clients.func_wrap("[method]send-options.set-except", set_except)
}

fn new(mut store: Store<'_>, (): ()) -> Result<(OptionsHandle,)> {
    let options = Arc::<SendOptions>::default();
    let added = store.data_mut().options.0.push(options);
    Ok((added.unwrap_or_else(|_| OptionsHandle::new_own(INVALID_HANDLE)),))
}

fn set_compression(store: Store<'_>, (options, mode): (OptionsHandle, Text)) -> Result<Outcome> {
    let compression = match &*mode.to_str(&store)? {
        "by-length" => Compression::ByLength,
        "always" => Compression::Always,
        "never" => Compression::Never,
        _ => return Ok((Err("unknown"),)),
    };
    set(store, &options, |options| options.form.compression = compression)
}

fn set_max_frame(
    store: Store<'_>,
    (options, bytes): (OptionsHandle, Option<u32>),
) -> Result<Outcome> {
    let bytes = bytes.map(|bytes| NonZeroUsize::new(bytes as usize));
    if bytes == Some(None) {
        return Ok((Err("invalid"),));
    }
    set(store, &options, |options| options.form.frame_size = bytes.flatten())
}

fn set_except(
    store: Store<'_>,
    (options, clients): (OptionsHandle, WasmList<u64>),
) -> Result<Outcome> {
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
    options: &OptionsHandle,
    change: impl FnOnce(&mut SendOptions),
) -> Result<Outcome> {
    // The invalid handle has no options to set. The error is reported when the options are used.
    if let Ok(options) = store.data_mut().options.0.get_mut(options) {
        change(Arc::make_mut(options));
    }
    Ok((Ok(()),))
}

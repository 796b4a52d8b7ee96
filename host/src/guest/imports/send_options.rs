//! The resource `send-options`, which says how messages are sent.

use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, Resource, WasmList};
use ws_host_protocol::{Compression, Form};

use super::options_table::{Options, OptionsTable, add_resource};
use super::text::Text;
use super::{Outcome, Store};
use crate::clients::ClientId;
use crate::guest::state::State;

/// How many clients one set of options may exclude.
const MAX_EXCEPT: usize = 1_000;

/// How messages are sent, and which clients do not get them.
#[derive(Clone, Debug, Default)]
pub(in crate::guest) struct SendOptions {
    pub(super) form: Form,
    /// The clients that do not get the message, sorted.
    pub(super) except: Vec<ClientId>,
}

/// The options of a guest. A send to many clients holds a reference to its options while it runs.
pub(in crate::guest) type SharedSendOptions = Arc<SendOptions>;

/// The guest's handle to options.
pub(super) type SendOptionsHandle = Resource<SharedSendOptions>;

impl Options for SharedSendOptions {
    const NAME: &str = "send-options";
    const MAX: usize = 1_000;

    fn table(state: &mut State) -> &mut OptionsTable<Self> {
        &mut state.send_options
    }
}

/// Returns the options of a handle. Without a handle, returns the default options.
///
/// # Errors
///
/// `too-many-options` if the instance already had the maximum number of options when it created this handle.
pub(super) fn resolve(
    store: &Store<'_>,
    handle: Option<&SendOptionsHandle>,
) -> Result<SharedSendOptions, &'static str> {
    handle.map_or_else(
        || Ok(Arc::default()),
        |handle| store.data().send_options.get(handle).map(Arc::clone),
    )
}

/// Adds the resource to the interface `clients`.
pub(super) fn add_to_interface(clients: &mut LinkerInstance<'_, State>) -> Result<()> {
    add_resource::<SharedSendOptions>(clients)?;
    clients.func_wrap("[method]send-options.set-compression", set_compression)?;
    clients.func_wrap("[method]send-options.set-max-frame", set_max_frame)?;
    clients.func_wrap("[method]send-options.set-except", set_except)
}

fn set_compression(
    store: Store<'_>,
    (options, mode): (SendOptionsHandle, Text),
) -> Result<Outcome> {
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
    (options, bytes): (SendOptionsHandle, Option<u32>),
) -> Result<Outcome> {
    let bytes = bytes.map(|bytes| NonZeroUsize::new(bytes as usize));
    if bytes == Some(None) {
        return Ok((Err("invalid"),));
    }
    set(store, &options, |options| options.form.frame_size = bytes.flatten())
}

fn set_except(
    store: Store<'_>,
    (options, clients): (SendOptionsHandle, WasmList<u64>),
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
    options: &SendOptionsHandle,
    change: impl FnOnce(&mut SendOptions),
) -> Result<Outcome> {
    if let Some(options) = store.data_mut().send_options.get_mut(options) {
        change(Arc::make_mut(options));
    }
    Ok((Ok(()),))
}

//! What the store of a guest holds, and how the limits are put on it.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::limits::{Limits, Meter};
use crate::belongings::Belongings;
use crate::clients::Client;

/// After how many ticks a call yields for the first time. Not one: a short call that a tick happens
/// to fall into would yield too, everybody else would queue up behind it, and under load a queue at
/// a fair lock never dissolves again.
const FIRST_YIELD: u64 = 2;

/// What the store of a guest holds.
pub(super) struct State {
    pub(super) belongings: Arc<Belongings>,
    /// The client whose event it is: most sends go back to it, and need not look it up.
    pub(super) current: Option<Arc<Client>>,
    pub(super) meter: Meter,
    pub(super) wasi: WasiCtx,
    pub(super) resources: ResourceTable,
}

/// Puts the limits on a store, before anything is instantiated in it.
pub(super) fn install(store: &mut Store<State>, limits: Limits) {
    store.limiter_async(|state| &mut state.meter);
    // What a call hands over lies in the guest's memory, so that no call needs more than that.
    store.set_hostcall_fuel(limits.max_memory);
    store.epoch_deadline_callback(|mut store: StoreContextMut<'_, State>| {
        Ok(store.data_mut().meter.tick()?)
    });
}

/// Gives the call that begins its whole CPU budget.
pub(super) fn begin(store: &mut Store<State>) {
    store.data_mut().meter.begin();
    store.set_epoch_deadline(FIRST_YIELD);
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

//! What the store of a guest holds, and how the limits are put on it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::last_words::LastWords;
use super::limits::{Limits, Meter};
use super::log::{GuestLog, GuestStream};
use super::log_budget::LogBudget;
use crate::belongings::Belongings;
use crate::clients::Client;

/// After how many ticks a call yields for the first time. Not one: a short call that a tick happens to fall into
/// would yield too, and everybody else would wait for it.
const FIRST_YIELD: u64 = 2;

/// WASI resources (streams, timers) that one instance may hold at once; each costs the host memory.
const MAX_RESOURCES: usize = 10_000;

/// Octets of random numbers that one call may ask for.
const MAX_RANDOM: u64 = 1 << 20;

/// What all instances of a component are given.
pub(super) struct Setup {
    /// Whose standard output and error it is.
    pub(super) component: Arc<str>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) log: Arc<LogBudget>,
}

/// What the store of a guest holds.
pub(super) struct State {
    pub(super) belongings: Arc<Belongings>,
    /// The client whose event it is: most sends go back to it, and need not look it up.
    pub(super) current: Option<Arc<Client>>,
    /// While it resumes: how old the state is, if it is not as the last event left it.
    pub(super) state_age: Option<Duration>,
    pub(super) meter: Meter,
    wasi: Wasi,
}

/// What WASI needs, made when the guest asks for something of it: many never do.
struct Wasi {
    setup: Arc<Setup>,
    last_words: LastWords,
    context: Option<Box<WasiCtx>>,
    resources: ResourceTable,
}

impl State {
    pub(super) fn new(belongings: Arc<Belongings>, meter: Meter, setup: Arc<Setup>) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_RESOURCES);
        let wasi = Wasi { setup, last_words: LastWords::default(), context: None, resources };
        Self { belongings, current: None, state_age: None, meter, wasi }
    }

    pub(super) fn last_words(&self) -> String {
        self.wasi.last_words.get()
    }
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
        let Wasi { setup, last_words, context, resources } = &mut self.wasi;
        let context = context.get_or_insert_with(|| Box::new(setup.wasi(last_words)));
        WasiCtxView { ctx: context, table: resources }
    }
}

impl Setup {
    /// No files and no network: the environment of the configuration, and standard output and error
    /// into the host's log.
    fn wasi(&self, last_words: &LastWords) -> WasiCtx {
        let stream = |stream| GuestLog::new(&self.component, stream, last_words, &self.log);
        WasiCtxBuilder::new()
            .stdout(stream(GuestStream::Stdout))
            .stderr(stream(GuestStream::Stderr))
            .envs(&self.environment)
            .max_random_size(MAX_RANDOM)
            .build()
    }
}

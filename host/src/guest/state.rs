//! What the store of a guest holds, and how the limits are put on it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::burst::Burst;
use super::call_info::{CustomInfo, Reason};
use super::denials::{Denials, Denied};
use super::denied::Unsent;
use super::imports::{Options, Reply};
use super::instance::Disconnection;
use super::limits::{Limits, Meter};
use super::log::{GuestLog, GuestStream};
use super::log_budget::LogBudget;
use super::recent_stderr::RecentStderr;
use crate::actor_resources::ActorResources;
use crate::clients::{Client, ClientId};

/// After how many ticks a call yields for the first time. Not one: a short call that a tick happens to fall into
/// would yield too, and everybody else would wait for it.
const FIRST_YIELD: u64 = 2;

/// WASI resources (streams, timers) that one instance may hold at once; each costs the host memory.
const MAX_RESOURCES: usize = 10_000;

/// The same when something of HTTP is added, because that may be 48 KiB each: a request with its body and headers.
const MAX_RESOURCES_WITH_HTTP: usize = 1_000;

/// Octets of the headers of one request.
const MAX_HTTP_HEADERS: usize = 16 << 10;

/// Octets of random numbers that one call may ask for.
const MAX_RANDOM: u64 = 1 << 20;

/// What all instances of a component are given.
pub(super) struct Setup {
    /// Whose standard output and error it is.
    pub(super) component: Arc<str>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) log: Arc<LogBudget>,
    /// What its handler asked for in vain.
    pub(super) denials: Denials,
}

/// What the store of a guest holds.
pub(super) struct State {
    pub(super) resources: Arc<ActorResources>,
    /// The client whose event it is: most sends go back to it, and need not look it up.
    pub(super) current: Option<Arc<Client>>,
    /// While `received-burst` runs: what it takes its messages from.
    pub(super) burst: Option<Box<dyn Burst>>,
    /// While `connected` runs: whose handshake is answered, and with what.
    pub(super) reply: Option<(ClientId, Reply)>,
    /// While `disconnected` runs: who has gone, and how.
    pub(super) leaving: Option<(Arc<Client>, Disconnection)>,
    pub(super) options: Options,
    /// While it resumes: how old the state is, if it is not as the last event left it.
    pub(super) state_age: Option<Duration>,
    /// While it gives its state or resumes: why.
    pub(super) state_reason: Option<Reason>,
    /// While it is given a message from outside: what is known of that.
    pub(super) custom: Option<CustomInfo>,
    pub(super) meter: Meter,
    wasi: Wasi,
}

/// What WASI needs, made when the guest asks for something of it: many never do.
struct Wasi {
    setup: Arc<Setup>,
    last_words: RecentStderr,
    context: Option<Box<WasiCtx>>,
    http: WasiHttpCtx,
    unsent: Unsent,
    resources: ResourceTable,
    /// Whether its start-up code has run.
    is_made: bool,
}

impl State {
    pub(super) fn new(resources: Arc<ActorResources>, meter: Meter, setup: Arc<Setup>) -> Self {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_HTTP_HEADERS);
        let wasi = Wasi {
            setup,
            last_words: RecentStderr::default(),
            context: None,
            http,
            unsent: Unsent,
            resources: ResourceTable::new(),
            is_made: false,
        };
        Self {
            resources,
            current: None,
            burst: None,
            reply: None,
            leaving: None,
            options: Options::new(),
            state_age: None,
            state_reason: None,
            custom: None,
            meter,
            wasi,
        }
    }

    pub(super) fn last_words(&self) -> String {
        self.wasi.last_words.get()
    }

    /// Its start-up code has run.
    pub(super) fn set_made(&mut self) {
        self.wasi.is_made = true;
    }

    pub(super) fn is_made(&self) -> bool {
        self.wasi.is_made
    }

    /// Tells the log what was denied.
    pub(super) fn log_denied(&self, denied: Denied) {
        self.wasi.setup.denials.log(denied, &self.wasi.setup.component);
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
pub(super) fn begin(mut store: StoreContextMut<'_, State>) {
    store.data_mut().meter.begin();
    store.set_epoch_deadline(FIRST_YIELD);
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { setup, last_words, context, resources, .. } = &mut self.wasi;
        resources.set_max_capacity(MAX_RESOURCES);
        let context = context.get_or_insert_with(|| Box::new(setup.wasi(last_words)));
        WasiCtxView { ctx: context, table: resources }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let Wasi { http, unsent, resources, .. } = &mut self.wasi;
        resources.set_max_capacity(MAX_RESOURCES_WITH_HTTP);
        WasiHttpCtxView { hooks: unsent, table: resources, ctx: http }
    }
}

impl Setup {
    /// No files and no network: the environment of the configuration, and standard output and error
    /// into the host's log.
    fn wasi(&self, last_words: &RecentStderr) -> WasiCtx {
        let stream = |stream| GuestLog::new(&self.component, stream, last_words, &self.log);
        WasiCtxBuilder::new()
            .stdout(stream(GuestStream::Stdout))
            .stderr(stream(GuestStream::Stderr))
            .envs(&self.environment)
            .max_random_size(MAX_RANDOM)
            .build()
    }
}

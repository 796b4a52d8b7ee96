//! The data in the store of an instance, and the limits on that store.

use std::sync::Arc;

use http::Uri;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tracing::Level;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::burst::Burst;
use super::call_info::{CallInfo, EventName};
use super::clocks::{MonotonicClock, WallClock};
use super::denials::{Denials, Denied};
use super::error::Fault;
use super::fault_injection::FaultInjection;
use super::grants::Grants;
use super::http_hooks::HttpHooks;
use super::imports::{ConnectOptions, OptionsTable, SharedSendOptions};
use super::limits::{CallKind, CallLimits, Meter};
use super::log::{GuestLog, GuestStream};
use super::log_budget::LogBudget;
use super::log_line::write_line;
use super::log_source::LogSource;
use super::recent_stderr::RecentStderr;
use crate::actor_resources::ActorResources;
use crate::blocking::off_the_workers;
use crate::clients::Client;
use crate::outgoing::WebSocketClient;
use crate::ownership::Ownership;
use crate::platform::Platform;

/// How many WASI resources (streams, timers) an instance may have at once. Each takes memory of the host.
const MAX_RESOURCES: usize = 10_000;

/// The limit on WASI resources for an instance that may read folders. It is lower than [`MAX_RESOURCES`], because each
/// open file takes a descriptor of the process.
const MAX_RESOURCES_WITH_FOLDERS: usize = 256;

/// The limit on WASI resources that applies when an HTTP resource is created. It is lower than [`MAX_RESOURCES`],
/// because an HTTP resource may take 48 KiB: a request with its body and headers.
const MAX_RESOURCES_WITH_HTTP: usize = 1_000;

/// The limit on WASI resources that applies when a `wasi:keyvalue` bucket is opened.
const MAX_RESOURCES_WITH_BUCKETS: usize = 1_000;

/// The maximum number of bytes that the headers of one request may have.
const MAX_HTTP_HEADERS: usize = 16 << 10;

/// The maximum number of random bytes that one call may ask for.
const MAX_RANDOM: u64 = 1 << 20;

/// What all instances of a component share.
pub(super) struct Setup {
    /// The names that the log uses for the component.
    pub(super) source: Arc<LogSource>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) grants: Grants,
    pub(super) log: Arc<LogBudget>,
    /// The denials that were already logged.
    pub(super) denials: Denials,
    pub(super) demand: Arc<FaultInjection>,
    pub(super) platform: Arc<dyn Platform>,
}

/// The data in the store of an instance. A part that few instances need, or that is needed only in some calls, is
/// boxed: with one instance per client, each byte here is needed for each client.
pub(super) struct State {
    pub(super) resources: Arc<ActorResources>,
    /// The current event, or the last one if none is running.
    event: EventName,
    /// Whether the start-up code of the instance has run.
    has_started: bool,
    /// The client that the current event is about. Only `Guest::begin_call` changes it. Most sends go to this client,
    /// and so need no lookup.
    pub(super) current: Option<Arc<Client>>,
    /// While `received-burst` runs: the source of its messages.
    pub(super) burst: Option<Box<dyn Burst>>,
    /// What the handler can ask about the running call, or set during it.
    pub(super) call: CallInfo,
    pub(super) send_options: OptionsTable<SharedSendOptions>,
    pub(super) connect_options: OptionsTable<ConnectOptions>,
    pub(super) meter: Meter,
    wasi: Wasi,
}

/// The data for WASI calls.
struct Wasi {
    setup: Arc<Setup>,
    /// Created by the first call that needs it, because many guests never make such a call.
    context: Option<Box<WasiContext>>,
}

/// What WASI keeps for an instance.
struct WasiContext {
    wasi: WasiCtx,
    recent_stderr: RecentStderr,
    http: WasiHttpCtx,
    http_hooks: HttpHooks,
    resources: ResourceTable,
}

impl State {
    pub(super) fn new(resources: Arc<ActorResources>, meter: Meter, setup: Arc<Setup>) -> Self {
        Self {
            resources,
            event: EventName::Start,
            has_started: false,
            current: None,
            burst: None,
            call: CallInfo::None,
            send_options: OptionsTable::new(),
            connect_options: OptionsTable::new(),
            meter,
            wasi: Wasi { setup, context: None },
        }
    }

    /// Adds details to a fault: the event in which it happened, and what is known about that event.
    #[cold]
    pub(super) fn explain(&self, fault: Fault) -> Fault {
        let stderr = self.wasi.context.as_ref().map(|context| context.recent_stderr.explanation());
        fault.during(self.event, stderr.unwrap_or_default())
    }

    /// Records that the start-up code of the instance has run.
    pub(super) fn set_started(&mut self) {
        self.has_started = true;
    }

    pub(super) fn has_started(&self) -> bool {
        self.has_started
    }

    /// Returns what all instances of the component share.
    pub(super) fn setup(&self) -> &Arc<Setup> {
        &self.wasi.setup
    }

    /// Returns the table for buckets of `wasi:keyvalue`, with a limit on their number.
    pub(super) fn buckets(&mut self) -> &mut ResourceTable {
        let resources = &mut self.wasi_context().resources;
        resources.set_max_capacity(MAX_RESOURCES_WITH_BUCKETS);
        resources
    }

    /// Returns the WASI context. The first call creates it.
    fn wasi_context(&mut self) -> &mut WasiContext {
        let Self { resources, wasi: Wasi { setup, context }, .. } = self;
        context.get_or_insert_with(|| WasiContext::new(setup, resources.ownership.clone()))
    }

    /// Returns what the instance may use outside its sandbox.
    pub(super) fn grants(&self) -> &Grants {
        &self.wasi.setup.grants
    }

    /// Opens the folders that the instance may read. Does this on another thread.
    pub(super) async fn open_folders(&mut self) -> wasmtime::Result<()> {
        let (setup, ownership) = (Arc::clone(&self.wasi.setup), self.resources.ownership.clone());
        let context = off_the_workers(move || WasiContext::new(&setup, ownership)).await;
        self.wasi.context = Some(context);
        Ok(())
    }

    /// Returns whether the instance may send requests to the server of a URL. If not, logs the first denial for each
    /// server.
    pub(super) fn is_granted(&self, server: &Uri) -> bool {
        let is_granted = self.grants().http().is_some_and(|client| client.grants(server));
        if !is_granted {
            self.wasi.setup.denials.log_server(server, &self.wasi.setup.source);
        }
        is_granted
    }

    /// Returns the client that opens WebSockets, if the server of this URL is granted. If not, logs the first denial
    /// for each server.
    pub(super) fn granted_web_sockets(&self, url: &Uri) -> Option<Arc<WebSocketClient>> {
        let client = self.grants().web_sockets().filter(|client| client.grants(url));
        if client.is_none() {
            self.wasi.setup.denials.log_server(url, &self.wasi.setup.source);
        }
        client.cloned()
    }

    /// Writes a line of the guest to the log.
    pub(super) fn log_line(&self, level: Level, line: &[u8]) {
        let Setup { source, log, .. } = &*self.wasi.setup;
        let client = match &self.call {
            CallInfo::Disconnected(disconnected) => Some(&*disconnected.0),
            _ => self.current.as_deref(),
        };
        write_line(source, log, client, level, line);
    }

    /// Logs a denial, unless one of this kind has already been logged for the component.
    pub(super) fn log_denied(&self, denied: Denied) {
        self.wasi.setup.denials.log(denied, &self.wasi.setup.source);
    }
}

/// Installs the limits in a store. Must be called before anything is instantiated in it.
pub(super) fn install_limits(store: &mut Store<State>, limits: CallLimits) {
    store.limiter_async(|state| &mut state.meter);
    // This fuel limits the bytes that one call copies. The bytes lie in the guest's memory, so fuel equal to the memory
    // limit is enough.
    store.set_hostcall_fuel(limits.max_memory);
    store.epoch_deadline_callback(|mut store: StoreContextMut<'_, State>| {
        let state = store.data_mut();
        state.resources.check_ownership()?;
        let call = match state.call {
            CallInfo::StateTransfer { .. } => CallKind::StateTransfer,
            _ => CallKind::Event,
        };
        state.meter.interrupt(call)
    });
}

/// Begins an event, a message of a burst, or the start of an instance. Each of these gets a full CPU budget.
pub(super) fn begin_event(mut store: StoreContextMut<'_, State>, event: EventName) {
    let state = store.data_mut();
    state.event = event;
    if let Some(context) = &state.wasi.context {
        context.recent_stderr.clear();
    }
    state.meter.reset_cpu_budget();
    let first_tick = state.meter.first_tick();
    store.set_epoch_deadline(first_tick);
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let max_resources = match self.grants().has_folders() {
            true => MAX_RESOURCES_WITH_FOLDERS,
            false => MAX_RESOURCES,
        };
        let WasiContext { wasi, resources, .. } = self.wasi_context();
        resources.set_max_capacity(max_resources);
        WasiCtxView { ctx: wasi, table: resources }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let WasiContext { http, http_hooks, resources, .. } = self.wasi_context();
        resources.set_max_capacity(MAX_RESOURCES_WITH_HTTP);
        WasiHttpCtxView { hooks: http_hooks, table: resources, ctx: http }
    }
}

impl WasiContext {
    /// Creates the context. Opening the granted folders blocks the thread.
    fn new(setup: &Arc<Setup>, ownership: Option<Arc<dyn Ownership>>) -> Box<Self> {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_HTTP_HEADERS);
        let recent_stderr = RecentStderr::default();
        Box::new(Self {
            wasi: setup.wasi(&recent_stderr),
            recent_stderr,
            http,
            http_hooks: HttpHooks::new(Arc::clone(setup), ownership),
            resources: ResourceTable::new(),
        })
    }
}

impl Setup {
    /// Creates a WASI context without a network. It has the configured environment variables and the granted folders.
    /// It sends standard output and standard error to the host's log. Opening the folders blocks the thread.
    fn wasi(&self, recent_stderr: &RecentStderr) -> WasiCtx {
        let stream = |stream| GuestLog::new(&self.source, stream, recent_stderr, &self.log);
        let mut wasi = WasiCtxBuilder::new();
        // This must come before the folders are opened, because each folder copies the value when it is opened.
        wasi.allow_blocking_current_thread(self.platform.blocks_for_files());
        self.grants.open_folders(&mut wasi, &self.source);
        wasi.stdout(stream(GuestStream::Stdout))
            .stderr(stream(GuestStream::Stderr))
            .envs(&self.environment)
            .max_random_size(MAX_RANDOM)
            .monotonic_clock(MonotonicClock::start())
            .wall_clock(WallClock(Arc::clone(&self.platform)));
        if let Some(seed) = self.platform.random_seed() {
            wasi.secure_random(StdRng::seed_from_u64(seed))
                .insecure_random(StdRng::seed_from_u64(seed))
                .insecure_random_seed(seed.into());
        }
        wasi.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// wasmtime's store takes 1,056 bytes and this value, together at most 1,280. The allocator rounds more than that
    /// up to 1,536.
    #[test]
    fn store_of_an_instance_is_small() {
        assert!(size_of::<State>() <= 224, "{}", size_of::<State>());
    }
}

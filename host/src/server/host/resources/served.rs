//! A served resource: its settings, its actors and its background tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Uri;
use parking_lot::{Mutex, RwLock};
use tokio_util::task::AbortOnDropHandle;

use super::context::HostContext;
use super::dialing::Dialing;
use crate::actor::{self, Code};
use crate::clients::{HostClose, OnFull, Pace};
use crate::config::{self, ConfigLocation, Grant, InvalidSetting, Mode, ResourceConfig};
use crate::guest::{self, ComponentSpec, Runtime, StoreSettings};
use crate::keyvalue::StoreLimits;
use crate::outgoing::HttpSettings;
use crate::reload::{self, Loaded, ReloadError, ReloadHandle, ReloadTask};
use crate::resource::{Resource, Stopping};
use crate::server::error::StartError;

/// The environment variable by which a guest recognizes development mode.
const DEVELOPMENT: (&str, &str) = ("WS_HOST_DEV", "1");

/// A resource that is loaded but not served yet.
pub(in crate::server) struct PreparedResource {
    settings: Arc<ResourceConfig>,
    runtime: Arc<Runtime>,
    loaded: Loaded,
}

/// A resource that is served.
pub(in crate::server) struct ServedResource {
    name: Arc<str>,
    settings: Arc<RwLock<Arc<ResourceConfig>>>,
    resource: Arc<Resource>,
    runtime: Arc<Runtime>,
    reload_handle: ReloadHandle,
    /// The number of handshakes that wait for the handler.
    waiting_handshakes: AtomicUsize,
    is_stopped: Arc<AtomicBool>,
    _reloads: AbortOnDropHandle<()>,
    sweep: Mutex<AbortOnDropHandle<()>>,
}

/// A handshake that waits for the handler. It counts towards the limit until it is dropped.
pub(in crate::server) struct PendingHandshake(Arc<ServedResource>);

impl From<config::OnFull> for OnFull {
    fn from(on_full: config::OnFull) -> Self {
        match on_full {
            config::OnFull::Drop => Self::Drop,
            config::OnFull::Close => Self::Close,
        }
    }
}

impl Drop for PendingHandshake {
    fn drop(&mut self) {
        self.0.waiting_handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PreparedResource {
    /// Loads the component of a resource and checks that it can be instantiated.
    pub(in crate::server) async fn load(
        context: &HostContext,
        settings: ResourceConfig,
    ) -> Result<Self, StartError> {
        let runtime = context.runtimes.of(&settings)?;
        let spec = component_spec(&settings, context.config.mode);
        let loaded = reload::load(&runtime, &context.workers, spec, context.config.watch).await;
        let loaded = loaded.map_err(StartError::Component)?;
        check_durable(&settings, loaded.template.has_lifecycle())?;
        Ok(Self { settings: Arc::new(settings), runtime, loaded })
    }

    pub(in crate::server) fn settings(&self) -> &ResourceConfig {
        &self.settings
    }

    /// Returns the first digits of the component's SHA-256 hash.
    pub(in crate::server) fn hash(&self) -> &str {
        self.loaded.template.hash()
    }
}

impl ServedResource {
    pub(in crate::server) fn start(context: &HostContext, prepared: PreparedResource) -> Arc<Self> {
        let PreparedResource { settings, runtime, loaded } = prepared;
        let config::ResourceLimits { max_clients, max_instances, max_state, .. } = settings.limits;
        let limits = actor::ActorLimits { max_instances, max_state };
        let template = Arc::clone(&loaded.template);
        let (name, budget) = (settings.name.to_string(), Arc::clone(&context.budget));
        let code =
            Code::new(name, template, limits, budget, context.resource_metrics.of(&settings.name));
        let max_clients = max_clients.min(context.config.limits.max_clients);
        let workers = Arc::clone(&context.workers);
        let topics = match &context.cluster {
            None => Arc::default(),
            Some(cluster) => cluster.topics(&settings.name),
        };
        let instance_per = settings.instance_per;
        let resource = Arc::new(Resource::new(code, instance_per, max_clients, workers, topics));
        let (reloads, reload_handle) =
            ReloadTask::new(Arc::clone(&resource), Arc::clone(&runtime), loaded);
        resource.code().set_checkpoint(checkpoint(&settings));
        reload_handle.set_trial(settings.trial);
        let (shared, is_stopped) = (Arc::new(RwLock::new(Arc::clone(&settings))), Arc::default());
        let dialing = Arc::new(Dialing::new(context, Arc::clone(&shared), Arc::clone(&is_stopped)));
        resource.set_dialers(Box::new(move |actor| dialing.of_actor(actor)));
        Arc::new(Self {
            name: Arc::clone(&settings.name),
            sweep: Mutex::new(sweep(&resource, &settings)),
            settings: shared,
            resource,
            runtime,
            reload_handle,
            waiting_handshakes: AtomicUsize::new(0),
            is_stopped,
            _reloads: AbortOnDropHandle::new(tokio::spawn(reloads.run())),
        })
    }

    pub(in crate::server) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the settings for new clients.
    pub(in crate::server) fn settings(&self) -> Arc<ResourceConfig> {
        Arc::clone(&self.settings.read())
    }

    pub(in crate::server) fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    pub(in crate::server) fn reload_handle(&self) -> &ReloadHandle {
        &self.reload_handle
    }

    /// Adds a handshake that waits for the handler. Returns `None` if `limit` handshakes already wait.
    pub(in crate::server) fn try_handshake(
        self: &Arc<Self>,
        limit: usize,
    ) -> Option<PendingHandshake> {
        let handshake = PendingHandshake(Arc::clone(self));
        (self.waiting_handshakes.fetch_add(1, Ordering::Relaxed) < limit).then_some(handshake)
    }

    /// Returns the number of handshakes that wait for the handler.
    pub(in crate::server) fn waiting_handshakes(&self) -> usize {
        self.waiting_handshakes.load(Ordering::Relaxed)
    }

    /// Returns whether the actors can continue with new settings.
    pub(in crate::server) fn can_change_to(&self, settings: &ResourceConfig) -> bool {
        let old = self.settings();
        let of_instances = |resource: &ResourceConfig| {
            let config::ResourceLimits { max_memory, max_instances, max_state, .. } =
                resource.limits;
            let is_durable = resource.save_every.is_some();
            let where_it_lives = (resource.instance_per, resource.unique_in, is_durable);
            (where_it_lives, max_memory, max_instances, max_state)
        };
        of_instances(&old) == of_instances(settings)
    }

    /// Loads the component again if new settings require it.
    pub(in crate::server) async fn prepare_change(
        &self,
        settings: &ResourceConfig,
        context: &HostContext,
    ) -> Result<Option<Loaded>, ReloadError> {
        let config::HostConfig { mode, watch, .. } = context.config;
        let new = component_spec(settings, mode);
        if new == component_spec(&self.settings(), mode) {
            return Ok(None);
        }
        Ok(Some(reload::load(&self.runtime, &context.workers, new, watch).await?))
    }

    /// Applies new settings to clients that connect from now on.
    pub(in crate::server) fn change(&self, settings: ResourceConfig) {
        self.resource.code().set_checkpoint(checkpoint(&settings));
        self.reload_handle.set_trial(settings.trial);
        let settings = Arc::new(settings);
        let old = std::mem::replace(&mut *self.settings.write(), Arc::clone(&settings));
        if old.timeouts.hibernate_after != settings.timeouts.hibernate_after {
            *self.sweep.lock() = sweep(&self.resource, &settings);
        }
    }

    /// Closes the outgoing connections to servers that are no longer granted.
    pub(in crate::server) fn close_revoked(&self) {
        let settings = self.settings();
        let is_granted = |url: &Uri| {
            let mut grants = settings.grants.iter();
            grants.any(|grant| matches!(grant, Grant::WebSocket(server) if server.serves(url)))
        };
        for connection in self.resource.clients_and_outgoing() {
            let url = connection.info().url.as_deref().and_then(|url| url.parse().ok());
            if url.is_some_and(|url| !is_granted(&url)) {
                connection.close_by_host(HostClose::Revoked);
            }
        }
    }

    /// Sets the durable timers from their file. Must be called before the first client connects, because the events of
    /// a client may cancel these timers.
    pub(in crate::server) async fn restore_timers(&self) {
        if let Some(file) = self.resource.code().template().durable_timers() {
            self.resource.restore_timers(&file).await;
        }
    }

    /// Stops accepting clients. Closes all clients at this pace, once `stopping` has returned in their handler or
    /// `max_wait` has passed.
    pub(in crate::server) fn stop(
        &self,
        why: HostClose<'static>,
        max_wait: Duration,
        pace: &Arc<Pace>,
    ) -> Stopping {
        self.is_stopped.store(true, Ordering::Release);
        self.resource.stop(why, max_wait, pace)
    }

    /// Ends the actors that are unique in the cluster, at this pace and within `time`, so that other hosts can own
    /// them.
    pub(in crate::server) fn hand_over(
        &self,
        why: HostClose<'static>,
        time: Duration,
        pace: &Arc<Pace>,
    ) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.resource).hand_over(why, time, Arc::clone(pace))
    }

    /// Stops the resource for good, while the host continues. Closes all clients at once, so that clients are split
    /// between old and new instances only for a short time.
    pub(in crate::server) fn end(&self, why: HostClose<'static>, max_wait: Duration) -> Stopping {
        let stopping = self.stop(why, max_wait, &Arc::new(Pace::at_once()));
        let pace = Arc::new(hand_over_pace(self.resource.hand_over_closes(), max_wait));
        tokio::spawn(self.hand_over(why, max_wait, &pace));
        self.resource.cancel_timers();
        stopping
    }

    /// Returns whether the resource has been stopped. The caller must check this again after it has accepted a client.
    pub(in crate::server) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    pub(in crate::server) fn close_all_clients(&self, why: HostClose<'_>) {
        for client in self.resource.clients_and_outgoing() {
            client.close_by_host(why);
        }
    }
}

/// Returns the pace at which this host gives up its actors that are unique in the cluster. All of them should have
/// ended within `time`. The host starts to end them one after the other, during the first three quarters of `time`. So
/// the last actor still has a quarter of `time` to end.
pub(in crate::server) fn hand_over_pace(closes: usize, time: Duration) -> Pace {
    Pace::new(closes, time / 4 * 3)
}

/// Returns the shortest time between two checkpoints. Each checkpoint of a durable state is also saved for other hosts,
/// so this is the shortest time between two such saves as well.
fn checkpoint(settings: &ResourceConfig) -> Option<Duration> {
    settings.save_every.or(settings.timeouts.checkpoint)
}

/// Checks that the component has a state to save, if the resource has durable states.
fn check_durable(settings: &ResourceConfig, has_lifecycle: bool) -> Result<(), InvalidSetting> {
    if settings.save_every.is_none() || has_lifecycle {
        return Ok(());
    }
    let why = format!(
        "needs a component that exports ws-host:socket/lifecycle (`suspend` and `resume`; in \
         Rust: `export!(MyHandler: Lifecycle)`), but the component of the resource {:?} does not \
         export it",
        settings.name
    );
    Err(InvalidSetting { location: ConfigLocation::Server, key: "durable", why })
}

fn sweep(resource: &Arc<Resource>, settings: &ResourceConfig) -> AbortOnDropHandle<()> {
    let sweep = Arc::clone(resource).sweep(settings.timeouts.hibernate_after);
    AbortOnDropHandle::new(tokio::spawn(sweep))
}

fn component_spec(settings: &ResourceConfig, mode: Mode) -> ComponentSpec {
    let config::ResourceLimits { max_memory, max_cpu, max_time, max_log, .. } = settings.limits;
    let mut environment = settings.environment.clone();
    if mode == Mode::Development {
        let (name, value) = DEVELOPMENT;
        environment.push((name.to_owned(), value.to_owned()));
    }
    let limits = guest::CallLimits { max_memory, max_cpu, max_time };
    let config::HttpLimits { connect, first_byte, between_bytes, max_response } = settings.http;
    let http = HttpSettings {
        connect_timeout: connect,
        first_byte_timeout: first_byte,
        between_bytes_timeout: between_bytes,
        max_response,
    };
    let config::KeyvalueLimits { max_size, max_keys } = settings.keyvalue;
    // With one instance per client, actors have no buckets of their own. Such an actor ends with its client, whose
    // number is never used again, so nobody could open the actor's bucket later.
    let has_buckets = settings.instance_per != config::InstancePer::Client;
    let keyvalue = StoreSettings {
        limits: StoreLimits { max_size, max_keys },
        owner: has_buckets.then(|| settings.name.to_string()),
    };
    ComponentSpec {
        component: settings.component.clone(),
        resource: Some(Arc::clone(&settings.name)),
        environment,
        grants: settings.grants.clone(),
        config: settings.config.clone(),
        http,
        keyvalue,
        limits,
        max_log,
    }
}

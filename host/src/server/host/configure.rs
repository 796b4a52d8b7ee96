//! Changes to the resources and their settings while the host runs.

use std::sync::Arc;

use super::HostState;
use super::resources::{PreparedResource, ServedResource};
use crate::clients::HostClose;
use crate::config::{InvalidSetting, ResourceConfig, checked_resources};
use crate::reload::{Loaded, ReloadError};
use crate::server::error::{StartError, resource_prefix};

/// The outcome of a new configuration: the names of all resources, grouped by what happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Configured {
    /// New resources.
    pub added: Vec<String>,
    /// Resources that are no longer served. Their clients were closed with 1001.
    pub removed: Vec<String>,
    /// Resources that continue with new settings. No client was closed.
    pub changed: Vec<String>,
    /// Resources that were started afresh, because a setting of their instances changed. Their clients were closed
    /// with 1012.
    pub restarted: Vec<String>,
    /// Resources whose settings did not change.
    pub unchanged: Vec<String>,
}

/// The reason why a new configuration was rejected. A rejected configuration changes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// A setting is invalid.
    #[error("{}{_0}", resource_prefix(.0))]
    Setting(#[from] InvalidSetting),
    /// The component of a resource cannot be served.
    #[error("resource {name}: {cause}")]
    Component {
        /// The name of the resource.
        name: String,
        /// What is wrong with the component.
        cause: ReloadError,
    },
    /// A resource does not start.
    #[error("resource {name}: {cause}")]
    Start {
        /// The name of the resource.
        name: String,
        /// Why it does not start.
        cause: StartError,
    },
}

/// The change that a new configuration makes to a resource.
enum Step {
    Keep(Arc<ServedResource>),
    Add(PreparedResource),
    Change(Arc<ServedResource>, Box<ResourceConfig>, Option<Loaded>),
    Restart(Arc<ServedResource>, PreparedResource),
}

/// Applies a new configuration completely or not at all: it first loads everything, and changes the host only if that
/// succeeds. The caller must hold the lock on changes and poll the future to its end.
pub(in crate::server) async fn configure(
    state: &HostState,
    resources: Vec<ResourceConfig>,
) -> Result<Configured, ConfigureError> {
    let resources = checked_resources(resources, state.config())?;
    let mut steps = Vec::with_capacity(resources.len());
    for settings in resources {
        steps.push(prepare(state, settings).await?);
    }
    Ok(apply(state, steps).await)
}

async fn prepare(state: &HostState, settings: ResourceConfig) -> Result<Step, ConfigureError> {
    let name = settings.name.to_string();
    let Some(served) = state.registry.named(&name) else {
        let prepared = PreparedResource::load(&state.context, settings).await;
        return prepared.map(Step::Add).map_err(|cause| ConfigureError::Start { name, cause });
    };
    if *served.settings() == settings {
        return Ok(Step::Keep(served));
    }
    if served.can_change_to(&settings) {
        let replacement = served.prepare_change(&settings, &state.context).await;
        let replacement = replacement.map_err(|cause| ConfigureError::Component { name, cause })?;
        return Ok(Step::Change(served, Box::new(settings), replacement));
    }
    match PreparedResource::load(&state.context, settings).await {
        Ok(prepared) => Ok(Step::Restart(served, prepared)),
        Err(cause) => Err(ConfigureError::Start { name, cause }),
    }
}

async fn apply(state: &HostState, steps: Vec<Step>) -> Configured {
    let mut done = Configured::default();
    let (mut serving, mut ending, mut replacing) = (Vec::new(), Vec::new(), Vec::new());
    let mut new = Vec::new();
    for step in steps {
        let (served, names) = match step {
            Step::Keep(served) => (served, &mut done.unchanged),
            Step::Add(prepared) => {
                let served = ServedResource::start(&state.context, prepared);
                new.push(Arc::clone(&served));
                (served, &mut done.added)
            }
            Step::Change(served, settings, replacement) => {
                served.change(*settings);
                replacing.extend(replacement.map(|loaded| (Arc::clone(&served), loaded)));
                (served, &mut done.changed)
            }
            Step::Restart(old, prepared) => {
                let served = ServedResource::start(&state.context, prepared);
                ending.push((old, Arc::clone(&served)));
                new.push(Arc::clone(&served));
                (served, &mut done.restarted)
            }
        };
        names.push(served.name().to_owned());
        serving.push(served);
    }
    for served in &new {
        served.restore_timers().await;
    }
    let is_wanted =
        |served: &Arc<ServedResource>| serving.iter().any(|new| new.name() == served.name());
    let (_, unwanted): (Vec<_>, Vec<_>) = state.registry.all().into_iter().partition(is_wanted);
    state.registry.set_resources(serving);
    for (old, new) in ending {
        let stopping = old.end(HostClose::Restarted, state.stopping_time());
        tokio::spawn(async move {
            stopping.done().await;
            // Handlers may have set timers in `stopping`.
            new.restore_timers().await;
        });
    }
    for served in unwanted {
        // The old handlers may still be stopping. Nothing here has to wait for them.
        drop(served.end(HostClose::Removed, state.stopping_time()));
        done.removed.push(served.name().to_owned());
    }
    for (served, loaded) in replacing {
        // This fails only if the reload task has ended, and it ends only with the host. In that case there is nothing
        // to replace.
        let _ = served.reload_handle().load(loaded).await;
        // Only now does the new code run with the new grants.
        served.close_revoked();
        served.restore_timers().await;
    }
    done
}

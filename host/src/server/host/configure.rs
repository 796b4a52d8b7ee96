//! Other resources, or the same ones with other settings, while the host runs.

use std::sync::Arc;

use super::HostState;
use super::served::{PreparedResource, ServedResource};
use crate::clients::HostClose;
use crate::config::{self, InvalidSetting, checked_resources};
use crate::reload::{Loaded, ReloadError};
use crate::server::error::{StartError, of_resource};

/// What became of the resources, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Configured {
    /// They are new.
    pub added: Vec<String>,
    /// They are gone: their clients were closed with 1001.
    pub removed: Vec<String>,
    /// They go on under other settings: no client was closed.
    pub changed: Vec<String>,
    /// They began anew, because other instances were wanted: their clients were closed with 1012.
    pub restarted: Vec<String>,
    /// They were not touched.
    pub unchanged: Vec<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// A setting cannot be.
    #[error("{}{_0}", of_resource(.0))]
    Setting(#[from] InvalidSetting),
    /// A component cannot be served.
    #[error("resource {name}: {cause}")]
    Component {
        /// The resource.
        name: String,
        /// What is wrong with it.
        cause: ReloadError,
    },
    /// The engine for it does not start.
    #[error("resource {name}: {cause}")]
    Start {
        /// The resource.
        name: String,
        /// Why.
        cause: StartError,
    },
}

/// What is to become of a resource.
enum Step {
    Keep(Arc<ServedResource>),
    Add(PreparedResource),
    Change(Arc<ServedResource>, Box<config::Resource>, Option<Loaded>),
    Restart(Arc<ServedResource>, PreparedResource),
}

/// All or nothing: first everything is loaded, then everything is changed. Whoever calls this holds the lock on
/// changes, and does not stop in the middle.
pub(in crate::server) async fn configure(
    state: &HostState,
    resources: Vec<config::Resource>,
) -> Result<Configured, ConfigureError> {
    let resources = checked_resources(resources, &state.config().limits)?;
    let mut steps = Vec::with_capacity(resources.len());
    for settings in resources {
        steps.push(prepare(state, settings).await?);
    }
    Ok(carry_out(state, steps).await)
}

async fn prepare(state: &HostState, settings: config::Resource) -> Result<Step, ConfigureError> {
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

async fn carry_out(state: &HostState, steps: Vec<Step>) -> Configured {
    let mut done = Configured::default();
    let (mut serving, mut ending, mut replacing) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        let (served, told) = match step {
            Step::Keep(served) => (served, &mut done.unchanged),
            Step::Add(prepared) => {
                (ServedResource::start(&state.context, prepared), &mut done.added)
            }
            Step::Change(served, settings, replacement) => {
                served.change(*settings);
                replacing.extend(replacement.map(|by| (Arc::clone(&served), by)));
                (served, &mut done.changed)
            }
            Step::Restart(old, prepared) => {
                ending.push(old);
                (ServedResource::start(&state.context, prepared), &mut done.restarted)
            }
        };
        told.push(served.name().to_owned());
        serving.push(served);
    }
    let is_wanted =
        |served: &Arc<ServedResource>| serving.iter().any(|new| new.name() == served.name());
    let (_, unwanted): (Vec<_>, Vec<_>) = state.registry.all().into_iter().partition(is_wanted);
    state.registry.replace(serving);
    for served in ending {
        served.end(HostClose::Restarted, state.stopping_time());
    }
    for served in unwanted {
        served.end(HostClose::Removed, state.stopping_time());
        done.removed.push(served.name().to_owned());
    }
    for (served, by) in replacing {
        // Its reloads end with the host alone, and nobody is left then who could miss this one.
        let _ = served.reloader().replace(by).await;
    }
    done
}

//! Checks the settings of a resource.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ws_host_protocol::handshake::{Origins, belongs_to_handshake};

use super::{At, Checked, bytes, grant, time};
use crate::config::schema::{self, Percent, Sharing, Time};
use crate::config::{
    Address, AutoAnswer, Grant, InstancePer, InvalidSetting, OnFault, OnFull, Pattern,
    ResourceConfig, ResourceLimits, Timeouts, Trial, UniqueIn,
};

/// The minimum default for `max-outbound`, in bytes. It has room for many small messages, even if `max-message` is
/// small.
const MIN_DEFAULT_OUTBOUND: usize = 64 << 10;

/// The default time between two saves of a durable state. When a host is killed, the changes since the last save are
/// lost.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// The default maximum length of a durable state, in bytes. It is the maximum message length that NATS accepts by
/// default, minus 1 KiB for headers.
const MAX_DURABLE_STATE: usize = (1 << 20) - (1 << 10);

impl schema::ResourceSection {
    pub(super) fn check(self, at: At, folder: &Path) -> Checked<ResourceConfig> {
        let limits = self.limits();
        let instance_per = self.instance_per(at)?;
        let component = match &self.component {
            Some(component) => folder.join(component),
            None => {
                return Err(at.invalid("component", "is missing: it must name the handler's file"));
            }
        };
        let path = Pattern::parse(self.path.as_deref().unwrap_or("/"))
            .map_err(|error| at.invalid("path", error.to_string()))?;
        let timeouts = self.timeouts();
        let trial = self.trial(at)?;
        let has_http = self
            .grant
            .iter()
            .flatten()
            .any(|grant| matches!(grant, Grant::Http(_) | Grant::WebSocket(_)));
        let is_store = |grant: &Grant| matches!(grant, Grant::Keyvalue(_) | Grant::Timers(_));
        let has_store = self.grant.iter().flatten().any(is_store);
        let compression = self.compression(at)?;
        let save_every = self.save_every(at)?;
        Ok(ResourceConfig {
            name: self.name.map_or_else(|| default_name(&component), Into::into),
            path,
            listen: self.listen.map(|address| match address {
                Address::Unix(path) => Address::Unix(folder.join(path)),
                other => other,
            }),
            component,
            environment: self.environment.unwrap_or_default().into_iter().collect(),
            grants: grant::in_folder(folder, self.grant.unwrap_or_default()),
            config: self.config.unwrap_or_default(),
            http: grant::http(at, self.http, has_http)?,
            keyvalue: grant::keyvalue(at, self.keyvalue, has_store)?,
            instance_per,
            unique_in: match self.unique_in {
                Some(schema::UniqueIn::Cluster) => UniqueIn::Cluster,
                Some(schema::UniqueIn::Host) | None => UniqueIn::Host,
            },
            save_every,
            origins: origins(
                at,
                &self.origins.unwrap_or_default(),
                self.require_origin.unwrap_or(false),
            )?,
            subprotocols: self.subprotocols.unwrap_or_default(),
            headers: headers(at, self.headers.unwrap_or_default())?,
            auto_answers: self
                .auto_answers
                .unwrap_or_default()
                .into_iter()
                .map(|(request, answer)| AutoAnswer::new(request, answer))
                .collect(),
            on_fault: match self.on_fault {
                Some(schema::OnFault::DropMessage) => OnFault::DropMessage,
                Some(schema::OnFault::Close) | None => OnFault::Close,
            },
            on_full: match self.on_full {
                Some(schema::OnFull::Close) => OnFull::Close,
                Some(schema::OnFull::Drop) | None => OnFull::Drop,
            },
            compression,
            trial,
            limits,
            timeouts,
        })
    }

    fn limits(&self) -> ResourceLimits {
        let default = ResourceLimits::default();
        let max_message = bytes(self.max_message, default.max_message);
        let max_outbound = max_message.saturating_mul(2).max(MIN_DEFAULT_OUTBOUND);
        ResourceLimits {
            max_clients: self.max_clients.unwrap_or(default.max_clients),
            max_message,
            max_outbound: bytes(self.max_outbound, max_outbound),
            min_rate: bytes(self.min_rate, default.min_rate),
            max_memory: bytes(self.max_memory, default.max_memory),
            max_cpu: time(self.max_cpu, default.max_cpu),
            max_time: time(self.max_time, default.max_time),
            max_instances: self.max_instances.unwrap_or(default.max_instances),
            max_state: bytes(
                self.max_state,
                match self.durable {
                    Some(true) => MAX_DURABLE_STATE,
                    Some(false) | None => default.max_state,
                },
            ),
            max_log: bytes(self.max_log, default.max_log),
        }
    }

    fn timeouts(&self) -> Timeouts {
        let default = Timeouts::default();
        let or_never = |time: Option<Time>, default| time.map_or(default, |Time(time)| Some(time));
        Timeouts {
            close: time(self.close_timeout, default.close),
            idle: or_never(self.idle_timeout, default.idle),
            hibernate_after: or_never(self.hibernate_after, default.hibernate_after),
            checkpoint: or_never(self.checkpoint, default.checkpoint),
        }
    }

    /// Returns the time between two saves of a durable state.
    fn save_every(&self, at: At) -> Checked<Option<Duration>> {
        match (self.durable.unwrap_or(false), self.save_every) {
            (false, Some(_)) => Err(at.invalid("save-every", "needs durable = true")),
            (false, None) => Ok(None),
            (true, every) => Ok(Some(time(every, SAVE_EVERY))),
        }
    }

    fn trial(&self, at: At) -> Checked<Option<Trial>> {
        let time = self.trial.map(|Time(time)| time).filter(|time| !time.is_zero());
        match (time, self.canary) {
            (None, Some(_)) => {
                Err(at.invalid("canary", "needs trial, after which the other instances follow"))
            }
            (time, canary) => Ok(time.map(|time| {
                let canary = canary.map_or(100, |Percent(percent)| percent);
                Trial { time, canary }
            })),
        }
    }

    fn instance_per(&self, at: At) -> Checked<InstancePer> {
        match (self.instance_per.unwrap_or_default(), self.instances) {
            (Sharing::Resource, instances) => {
                Ok(InstancePer::Resource { instances: instances.unwrap_or(NonZeroUsize::MIN) })
            }
            (_, Some(instances)) if instances > NonZeroUsize::MIN => {
                Err(at.invalid("instances", "needs instance-per resource"))
            }
            (Sharing::Path, _) => Ok(InstancePer::Path),
            (Sharing::Client, _) => Ok(InstancePer::Client),
        }
    }
}

impl ResourceConfig {
    /// Checks that the resource can be served, and clamps its times.
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        check_name(at, &self.name)?;
        if self.instance_per == InstancePer::Path && !self.path.has_parameters() {
            let why = "path needs a path with a parameter, such as '/room/{id}'";
            return Err(at.invalid("instance-per", why));
        }
        if self.unique_in == UniqueIn::Cluster && self.instance_per != InstancePer::Path {
            let why = "cluster needs instance-per path: each path then has one instance in the \
                       cluster";
            return Err(at.invalid("unique-in", why));
        }
        let is_timers = |grant: &Grant| matches!(grant, Grant::Timers(_));
        if self.unique_in == UniqueIn::Cluster && self.grants.iter().any(is_timers) {
            let why = "cluster does not allow \"timers:FILE\" in grant: the file is on this host, but the instance of \
                       a path may move to another host";
            return Err(at.invalid("unique-in", why));
        }
        check_durable(at, &self)?;
        check_environment(at, &self.environment)?;
        grant::check(at, &self.grants, &self.config)?;
        grant::check_timers(at, &self.grants, self.instance_per)?;
        check_subprotocols(at, &self.subprotocols)?;
        if let Some((name, _)) = self.headers.iter().find(|(name, _)| belongs_to_handshake(name)) {
            return Err(invalid_header(at, name.as_str()));
        }
        let limits = self.limits.checked(at)?;
        self.instance_per.check(at, &limits)?;
        let timeouts = self.timeouts.checked(at)?;
        let trial = self.trial.map(|trial| trial.checked(at)).transpose()?.flatten();
        let http = self.http.checked(at)?;
        let keyvalue = self.keyvalue.checked(at)?;
        Ok(Self { limits, timeouts, trial, http, keyvalue, ..self })
    }
}

/// Checks a name. Names are used in URLs and log lines, so their characters are restricted.
fn check_name(at: At, name: &str) -> Checked<()> {
    if !name.is_empty() && name.chars().all(is_valid_in_name) {
        return Ok(());
    }
    let why = format!("{name:?} may contain only ASCII letters, digits, `-`, `_` and `.`");
    Err(at.invalid("name", why))
}

fn is_valid_in_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.".contains(letter)
}

/// Returns the default name of a resource: the file name of its component without the extension.
pub(crate) fn default_name(component: &Path) -> Arc<str> {
    let stem = component.file_stem().unwrap_or_default().to_string_lossy();
    let valid = |letter| if is_valid_in_name(letter) { letter } else { '-' };
    match &*stem {
        "" => "handler".into(),
        stem => stem.chars().map(valid).collect::<String>().into(),
    }
}

fn origins(at: At, texts: &[String], is_required: bool) -> Checked<Origins> {
    let origins = Origins::parse(texts.iter().map(String::as_str))
        .map_err(|error| at.invalid("origins", error.to_string()))?;
    Ok(if is_required { origins.require() } else { origins })
}

fn check_subprotocols(at: At, names: &[String]) -> Checked<()> {
    match names.iter().find(|name| HeaderName::try_from(name.as_str()).is_err()) {
        Some(name) => {
            Err(at.invalid("subprotocols", format!("{name:?} is not a token (RFC 9110 §5.6.2)")))
        }
        None => Ok(()),
    }
}

fn headers(at: At, headers: BTreeMap<String, String>) -> Checked<Vec<(HeaderName, HeaderValue)>> {
    let parse = |(name, value): (String, String)| {
        let parsed = HeaderName::try_from(&name).map_err(|_| invalid_header(at, &name))?;
        let value = HeaderValue::try_from(value).map_err(|_| {
            at.invalid(
                "headers",
                format!("{name:?} has a value with characters that are not allowed"),
            )
        })?;
        Ok((parsed, value))
    };
    headers.into_iter().map(parse).collect()
}

fn invalid_header(at: At, name: &str) -> InvalidSetting {
    at.invalid(
        "headers",
        format!(
            "{name:?} is not a header that can be set: its name is not valid, or it is reserved \
             for the handshake"
        ),
    )
}

fn check_environment(at: At, variables: &[(String, String)]) -> Checked<()> {
    let is_invalid = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    match variables.iter().find(|(name, _)| is_invalid(name)) {
        Some((name, _)) => {
            Err(at.invalid("environment", format!("{name:?} is not a valid variable name")))
        }
        None => Ok(()),
    }
}

/// Checks that a durable state can move to another host, and that its `save-every` is valid.
fn check_durable(at: At, resource: &ResourceConfig) -> Checked<()> {
    let Some(every) = resource.save_every else { return Ok(()) };
    if resource.unique_in == UniqueIn::Host {
        let why =
            "needs unique-in cluster: a durable state goes to the next host that serves its path";
        return Err(at.invalid("durable", why));
    }
    if resource.timeouts.checkpoint.is_some() {
        let why = "must be left out with durable, which takes its own checkpoints, at the interval save-every";
        return Err(at.invalid("checkpoint", why));
    }
    at.time("save-every", every).map(drop)
}

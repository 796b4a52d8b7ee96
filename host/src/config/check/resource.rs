//! One resource.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bytesize::ByteSize;
use http::{HeaderName, HeaderValue};
use ws_host_protocol::handshake::Origins;

use super::{At, Checked, MOST_CLIENTS, bounded};
use crate::config::written::{self, Percent, Sharing, Time};
use crate::config::{
    Address, AutoAnswer, InstancePer, Limits, Listen, OnFault, Pattern, Resource, Timeouts, Trial,
};

/// Room for many small messages, however small the largest one may be.
const MIN_OUTBOUND: usize = 64 << 10;

impl written::Resource {
    pub(super) fn check(self, at: At, folder: &Path, listen: &[Listen]) -> Checked<Resource> {
        let limits = self.limits(at)?;
        let instance_per = self.instance_per(at, &limits)?;
        let component = match &self.component {
            Some(component) => folder.join(component),
            None => {
                return Err(at.wrong("component", "is missing: which file handles the resource?"));
            }
        };
        let path = Pattern::parse(self.path.as_deref().unwrap_or("/"))
            .map_err(|error| at.wrong("path", error.to_string()))?;
        if instance_per == InstancePer::Path && !path.has_parameters() {
            let why = "path needs a pattern of paths, such as '/room/{id}'";
            return Err(at.wrong("instance-per", why));
        }
        let timeouts = self.timeouts(at)?;
        let trial = self.trial(at)?;
        let compression = self.compression(at)?;
        let listen_at = self.listen.map(|address| address_of(at, address, folder, listen));
        let listen_at = listen_at.transpose()?;
        Ok(Resource {
            name: name(at, self.name, &component)?,
            path,
            listen: listen_at,
            component,
            environment: environment(at, self.environment.unwrap_or_default())?,
            instance_per,
            origins: origins(
                at,
                &self.origins.unwrap_or_default(),
                self.require_origin.unwrap_or(false),
            )?,
            subprotocols: subprotocols(at, self.subprotocols.unwrap_or_default())?,
            headers: headers(at, self.headers.unwrap_or_default())?,
            auto_answers: self
                .auto_answers
                .unwrap_or_default()
                .into_iter()
                .map(|(request, answer)| AutoAnswer { request, answer })
                .collect(),
            on_fault: match self.on_fault {
                Some(written::OnFault::DropMessage) => OnFault::DropMessage,
                Some(written::OnFault::Close) | None => OnFault::Close,
            },
            compression,
            trial,
            limits,
            timeouts,
        })
    }

    fn limits(&self, at: At) -> Checked<Limits> {
        let default = Limits::default();
        let max_message = at.octets("max-message", self.max_message, default.max_message)?;
        let twice = max_message.saturating_mul(2);
        let max_outbound = at.octets("max-outbound", self.max_outbound, twice.max(MIN_OUTBOUND))?;
        if max_outbound < twice {
            let why = format!(
                "{} must be at least twice max-message {}, so that an answer as long as its message \
                 always finds room",
                ByteSize(max_outbound as u64),
                ByteSize(max_message as u64),
            );
            return Err(at.wrong("max-outbound", why));
        }
        Ok(Limits {
            max_clients: at.number("max-clients", self.max_clients, MOST_CLIENTS)?,
            max_message,
            max_outbound,
            min_rate: at.octets("min-rate", self.min_rate, default.min_rate)?,
            max_memory: at.octets("max-memory", self.max_memory, default.max_memory)?,
            max_cpu: at.positive("max-cpu", self.max_cpu, default.max_cpu)?,
            max_time: at.positive("max-time", self.max_time, default.max_time)?,
            max_instances: at.number("max-instances", self.max_instances, default.max_instances)?,
            max_state: at.octets("max-state", self.max_state, default.max_state)?,
            max_log: at.octets("max-log", self.max_log, default.max_log)?,
        })
    }

    fn timeouts(&self, at: At) -> Checked<Timeouts> {
        let default = Timeouts::default();
        let or_never = |time: Option<Time>, default| match time {
            None => default,
            Some(time) => Some(bounded(time)).filter(|time| !time.is_zero()),
        };
        Ok(Timeouts {
            close: at.positive("close-timeout", self.close_timeout, default.close)?,
            idle: or_never(self.idle_timeout, default.idle),
            hibernate_after: or_never(self.hibernate_after, default.hibernate_after),
            checkpoint: or_never(self.checkpoint, default.checkpoint),
        })
    }

    fn trial(&self, at: At) -> Checked<Option<Trial>> {
        let time = self.trial.map(bounded).filter(|time| !time.is_zero());
        match (time, self.canary) {
            (None, Some(_)) => {
                Err(at.wrong("canary", "needs trial: after which time do the others follow?"))
            }
            (time, canary) => Ok(time.map(|time| {
                let canary = canary.map_or(100, |Percent(percent)| percent);
                Trial { time, canary }
            })),
        }
    }

    fn instance_per(&self, at: At, limits: &Limits) -> Checked<InstancePer> {
        let sharing = self.instance_per.unwrap_or_default();
        match (sharing, self.instances) {
            (Sharing::Resource, instances) => {
                let instances = instances.unwrap_or(NonZeroUsize::MIN);
                if instances.get() > limits.max_instances {
                    let why =
                        format!("{instances} are more than max-instances {}", limits.max_instances);
                    return Err(at.wrong("instances", why));
                }
                Ok(InstancePer::Resource { instances })
            }
            (_, Some(instances)) if instances > NonZeroUsize::MIN => {
                Err(at.wrong("instances", "goes with instance-per resource alone"))
            }
            (Sharing::Path, _) => Ok(InstancePer::Path),
            (Sharing::Client, _) => Ok(InstancePer::Client),
        }
    }
}

/// Names stand in URLs and log lines.
fn name(at: At, written: Option<String>, component: &Path) -> Checked<Arc<str>> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let plain = |text: &str| !text.is_empty() && text.chars().all(is_plain);
    match written {
        Some(name) if plain(&name) => Ok(name.into()),
        Some(name) => Err(at.wrong(
            "name",
            format!("{name:?} may have ASCII letters, digits, `-`, `_` and `.` only"),
        )),
        None => {
            let stem = component.file_stem().unwrap_or_default().to_string_lossy();
            let name: String =
                stem.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect();
            Ok(name.into())
        }
    }
}

fn origins(at: At, texts: &[String], is_required: bool) -> Checked<Origins> {
    let origins = Origins::parse(texts.iter().map(String::as_str))
        .map_err(|error| at.wrong("origins", error.to_string()))?;
    Ok(if is_required { origins.require() } else { origins })
}

fn subprotocols(at: At, names: Vec<String>) -> Checked<Vec<String>> {
    match names.iter().find(|name| HeaderName::try_from(name.as_str()).is_err()) {
        Some(name) => {
            Err(at.wrong("subprotocols", format!("{name:?} is no token (RFC 9110 §5.6.2)")))
        }
        None => Ok(names),
    }
}

fn headers(at: At, headers: BTreeMap<String, String>) -> Checked<Vec<(HeaderName, HeaderValue)>> {
    let parse = |(name, value): (String, String)| {
        let wrong = || at.wrong("headers", format!("{name:?} is not a header that can be set"));
        let parsed = HeaderName::try_from(&name).map_err(|_| wrong())?;
        if belongs_to_handshake(&parsed) {
            return Err(wrong());
        }
        let value = HeaderValue::try_from(value).map_err(|_| {
            at.wrong("headers", format!("{name:?} has a value that cannot stand in a header"))
        })?;
        Ok((parsed, value))
    };
    headers.into_iter().map(parse).collect()
}

/// Whether a header is the handshake's own, which nobody else sets.
pub(crate) fn belongs_to_handshake(name: &HeaderName) -> bool {
    use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
    [CONNECTION, UPGRADE, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

/// The one of the server's addresses at which a resource is served.
fn address_of(at: At, address: Address, folder: &Path, all: &[Listen]) -> Checked<Address> {
    let address = match address {
        Address::Unix(path) => Address::Unix(folder.join(path)),
        other => other,
    };
    if all.iter().any(|listen| listen.address == address) {
        return Ok(address);
    }
    Err(at.wrong("listen", format!("{address} must be one of the server's addresses")))
}

fn environment(at: At, variables: BTreeMap<String, String>) -> Checked<Vec<(String, String)>> {
    match variables.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        Some(name) => {
            Err(at.wrong("environment", format!("{name:?} cannot be the name of a variable")))
        }
        None => Ok(variables.into_iter().collect()),
    }
}

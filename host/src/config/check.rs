//! From settings as they are written to settings that nobody need doubt.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use http::{HeaderName, HeaderValue};
use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::{Origins, Version, Versions};

use super::written::{self, Cache, OnFault as WrittenOnFault, Sharing, Time};
use super::{
    AutoAnswer, Config, Host, HostLimits, HostTimeouts, InstancePer, Limits, MIN_HEADER_SIZE, Mode,
    OnFault, Pattern, Resource, Timeouts, Watch,
};
use crate::pattern::Patterns;

/// Where a server listens if nothing else is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Connections that may wait to be accepted: as many as may be in front of their handshake's end.
const BACKLOG: u32 = 1024;

/// Room for many small messages, however small the largest one may be.
const MIN_OUTBOUND: usize = 64 << 10;

/// More sockets than one address can have clients behind one port; far below what counters hold.
const MOST_CLIENTS: usize = 1 << 24;

/// The longest policy that a Flash player reads.
const MAX_POLICY: usize = 20_000;

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {why}")]
pub struct Wrong {
    /// Whose setting it is.
    pub place: Place,
    /// The key, as it stands in a file.
    pub key: &'static str,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

/// Where a setting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the top.
    Server,
    /// In the resource of this number, from 0.
    Resource(usize),
}

type Checked<T> = Result<T, Wrong>;

impl written::Server {
    /// The settings that are meant. Files are looked for in `folder`.
    ///
    /// # Errors
    ///
    /// The first [`Wrong`] that is found.
    pub fn check(self, folder: &Path, mode: Mode) -> Checked<Config> {
        let at = At(Place::Server);
        let listen = self.listen.map_or_else(|| vec![LISTEN], written::OneOrMany::into_vec);
        if listen.is_empty() {
            return Err(at.wrong("listen", "must be at least one address"));
        }
        let resources: Vec<Resource> = self
            .resources
            .into_iter()
            .enumerate()
            .map(|(number, resource)| resource.check(At(Place::Resource(number)), folder, &listen))
            .collect::<Checked<_>>()?;
        if resources.is_empty() {
            return Err(at.wrong("resource", "is missing: there must be at least one [[resource]]"));
        }
        check_apart(&resources)?;
        let host = Host {
            resources,
            workers: self.workers.unwrap_or_else(cores),
            cache: match self.cache {
                Some(Cache::Is(false)) => None,
                Some(Cache::In(cache)) => Some(folder.join(cache)),
                Some(Cache::Is(true)) | None => default_cache(),
            },
            watch: if self.watch.unwrap_or(true) { Watch::On } else { Watch::Off },
            mode,
            versions: versions(at, self.drafts)?,
            trusted_proxies: self
                .trusted_proxies
                .unwrap_or_default()
                .into_iter()
                .map(|written::Network(network)| network)
                .collect(),
            forwarded_by: match self.forwarded_by {
                Some(written::Convention::Forwarded) => Convention::Forwarded,
                Some(written::Convention::XForwarded) | None => Convention::XForwarded,
            },
            static_files: self
                .static_files
                .map(|files| folder_of_files(at, &folder.join(files)))
                .transpose()?,
            flash_policy: self
                .flash_policy
                .map(|file| policy(at, &folder.join(file)))
                .transpose()?,
            limits: HostLimits {
                max_clients: at.number(
                    "max-clients",
                    self.max_clients,
                    HostLimits::default().max_clients,
                )?,
                max_headers: at.number(
                    "max-headers",
                    self.max_headers,
                    HostLimits::default().max_headers,
                )?,
                max_header_size: header_size(at, self.max_header_size)?,
            },
            timeouts: HostTimeouts {
                handshake: at.positive(
                    "handshake-timeout",
                    self.handshake_timeout,
                    HostTimeouts::default().handshake,
                )?,
                drain: self.drain_timeout.map_or(HostTimeouts::default().drain, |Time(time)| time),
            },
        };
        let admin = self.admin.map(|address| admin(at, address)).transpose()?;
        let backlog = self.backlog.unwrap_or(BACKLOG);
        if backlog == 0 {
            return Err(at.wrong("backlog", "must be at least 1"));
        }
        Ok(Config { listen, backlog, admin, file: None, host })
    }
}

impl written::Resource {
    fn check(self, at: At, folder: &Path, listen: &[SocketAddr]) -> Checked<Resource> {
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
        if let Some(address) = self.listen
            && !listen.contains(&address)
        {
            return Err(
                at.wrong("listen", format!("{address} must be one of the server's addresses"))
            );
        }
        let timeouts = self.timeouts(at)?;
        Ok(Resource {
            name: name(at, self.name, &component)?,
            path,
            listen: self.listen,
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
                Some(WrittenOnFault::DropMessage) => OnFault::DropMessage,
                Some(WrittenOnFault::Close) | None => OnFault::Close,
            },
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
            max_memory: at.octets("max-memory", self.max_memory, default.max_memory)?,
            max_cpu: at.positive("max-cpu", self.max_cpu, default.max_cpu)?,
            max_time: at.positive("max-time", self.max_time, default.max_time)?,
            max_instances: at.number("max-instances", self.max_instances, default.max_instances)?,
            max_state: at.octets("max-state", self.max_state, default.max_state)?,
        })
    }

    fn timeouts(&self, at: At) -> Checked<Timeouts> {
        let default = Timeouts::default();
        let or_never = |time: Option<Time>, default| match time {
            None => default,
            Some(Time(time)) => Some(time).filter(|time| !time.is_zero()),
        };
        Ok(Timeouts {
            close: at.positive("close-timeout", self.close_timeout, default.close)?,
            idle: or_never(self.idle_timeout, default.idle),
            hibernate_after: or_never(self.hibernate_after, default.hibernate_after),
        })
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

/// Where a setting stands, to say what is wrong with it.
#[derive(Clone, Copy)]
struct At(Place);

impl At {
    fn wrong(self, key: &'static str, why: impl Into<String>) -> Wrong {
        Wrong { place: self.0, key, why: why.into() }
    }

    fn number(self, key: &'static str, number: Option<usize>, default: usize) -> Checked<usize> {
        match number.unwrap_or(default) {
            0 => Err(self.wrong(key, "must be at least 1")),
            many if many > MOST_CLIENTS => {
                Err(self.wrong(key, format!("can be {MOST_CLIENTS} at most")))
            }
            number => Ok(number),
        }
    }

    fn octets(self, key: &'static str, size: Option<ByteSize>, default: usize) -> Checked<usize> {
        let Some(size) = size else { return Ok(default) };
        if size.as_u64() == 0 {
            return Err(self.wrong(key, "must be more than 0"));
        }
        // Sums of a few sizes must not overflow.
        let octets =
            usize::try_from(size.as_u64()).ok().filter(|octets| *octets <= usize::MAX >> 8);
        octets
            .ok_or_else(|| self.wrong(key, format!("{size} is more than this machine can address")))
    }

    fn positive(
        self,
        key: &'static str,
        time: Option<Time>,
        default: Duration,
    ) -> Checked<Duration> {
        match time {
            None => Ok(default),
            Some(Time(time)) if time.is_zero() => Err(self.wrong(key, "must be more than 0")),
            Some(Time(time)) => Ok(time),
        }
    }
}

/// No two resources of one name, nor of paths between which nothing decides.
fn check_apart(resources: &[Resource]) -> Checked<()> {
    let mut numbers = BTreeMap::<&str, usize>::new();
    let mut patterns = BTreeMap::<Option<SocketAddr>, Patterns<()>>::new();
    for (number, resource) in resources.iter().enumerate() {
        let at = At(Place::Resource(number));
        if let Some(other) = numbers.insert(&resource.name, number) {
            let why = format!(
                "{:?} is the name of two resources, numbers {} and {}: give one of them another `name`",
                resource.name,
                other + 1,
                number + 1
            );
            return Err(at.wrong("name", why));
        }
        let there = patterns.entry(resource.listen).or_default();
        there.insert(&resource.path, ()).map_err(|error| at.wrong("path", error.to_string()))?;
    }
    Ok(())
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

fn environment(at: At, variables: BTreeMap<String, String>) -> Checked<Vec<(String, String)>> {
    match variables.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        Some(name) => {
            Err(at.wrong("environment", format!("{name:?} cannot be the name of a variable")))
        }
        None => Ok(variables.into_iter().collect()),
    }
}

fn versions(at: At, numbers: Option<Vec<u16>>) -> Checked<Versions> {
    let Some(numbers) = numbers else { return Ok(Versions::default()) };
    if numbers.is_empty() {
        return Err(
            at.wrong("drafts", "must be at least one version: 13 is the one that is in use")
        );
    }
    let parse = |number| {
        Version::from_number(number).ok_or_else(|| {
            at.wrong("drafts", format!("{number} is not known: there are 13, 8, 7 and 0"))
        })
    };
    numbers.into_iter().map(parse).collect()
}

fn header_size(at: At, size: Option<ByteSize>) -> Checked<usize> {
    match at.octets("max-header-size", size, HostLimits::default().max_header_size)? {
        small if small < MIN_HEADER_SIZE => {
            Err(at.wrong("max-header-size", "must be at least 8KiB"))
        }
        size => Ok(size),
    }
}

fn folder_of_files(at: At, folder: &Path) -> Checked<PathBuf> {
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let why =
        format!("{} is not a folder: it must be the one with the files to serve", folder.display());
    Err(at.wrong("static", why))
}

fn policy(at: At, file: &Path) -> Checked<Vec<u8>> {
    match std::fs::read(file) {
        Ok(policy) if policy.len() <= MAX_POLICY => Ok(policy),
        Ok(_) => Err(at.wrong(
            "flash-policy",
            format!("{} has more than {MAX_POLICY} octets", file.display()),
        )),
        Err(error) => Err(at.wrong("flash-policy", format!("{}: {error}", file.display()))),
    }
}

/// Whoever reaches the admin address may reload.
fn admin(at: At, address: SocketAddr) -> Checked<SocketAddr> {
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let why = format!(
        "{address} must be an address of this machine alone, such as 127.0.0.1:9090: it asks nobody \
         who they are"
    );
    Err(at.wrong("admin", why))
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// As the XDG base directory specification has it.
fn default_cache() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("ws-host"))
}

//! From settings as they are written to settings that nobody need doubt.

mod compression;
mod listen;
mod resource;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::{Version, Versions};

use super::written::{self, Cache, Time};
use super::{
    Address, Config, Host, HostLimits, HostTimeouts, Links, MIN_HEADER_SIZE, Mode, Resource,
    StaticFiles, Watch,
};
use crate::pattern::Patterns;

/// Connections that may wait to be accepted: as many as may be in front of their handshake's end.
const BACKLOG: u32 = 1024;

/// More sockets than one address can have clients behind one port; far below what counters hold.
const MOST_CLIENTS: usize = 1 << 24;

/// The longest policy that a Flash player reads.
const MAX_POLICY: usize = 20_000;

use self::listen::{Defaults, WrittenTls};
pub(crate) use self::resource::belongs_to_handshake;

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
        let tls = WrittenTls {
            cert: self.tls_cert,
            key: self.tls_key,
            dev: self.tls_dev.unwrap_or(false),
            client_ca: self.tls_client_ca,
            client_auth: self.tls_client_auth,
        };
        let tls = tls.check(at, folder)?;
        let proxies = self.trusted_proxies.unwrap_or_default();
        let defaults = Defaults {
            has_tls: tls.is_some(),
            has_proxies: !proxies.is_empty(),
            proxy_protocol: self.proxy_protocol.unwrap_or(false),
            secure: self.secure.unwrap_or(false),
            mode: self.unix_mode,
        };
        let listen = listen::listen(at, self.listen, folder, defaults)?;
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
        let max_buffered = buffered(at, self.max_buffered, &resources)?;
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
            trusted_proxies: proxies.into_iter().map(|written::Network(network)| network).collect(),
            forwarded_by: match self.forwarded_by {
                Some(written::Convention::Forwarded) => Convention::Forwarded,
                Some(written::Convention::XRealIp) => Convention::XRealIp,
                Some(written::Convention::CfConnectingIp) => Convention::CfConnectingIp,
                Some(written::Convention::XForwarded) | None => Convention::XForwarded,
            },
            static_files: static_files(at, folder, self.static_files, self.static_links)?,
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
                max_buffered,
                max_http2_streams: http2_streams(at, self.max_http2_streams)?,
            },
            timeouts: HostTimeouts {
                handshake: at.positive(
                    "handshake-timeout",
                    self.handshake_timeout,
                    HostTimeouts::default().handshake,
                )?,
                drain: self.drain_timeout.map_or(HostTimeouts::default().drain, bounded),
            },
        };
        let admin = self.admin.map(|address| admin(at, address)).transpose()?;
        let backlog = self.backlog.unwrap_or(BACKLOG);
        if backlog == 0 {
            return Err(at.wrong("backlog", "must be at least 1"));
        }
        Ok(Config { listen, tls, backlog, admin, file: None, host })
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
            Some(time) => Ok(bounded(time)),
        }
    }
}

/// About ten years are for ever, and far from where sums of times overflow.
fn bounded(Time(time): Time) -> Duration {
    time.min(Duration::from_secs(10 * 365 * 24 * 60 * 60))
}

/// No two resources of one name, nor of paths between which nothing decides.
fn check_apart(resources: &[Resource]) -> Checked<()> {
    let mut numbers = BTreeMap::<&str, usize>::new();
    let mut patterns = BTreeMap::<Option<&Address>, Patterns<()>>::new();
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
        let there = patterns.entry(resource.listen.as_ref()).or_default();
        there.insert(&resource.path, ()).map_err(|error| at.wrong("path", error.to_string()))?;
    }
    Ok(())
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

/// One client alone finds room for all that may wait for it.
fn buffered(at: At, size: Option<ByteSize>, resources: &[Resource]) -> Checked<usize> {
    let longest = resources.iter().map(|resource| resource.limits.max_outbound).max();
    let least = longest.unwrap_or_default().saturating_mul(2);
    let default = HostLimits::default().max_buffered.max(least);
    let octets = at.octets("max-buffered", size, default)?;
    if octets < least {
        let why = format!(
            "{} must be at least twice max-outbound {}, so that a client alone finds room",
            ByteSize(octets as u64),
            ByteSize(least as u64 / 2),
        );
        return Err(at.wrong("max-buffered", why));
    }
    Ok(octets)
}

fn http2_streams(at: At, streams: Option<u32>) -> Checked<u32> {
    match streams.unwrap_or(HostLimits::default().max_http2_streams) {
        0 => Err(at.wrong("max-http2-streams", "must be at least 1")),
        streams => Ok(streams),
    }
}

fn static_files(
    at: At,
    beside: &Path,
    folder: Option<PathBuf>,
    links: Option<written::Links>,
) -> Checked<Option<StaticFiles>> {
    let Some(folder) = folder.map(|folder| beside.join(folder)) else {
        return match links {
            None => Ok(None),
            Some(_) => Err(at.wrong("static-links", "needs `static`, the folder of the files")),
        };
    };
    if !folder.is_dir() {
        let why = format!(
            "{} is not a folder: it must be the one with the files to serve",
            folder.display()
        );
        return Err(at.wrong("static", why));
    }
    let links = match links {
        Some(written::Links::Anywhere) => Links::Anywhere,
        Some(written::Links::Inside) | None => Links::Inside,
    };
    Ok(Some(StaticFiles { folder, links }))
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

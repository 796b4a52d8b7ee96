//! Validation: checks settings as the user wrote them, and converts them into the types that the host uses.

mod bounds;
mod cluster;
mod compression;
mod config;
mod grant;
mod listen;
mod peers;
mod resource;
mod traces;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::{Version, Versions};

use super::schema::{self, Cache, Time};
use super::{
    AccessLog, AdminToken, Compile, Config, HostConfig, HostLimits, HostTimeouts, Links, Mode,
    ResourceConfig, StaticFiles, Watch,
};

pub(super) use self::bounds::MAX_CLIENTS;
pub(crate) use self::config::checked_resources;
use self::listen::{ListenDefaults, TlsKeys};
pub(crate) use self::resource::default_name;

/// The maximum length of a policy file that a Flash player reads, in bytes.
const MAX_POLICY: usize = 20_000;

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {why}")]
#[non_exhaustive]
pub struct InvalidSetting {
    /// The part of the configuration to which the setting belongs.
    pub location: ConfigLocation,
    /// The key of the setting in a file.
    pub key: &'static str,
    /// What is wrong with it, and what is valid.
    pub why: String,
}

/// The part of a configuration to which a setting belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigLocation {
    /// The settings of the server.
    Server,
    /// The settings of a resource, with its number counted from 0.
    Resource(usize),
}

type Checked<T> = Result<T, InvalidSetting>;

impl schema::Server {
    /// Checks the settings, and adds the defaults of missing settings. Relative paths are relative to `folder`.
    ///
    /// # Errors
    ///
    /// The first [`InvalidSetting`] that is found.
    pub fn check(self, folder: &Path, mode: Mode) -> Checked<Config> {
        let at = At(ConfigLocation::Server);
        let tls = TlsKeys {
            cert: self.tls_cert,
            key: self.tls_key,
            dev: self.tls_dev.unwrap_or(false),
            client_ca: self.tls_client_ca,
            client_auth: self.tls_client_auth,
        };
        let tls = tls.check(at, folder)?;
        let proxies = self.trusted_proxies.unwrap_or_default();
        let defaults = ListenDefaults {
            has_tls: tls.is_some(),
            has_proxies: !proxies.is_empty(),
            proxy_protocol: self.proxy_protocol.unwrap_or(false),
            secure: self.secure.unwrap_or(false),
            mode: self.unix_mode,
        };
        let listen = listen::listen(at, self.listen, folder, defaults)?;
        let resources: Vec<ResourceConfig> = self
            .resources
            .into_iter()
            .enumerate()
            .map(|(number, resource)| resource.check(At(ConfigLocation::Resource(number)), folder))
            .collect::<Checked<_>>()?;
        if resources.is_empty() {
            let why = "is missing: there must be at least one [[resource]]";
            return Err(at.invalid("resource", why));
        }
        let limits = HostLimits::default();
        let min_buffered = bounds::min_buffered(&resources);
        let timeouts = HostTimeouts::default();
        let compile = Compile::default();
        let host = HostConfig {
            resources,
            workers: self.workers.unwrap_or_else(cores),
            cache: match self.cache {
                Some(Cache::Is(false)) => None,
                Some(Cache::In(cache)) => Some(folder.join(cache)),
                Some(Cache::Is(true)) | None => default_cache(),
            },
            compile: Compile {
                program: None,
                max_memory: bytes(self.compile_memory, compile.max_memory),
                timeout: time(self.compile_timeout, compile.timeout),
            },
            watch: if self.watch.unwrap_or(true) { Watch::On } else { Watch::Off },
            access_log: match self.access_log {
                Some(true) => AccessLog::On,
                Some(false) | None => AccessLog::Off,
            },
            mode,
            versions: versions(at, self.drafts)?,
            trusted_proxies: proxies.into_iter().map(|schema::Network(network)| network).collect(),
            forwarded_by: match self.forwarded_by {
                Some(schema::Convention::Forwarded) => Convention::Forwarded,
                Some(schema::Convention::XRealIp) => Convention::XRealIp,
                Some(schema::Convention::CfConnectingIp) => Convention::CfConnectingIp,
                Some(schema::Convention::XForwarded) | None => Convention::XForwarded,
            },
            static_files: static_files(at, folder, self.static_files, self.static_links)?,
            flash_policy: self
                .flash_policy
                .map(|file| policy(at, &folder.join(file)))
                .transpose()?,
            limits: HostLimits {
                max_clients: self.max_clients.unwrap_or(limits.max_clients),
                max_headers: self.max_headers.unwrap_or(limits.max_headers),
                max_header_size: bytes(self.max_header_size, limits.max_header_size),
                max_buffered: bytes(self.max_buffered, limits.max_buffered.max(min_buffered)),
                max_http2_streams: self.max_http2_streams.unwrap_or(limits.max_http2_streams),
            },
            cluster: self.cluster.map(|cluster| cluster.check(at, folder)).transpose()?,
            traces: self.traces.map(|traces| traces.check(at, folder)).transpose()?,
            timeouts: HostTimeouts {
                handshake: time(self.handshake_timeout, timeouts.handshake),
                drain: time(self.drain_timeout, timeouts.drain),
            },
        };
        let backlog = self.backlog.unwrap_or(Config::BACKLOG);
        let admin_token = self.admin_token.map(|file| AdminToken::read(&folder.join(file)));
        let admin_token = admin_token.transpose().map_err(|why| at.invalid("admin-token", why))?;
        let (admin, health) = (self.admin, self.health);
        let server =
            Config { tls, backlog, admin, admin_token, health, ..Config::new(listen, host) };
        server.checked()
    }
}

/// The location of the settings that are being checked, used to create errors about them.
#[derive(Clone, Copy)]
struct At(ConfigLocation);

impl At {
    fn invalid(self, key: &'static str, why: impl Into<String>) -> InvalidSetting {
        InvalidSetting { location: self.0, key, why: why.into() }
    }
}

/// Converts a size. If it does not fit into a `usize`, returns `usize::MAX`, which the bounds check rejects.
fn bytes(size: Option<ByteSize>, default: usize) -> usize {
    size.map_or(default, |size| usize::try_from(size.as_u64()).unwrap_or(usize::MAX))
}

fn time(time: Option<Time>, default: Duration) -> Duration {
    time.map_or(default, |Time(time)| time)
}

fn versions(at: At, numbers: Option<Vec<u16>>) -> Checked<Versions> {
    let Some(numbers) = numbers else { return Ok(Versions::default()) };
    if numbers.is_empty() {
        return Err(at.invalid("drafts", "must have at least one version; the current one is 13"));
    }
    let parse = |number| {
        Version::from_number(number).ok_or_else(|| {
            at.invalid(
                "drafts",
                format!("{number} is not a supported version: the versions are 13, 8, 7 and 0"),
            )
        })
    };
    numbers.into_iter().map(parse).collect()
}

fn static_files(
    at: At,
    base: &Path,
    folder: Option<PathBuf>,
    links: Option<schema::Links>,
) -> Checked<Option<StaticFiles>> {
    let Some(folder) = folder.map(|folder| base.join(folder)) else {
        return match links {
            None => Ok(None),
            Some(_) => Err(at.invalid("static-links", "needs `static`, the folder of the files")),
        };
    };
    if !folder.is_dir() {
        let why = format!(
            "{} is not a folder: it must be the folder of the files to serve",
            folder.display()
        );
        return Err(at.invalid("static", why));
    }
    let links = match links {
        Some(schema::Links::Anywhere) => Links::Anywhere,
        Some(schema::Links::Inside) | None => Links::Inside,
    };
    Ok(Some(StaticFiles { folder, links }))
}

fn policy(at: At, file: &Path) -> Checked<Vec<u8>> {
    match std::fs::read(file) {
        Ok(policy) if policy.len() <= MAX_POLICY => Ok(policy),
        Ok(_) => Err(at.invalid(
            "flash-policy",
            format!("{} has more than {MAX_POLICY} bytes", file.display()),
        )),
        Err(error) => Err(at.invalid("flash-policy", format!("{}: {error}", file.display()))),
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Returns the user's cache folder for this program, as the XDG base directory specification says.
pub(crate) fn default_cache() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("ws-host"))
}

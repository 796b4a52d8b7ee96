//! Settings as they are written in a file or on the command line, before they are checked. A setting that is not given
//! is `None`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use super::{Address, Grant};

mod listen;

/// A whole configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(
    missing_docs,
    reason = "docs/configuration.md describes the keys, and config::Config the settings"
)]
#[non_exhaustive]
pub struct Server {
    pub listen: Option<OneOrMany<Listen>>,
    pub backlog: Option<u32>,
    pub unix_mode: Option<Mode>,
    pub proxy_protocol: Option<bool>,
    pub secure: Option<bool>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_dev: Option<bool>,
    pub tls_client_ca: Option<PathBuf>,
    pub tls_client_auth: Option<ClientAuth>,
    pub admin: Option<SocketAddr>,
    pub admin_token: Option<PathBuf>,
    pub health: Option<SocketAddr>,
    pub workers: Option<NonZeroUsize>,
    #[serde(rename = "static")]
    pub static_files: Option<PathBuf>,
    pub static_links: Option<Links>,
    pub flash_policy: Option<PathBuf>,
    pub cache: Option<Cache>,
    pub compile_memory: Option<ByteSize>,
    pub compile_timeout: Option<Time>,
    pub watch: Option<bool>,
    pub access_log: Option<bool>,
    pub drafts: Option<Vec<u16>>,
    pub trusted_proxies: Option<Vec<Network>>,
    pub forwarded_by: Option<Convention>,
    pub max_clients: Option<usize>,
    pub max_headers: Option<usize>,
    pub max_header_size: Option<ByteSize>,
    pub max_buffered: Option<ByteSize>,
    pub max_http2_streams: Option<u32>,
    pub handshake_timeout: Option<Time>,
    pub drain_timeout: Option<Time>,
    pub cluster: Option<Cluster>,
    pub traces: Option<Traces>,
    #[serde(rename = "resource", default)]
    pub resources: Vec<ResourceSection>,
    pub dev: Option<Dev>,
}

/// The table `[cluster]`: the other hosts with the same resources.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(
    missing_docs,
    reason = "docs/cluster.md describes the keys, and config::Cluster the settings"
)]
#[non_exhaustive]
pub struct Cluster {
    pub broker: Option<OneOrMany<String>>,
    pub name: Option<String>,
    pub credentials: Option<PathBuf>,
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub advertise: Option<String>,
    pub secret: Option<PathBuf>,
    pub lease: Option<Time>,
    pub replicas: Option<usize>,
    #[serde(alias = "without-engine")] // the name in the design of the cluster
    pub without_broker: Option<WithoutBroker>,
}

/// The table `[traces]`: where spans of handshakes and events go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(
    missing_docs,
    reason = "docs/traces.md describes the keys, and config::Traces the settings"
)]
#[non_exhaustive]
pub struct Traces {
    pub endpoint: Option<String>,
    pub ratio: Option<f64>,
    pub service: Option<String>,
    pub headers: Option<PathBuf>,
}

/// The table `[dev]`: how `ws-host dev` builds the components. A server ignores it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(missing_docs, reason = "docs/configuration.md describes the keys")]
#[non_exhaustive]
pub struct Dev {
    pub build: Option<String>,
    pub watch: Option<Vec<PathBuf>>,
}

/// A table `[[resource]]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(
    missing_docs,
    reason = "docs/configuration.md describes the keys, and config::ResourceConfig the settings"
)]
#[non_exhaustive]
pub struct ResourceSection {
    pub name: Option<String>,
    pub path: Option<String>,
    pub listen: Option<Address>,
    pub component: Option<PathBuf>,
    pub environment: Option<BTreeMap<String, String>>,
    pub grant: Option<Vec<Grant>>,
    pub config: Option<BTreeMap<String, String>>,
    pub http: Option<Http>,
    pub keyvalue: Option<Keyvalue>,
    pub instance_per: Option<Sharing>,
    pub instances: Option<NonZeroUsize>,
    pub unique_in: Option<UniqueIn>,
    pub durable: Option<bool>,
    pub save_every: Option<Time>,
    pub origins: Option<Vec<String>>,
    pub require_origin: Option<bool>,
    pub subprotocols: Option<Vec<String>>,
    pub headers: Option<BTreeMap<String, String>>,
    pub auto_answers: Option<BTreeMap<String, String>>,
    pub on_fault: Option<OnFault>,
    pub on_full: Option<OnFull>,
    pub compression: Option<Compression>,
    pub compression_level: Option<u32>,
    pub compression_threshold: Option<ByteSize>,
    pub compression_window: Option<u32>,
    pub compression_keep_window: Option<bool>,
    pub max_clients: Option<usize>,
    pub max_message: Option<ByteSize>,
    pub max_outbound: Option<ByteSize>,
    pub min_rate: Option<ByteSize>,
    pub max_memory: Option<ByteSize>,
    pub max_cpu: Option<Time>,
    pub max_time: Option<Time>,
    pub max_instances: Option<usize>,
    pub max_state: Option<ByteSize>,
    pub max_log: Option<ByteSize>,
    pub close_timeout: Option<Time>,
    pub idle_timeout: Option<Time>,
    pub hibernate_after: Option<Time>,
    pub checkpoint: Option<Time>,
    pub trial: Option<Time>,
    pub canary: Option<Percent>,
}

/// Limits on the HTTP requests of handlers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(missing_docs, reason = "docs/capabilities.md describes the keys")]
#[non_exhaustive]
pub struct Http {
    pub connect_timeout: Option<Time>,
    pub first_byte_timeout: Option<Time>,
    pub between_bytes_timeout: Option<Time>,
    pub max_response: Option<ByteSize>,
}

/// Limits on the key-value store.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table")]
#[expect(missing_docs, reason = "docs/capabilities.md describes the keys")]
#[non_exhaustive]
pub struct Keyvalue {
    pub max_size: Option<ByteSize>,
    pub max_keys: Option<u64>,
}

/// Which clients share an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sharing {
    /// All clients share one instance.
    #[default]
    Resource,
    /// Clients that request the same path share one instance.
    Path,
    /// Clients do not share instances: each client has its own.
    Client,
}

/// The scope in which a path has at most one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UniqueIn {
    /// Each host may have an instance of the path.
    Host,
    /// Only one host of the cluster has an instance of the path.
    Cluster,
}

impl FromStr for UniqueIn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "host" => Ok(Self::Host),
            "cluster" => Ok(Self::Cluster),
            _ => Err("must be host or cluster".to_owned()),
        }
    }
}

/// What happens to cluster-wide unique actors when the broker is unavailable for longer than a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WithoutBroker {
    /// The actors end.
    Stop,
    /// The actors continue, and a path may have two actors.
    Continue,
}

impl FromStr for WithoutBroker {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "stop" => Ok(Self::Stop),
            "continue" => Ok(Self::Continue),
            _ => Err("must be stop or continue".to_owned()),
        }
    }
}

/// What happens to a client when one of its events fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OnFault {
    /// The client is closed with 1011.
    Close,
    /// The client stays connected, and its message is lost.
    DropMessage,
}

/// What happens to a client when its outbound buffer has no room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OnFull {
    /// The client stays connected, and misses the message.
    Drop,
    /// The client is closed with 1008.
    Close,
}

impl FromStr for OnFull {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop" => Ok(Self::Drop),
            "close" => Ok(Self::Close),
            _ => Err("must be drop or close".to_owned()),
        }
    }
}

/// How messages are compressed (permessage-deflate, RFC 7692) for clients that offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Compression {
    /// No compression.
    Off,
    /// Each message is compressed separately.
    Messages,
    /// The context is kept, so that messages may refer to earlier ones.
    Context,
}

/// Which symbolic links in a folder of files are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Links {
    /// Links to files inside the folder.
    Inside,
    /// All links.
    Anywhere,
}

impl FromStr for Links {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "inside" => Ok(Self::Inside),
            "anywhere" => Ok(Self::Anywhere),
            _ => Err("must be inside or anywhere".to_owned()),
        }
    }
}

/// The headers in which trusted proxies describe their clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Convention {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`, `X-Forwarded-Proto` and `-Host`.
    XRealIp,
    /// `CF-Connecting-IP` and `X-Forwarded-Proto`.
    CfConnectingIp,
}

/// The folder for compiled components.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a folder, or false")]
#[non_exhaustive]
pub enum Cache {
    /// `false`: no cache. `true`: the user's cache folder.
    Is(bool),
    /// The path of the folder.
    In(PathBuf),
}

/// One value, or a list.
#[derive(Clone, Debug)]
pub enum OneOrMany<T> {
    /// One value.
    One(T),
    /// A list.
    Many(Vec<T>),
}

/// An address to listen on, with its own settings if there are any.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "docs/configuration.md describes the keys")]
#[non_exhaustive]
pub struct Listen {
    pub address: Address,
    pub tls: Option<bool>,
    pub proxy_protocol: Option<bool>,
    pub secure: Option<bool>,
    pub mode: Option<Mode>,
}

/// Whether a client must present a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ClientAuth {
    /// A client may present a certificate.
    Optional,
    /// A client without a certificate is refused.
    Required,
}

/// The permissions of a file, such as `660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

/// A share such as `5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u8);

/// A time such as `500ms` or `10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Duration);

impl<T> OneOrMany<T> {
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl From<Address> for Listen {
    fn from(address: Address) -> Self {
        Self { address, tls: None, proxy_protocol: None, secure: None, mode: None }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match u32::from_str_radix(text, 8) {
            Ok(mode @ ..=0o777) if !text.starts_with('+') => Ok(Self(mode)),
            _ => Err(format!("{text:?} must be file permissions in octal, such as 660")),
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| address()).map(Self).map_err(|_| {
            format!("{text:?} must be an address or a network, such as 10.0.0.0/8 or ::1")
        })
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
        match number {
            Some(percent @ 1..=100) => Ok(Self(percent)),
            _ => Err(format!("{text:?} must be a share from 1% to 100%, such as 5%")),
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = humantime::parse_duration(&text);
        parsed.map(Self).map_err(|error| {
            serde::de::Error::custom(format!(
                "{text:?} must be a time such as \"500ms\" or \"10s\": {error}"
            ))
        })
    }
}

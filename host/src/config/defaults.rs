//! Settings that nobody has changed yet.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::{Origins, Versions};

use super::{
    Config, Host, HostLimits, HostTimeouts, InstancePer, Limits, Links, Listen, Mode, OnFault,
    OnFull, Pattern, PatternError, Resource, StaticFiles, Timeouts, Trial, Watch, check, memory,
};

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            max_clients: 10_000,
            max_headers: 100,
            max_header_size: 16 << 10,
            max_buffered: usize::try_from(memory::available() / 4).unwrap_or(usize::MAX >> 8),
            // As many as Chromium opens at all: one less than 256.
            max_http2_streams: 256,
        }
    }
}

impl Default for HostTimeouts {
    fn default() -> Self {
        Self { handshake: Duration::from_secs(10), drain: Duration::from_secs(10) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_clients: check::MOST_CLIENTS,
            max_message: 1 << 20,
            max_outbound: 2 << 20,
            min_rate: 1 << 10,
            max_memory: 64 << 20,
            max_cpu: Duration::from_secs(1),
            max_time: Duration::from_secs(60),
            max_instances: 10_000,
            max_state: 1 << 20,
            max_log: 64 << 10,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            close: Duration::from_secs(5),
            idle: Some(Duration::from_secs(60)),
            hibernate_after: Some(Duration::from_secs(60)),
            checkpoint: None,
        }
    }
}

impl Config {
    /// As many connections may wait in the system as may be in front of their handshake's end.
    pub(super) const BACKLOG: u32 = 1024;

    /// A server that listens at these addresses, without TLS of its own and without an admin address.
    pub fn new(listen: Vec<Listen>, host: Host) -> Self {
        Self { listen, tls: None, backlog: Self::BACKLOG, admin: None, file: None, host }
    }
}

impl StaticFiles {
    /// Of this folder, following links inside it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), links: Links::default() }
    }
}

impl Trial {
    /// Of so long, which all instances take part in from the beginning.
    pub fn new(time: Duration) -> Self {
        Self { time, canary: 100 }
    }
}

impl Host {
    /// A host of these resources with the default settings, which serves clients on one thread.
    pub fn new(resources: Vec<Resource>) -> Self {
        Self {
            resources,
            workers: NonZeroUsize::MIN,
            cache: None,
            watch: Watch::Off,
            mode: Mode::Production,
            versions: Versions::default(),
            trusted_proxies: Vec::new(),
            forwarded_by: Convention::default(),
            static_files: None,
            flash_policy: None,
            limits: HostLimits::default(),
            timeouts: HostTimeouts::default(),
        }
    }
}

impl Resource {
    /// A resource of these paths with the default settings, named as its component's file.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the path is none.
    pub fn new(path: &str, component: impl Into<PathBuf>) -> Result<Self, PatternError> {
        let component = component.into();
        let name = check::name_of(&component);
        Ok(Self {
            name,
            path: Pattern::parse(path)?,
            listen: None,
            component,
            environment: Vec::new(),
            instance_per: InstancePer::Resource { instances: NonZeroUsize::MIN },
            origins: Origins::default(),
            subprotocols: Vec::new(),
            headers: Vec::new(),
            auto_answers: Vec::new(),
            on_fault: OnFault::Close,
            on_full: OnFull::Drop,
            compression: None,
            trial: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        })
    }
}

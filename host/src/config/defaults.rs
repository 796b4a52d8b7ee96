//! Default settings.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::{Origins, Versions};

use super::written::WrittenSettings;
use super::{
    AccessLog, Compile, Config, HostConfig, HostLimits, HostTimeouts, HttpLimits, InstancePer,
    KeyvalueLimits, Links, Listen, Mode, OnFault, OnFull, Pattern, PatternError, ResourceConfig,
    ResourceLimits, StaticFiles, Timeouts, Trial, UniqueIn, Watch, check, memory,
};

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            max_clients: 10_000,
            max_headers: 100,
            max_header_size: 16 << 10,
            max_buffered: usize::try_from(memory::available() / 4).unwrap_or(usize::MAX >> 8),
            // This is enough for Chromium, which opens at most 255 WebSockets.
            max_http2_streams: 256,
        }
    }
}

impl Default for HostTimeouts {
    fn default() -> Self {
        Self { handshake: Duration::from_secs(10), drain: Duration::from_secs(10) }
    }
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self {
            max_clients: check::MAX_CLIENTS,
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

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            between_bytes: Duration::from_secs(15),
            max_response: 16 << 20,
        }
    }
}

impl Default for KeyvalueLimits {
    fn default() -> Self {
        Self { max_size: 64 << 20, max_keys: 100_000 }
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
    /// The default backlog, in connections: how many connections to one listening address the kernel keeps until they
    /// are accepted.
    pub(super) const BACKLOG: u32 = 1024;

    /// Creates the configuration of a server that listens on these addresses. The server has no certificate and no
    /// admin address.
    pub fn new(listen: Vec<Listen>, host: HostConfig) -> Self {
        Self {
            listen,
            tls: None,
            backlog: Self::BACKLOG,
            admin: None,
            admin_token: None,
            health: None,
            file: None,
            written: WrittenSettings::default(),
            host,
        }
    }
}

impl StaticFiles {
    /// Serves the files of a folder, following symbolic links to files inside it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), links: Links::default() }
    }
}

impl Trial {
    /// Creates a trial of this duration. All instances take part in it from the beginning.
    pub fn new(time: Duration) -> Self {
        Self { time, canary: 100 }
    }
}

impl HostConfig {
    /// Creates the configuration of a host with these resources and default settings. It serves clients on a single
    /// thread.
    pub fn new(resources: Vec<ResourceConfig>) -> Self {
        Self {
            resources,
            workers: NonZeroUsize::MIN,
            cache: None,
            compile: Compile::default(),
            watch: Watch::Off,
            access_log: AccessLog::Off,
            mode: Mode::Production,
            versions: Versions::default(),
            trusted_proxies: Vec::new(),
            forwarded_by: Convention::default(),
            static_files: None,
            flash_policy: None,
            cluster: None,
            traces: None,
            limits: HostLimits::default(),
            timeouts: HostTimeouts::default(),
        }
    }
}

impl Default for Compile {
    /// Returns settings for compiling in this process. Their limits, 2 GiB and two minutes, apply only if a program is
    /// set. The largest components in common use need a fifth of this memory and a tenth of this time.
    fn default() -> Self {
        Self { program: None, max_memory: 2 << 30, timeout: Duration::from_secs(120) }
    }
}

impl ResourceConfig {
    /// Creates the configuration of a resource with default settings. Its name is the name of the component's file.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the path is invalid.
    pub fn new(path: &str, component: impl Into<PathBuf>) -> Result<Self, PatternError> {
        let component = component.into();
        let name = check::default_name(&component);
        Ok(Self {
            name,
            path: Pattern::parse(path)?,
            listen: None,
            component,
            environment: Vec::new(),
            grants: Vec::new(),
            config: BTreeMap::new(),
            http: HttpLimits::default(),
            keyvalue: KeyvalueLimits::default(),
            instance_per: InstancePer::Resource { instances: NonZeroUsize::MIN },
            unique_in: UniqueIn::default(),
            save_every: None,
            origins: Origins::default(),
            subprotocols: Vec::new(),
            headers: Vec::new(),
            auto_answers: Vec::new(),
            on_fault: OnFault::Close,
            on_full: OnFull::Drop,
            compression: None,
            trial: None,
            limits: ResourceLimits::default(),
            timeouts: Timeouts::default(),
        })
    }
}

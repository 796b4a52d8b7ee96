//! A running proxy and the server behind it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use ws_host_test_support::{DEADLINE, TestServer};

use super::backend;
use super::catalogue::Proxy;
use super::certificate::Certificate;
use super::configuration::Substitutions;
use super::front::Front;
use super::network::Network;
use super::process::Process;
use super::silence::Silence;

/// How often a proxy is started if another process takes its port.
const TRIES: usize = 3;

/// A proxy and a server. Dropping it ends both.
pub(super) struct Trial {
    pub(super) front: Front,
    pub(super) server: TestServer,
    pub(super) silence: Option<Silence>,
    pub(super) one_way: Option<Silence>,
    pub(super) pauses: Option<Silence>,
    _processes: Vec<Process>,
    _folder: TempDir,
}

impl Trial {
    /// Starts both, and waits until a response of the server comes through.
    pub(super) fn begin(
        proxy: &Proxy,
        certificate: &Certificate,
        network: &Network,
    ) -> Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_begin(proxy, certificate, network) {
                Err(why) if tries < TRIES && format!("{why:#}").contains("in use") => {}
                other => return other,
            }
        }
    }

    /// Starts the clients with pauses. They run while other proxies are tested, and are checked at
    /// the end.
    pub(super) fn begin_silence(&mut self) {
        // If they cannot connect, other scenarios have reported why.
        self.silence = Silence::of_both(&self.front).ok();
        self.one_way = Silence::of_the_server(&self.front).ok();
        self.pauses = Silence::between_requests(&self.front).ok();
    }

    fn try_begin(proxy: &Proxy, certificate: &Certificate, network: &Network) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // Some proxies drop their privileges before they read the directory.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        certificate.write(folder.path())?;
        let server =
            backend::start(proxy.settings, folder.path()).context("cannot start the server")?;
        let substitutions = Substitutions::choose(server.address().port(), folder.path())?;
        for file in proxy.files {
            substitutions.install(file)?;
        }
        let front = Front::new(substitutions.front, proxy.http, certificate, network)?;
        let mut processes = Vec::new();
        for (arguments, port) in
            proxy.processes.iter().zip([substitutions.front, substitutions.inner])
        {
            let arguments: Vec<_> = arguments.iter().map(|word| substitutions.fill(word)).collect();
            let mut process = Process::start(&arguments, folder.path())?;
            process.wait_until_it_listens(port).with_context(|| arguments[0].clone())?;
            processes.push(process);
        }
        if let Err(why) = wait_until_it_serves(&front) {
            let logs: Vec<_> = processes.iter().map(Process::log_tail).collect();
            bail!("the proxy does not serve: {why:#}; its log: {}", logs.concat());
        }
        Ok(Self {
            front,
            server,
            silence: None,
            one_way: None,
            pauses: None,
            _processes: processes,
            _folder: folder,
        })
    }
}

/// Waits until requests succeed. A proxy with health checks may fail for a moment.
fn wait_until_it_serves(front: &Front) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let why = match front.get("/healthz", 1) {
            Ok(responses) if responses.iter().all(|response| response.status.is_success()) => {
                return Ok(());
            }
            Ok(responses) => format!("{responses:?}"),
            Err(why) => format!("{why:#}"),
        };
        if Instant::now() > deadline {
            bail!(why);
        }
        sleep(Duration::from_millis(100));
    }
}

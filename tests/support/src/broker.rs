//! The real `nats-server`, on a port that the system chooses.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::DEADLINE;

/// Where distributions install the program, if it is not on the path. Debian: `/usr/sbin`.
const PROGRAMS: [&str; 4] =
    ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server", "nats-server"];

/// The file with the server's log, in the server's folder.
const LOG: &str = "log";

/// A running `nats-server`. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Broker {
    program: PathBuf,
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Broker {
    /// Starts a server with its default settings.
    pub fn start() -> Result<Self> {
        Self::with_arguments(&[])
    }

    /// Starts a server with additional command-line arguments.
    pub fn with_arguments(arguments: &[&str]) -> Result<Self> {
        Self::running(Self::program(), arguments)
    }

    /// Starts a server of the version that is installed for clusters of servers.
    pub(crate) fn for_clusters(arguments: &[&str]) -> Result<Self> {
        let installed = || crate::root().join(".venv-clients/bin/nats-server");
        Self::running(from_environment().unwrap_or_else(installed), arguments)
    }

    fn running(program: PathBuf, arguments: &[&str]) -> Result<Self> {
        let arguments: Vec<String> =
            arguments.iter().map(|&argument| argument.to_owned()).collect();
        let folder = new_folder()?;
        let (child, address) = spawn(&program, "-1", &folder, &arguments)?;
        Ok(Self { program, child, address, folder, arguments })
    }

    /// Returns the name of the program with its version, if it is installed.
    pub fn version() -> Result<String> {
        let output =
            Command::new(Self::program()).arg("--version").output().context("nats-server")?;
        // `nats-server: v2.9.10`
        let text = String::from_utf8(output.stdout)?;
        let (_, version) = text.trim().rsplit_once('v').context("nats-server has no version")?;
        Ok(format!("NATS {version}"))
    }

    /// Returns the program: `$NATS_SERVER`, or the one that is installed.
    pub fn program() -> PathBuf {
        let installed = || PROGRAMS.iter().map(PathBuf::from).find(|program| program.is_file());
        from_environment().or_else(installed).unwrap_or_else(|| "nats-server".into())
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for `--cluster`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Returns the process id, for `/proc`.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Lets the server stand still, with whatever it has read.
    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets the server go on.
    pub(crate) fn unpause(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Returns the end of the server's log, if the server has exited without being killed.
    pub fn last_words(&mut self) -> Result<Option<String>> {
        if self.child.try_wait()?.is_none() {
            return Ok(None);
        }
        let log = std::fs::read(self.folder.join(LOG))?;
        Ok(Some(String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned()))
    }

    /// Starts it again at the same address.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let port = self.address.port().to_string();
        (self.child, self.address) = spawn(&self.program, &port, &self.folder, &self.arguments)?;
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails only if the process has exited already, or the folder is gone.
        let _ = self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn new_folder() -> Result<PathBuf> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("ws-host-broker-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn from_environment() -> Option<PathBuf> {
    std::env::var_os("NATS_SERVER").map(PathBuf::from)
}

fn spawn(
    program: &Path,
    port: &str,
    folder: &Path,
    arguments: &[String],
) -> Result<(Child, SocketAddr)> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", port, "--ports_file_dir"])
            .arg(folder)
            // Other arguments may name another one.
            .arg("-sd")
            .arg(folder.join("store"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join(LOG))?)
            .spawn()
            .with_context(|| {
                format!("cannot start {}: run tests/clients/install", program.display())
            })?;
        match address(&mut child, folder) {
            Ok(Some(address)) => return Ok((child, address)),
            // The port of a server that was killed may be in use for a moment.
            Ok(None) if port != "-1" && Instant::now() < deadline => {}
            Ok(None) => {
                let log = std::fs::read_to_string(folder.join(LOG))?;
                bail!("nats-server exited: {log}");
            }
            Err(error) => {
                // It must not outlive the test.
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        }
    }
}

/// Returns the address that the server has written into a file. `None`: it has exited.
fn address(child: &mut Child, folder: &Path) -> Result<Option<SocketAddr>> {
    let file = folder.join(format!("nats-server_{}.ports", child.id()));
    let deadline = Instant::now() + DEADLINE;
    loop {
        // The file is written in several steps.
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(address) = text.ends_with('}').then(|| client_address(&text)).flatten() {
            return Ok(Some(address));
        }
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        ensure!(Instant::now() < deadline, "nats-server never wrote {}", file.display());
        std::thread::yield_now();
    }
}

/// Returns the address in `{"nats": ["nats://127.0.0.1:4222"], …}`, or `tls://` with TLS.
fn client_address(text: &str) -> Option<SocketAddr> {
    let (_, rest) = text.split_once("://")?;
    rest.split('"').next()?.parse().ok()
}

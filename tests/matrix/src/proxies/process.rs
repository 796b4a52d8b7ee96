//! A proxy's process.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use ws_host_test_support::DEADLINE;

/// How often to check a process: rarely enough to leave the processor to it.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How long a proxy may take to exit after SIGTERM.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// How many bytes of the end of a log are shown when a proxy does not start.
const LOG_TAIL: usize = 600;

/// Ends a proxy when the matrix is killed. The proxy is in a process group of its own, so nothing
/// else would.
const ENDS_WITH_PARENT: [&str; 4] = ["setpriv", "--pdeathsig", "TERM", "--"];

/// A process and its descendants. Dropping it ends them.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Runs a command in a directory, which gets its log and other files.
    pub(super) fn start(arguments: &[String], folder: &Path) -> Result<Self> {
        let program = arguments.first().and_then(|program| Path::new(program).file_name());
        let log = folder.join(program.context("the command is empty")?).with_extension("log");
        let mut command = command(&[&ENDS_WITH_PARENT.map(str::to_owned), arguments].concat())?;
        let output = File::create(&log)?;
        command
            .current_dir(folder)
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, log })
    }

    /// Waits until it listens on a port.
    pub(super) fn wait_until_it_listens(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the proxy exited with {status}: {}", self.log_tail());
            }
            if Instant::now() > deadline {
                bail!("the proxy does not listen on port {port}: {}", self.log_tail());
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Returns the end of its log.
    pub(super) fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }

    fn signal(&self, signal: Signal) {
        // Fails only if all of them have ended, which is the purpose.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Some proxies have children in process groups of their own, which they end only on
        // SIGTERM.
        self.signal(Signal::TERM);
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(POLL_INTERVAL);
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Returns a command with a PATH that includes the directories of servers, which are missing from
/// an ordinary user's.
fn command(arguments: &[String]) -> Result<Command> {
    let (program, arguments) = arguments.split_first().context("the command is empty")?;
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.args(arguments).env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin:/sbin"));
    Ok(command)
}

/// Returns the first number with a dot in a command's output, or `None` if there is no such
/// program.
pub(super) fn version(arguments: &[String]) -> Result<Option<String>> {
    let mut command = command(arguments)?;
    let output = match command.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot run {command:?}"))?,
    };
    // A part of the program is missing, such as a package.
    if !output.status.success() {
        return Ok(None);
    }
    let written = [output.stdout, output.stderr].concat();
    Ok(Some(version_in(&String::from_utf8_lossy(&written)).unwrap_or_default()))
}

fn version_in(text: &str) -> Option<String> {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .map(|number| number.trim_matches('.'))
        .find(|number| number.contains('.'))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_the_output_of_programs() {
        for (text, version) in [
            ("nginx version: nginx/1.22.1\n", "1.22.1"),
            ("varnishd (varnish-7.1.1 revision 7cee1c58)", "7.1.1"),
            ("go version go1.19.8 linux/amd64", "1.19.8"),
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17", "2.6.12"),
        ] {
            assert_eq!(version_in(text).as_deref(), Some(version));
        }
        assert_eq!(version_in("none."), None);
    }
}

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

/// How long it is between two looks at a process. Long enough to leave the processor to it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How long a proxy may take to end when it is asked to.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// How much of a log is told when a proxy does not start, in octets of its end.
const TOLD: usize = 600;

/// What makes a proxy end when the matrix is killed: nobody else would end it, as it is in a process group of its own.
const WITH_PARENT: [&str; 4] = ["setpriv", "--pdeathsig", "TERM", "--"];

/// A process and all that it has started. Dropping it ends them.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Runs a command in a folder for what it writes.
    pub(super) fn start(arguments: &[String], folder: &Path) -> Result<Self> {
        let program = arguments.first().and_then(|program| Path::new(program).file_name());
        let log = folder.join(program.context("the name of a program")?).with_extension("log");
        let mut command = command(&[&WITH_PARENT.map(str::to_owned), arguments].concat())?;
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

    /// Waits until it listens at a port.
    pub(super) fn wait_until_it_listens(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}: {}", self.told());
            }
            if Instant::now() > deadline {
                bail!("it does not listen at port {port}: {}", self.told());
            }
            sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// The end of what it wrote.
    pub(super) fn told(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(TOLD)..]).into_owned()
    }

    fn signal(&self, signal: Signal) {
        // Fails only if all have ended, which is what it is for.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Some proxies have children in groups of their own, which they end only if they are asked.
        self.signal(Signal::TERM);
        let deadline = Instant::now() + FAREWELL_TIME;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(BETWEEN_LOOKS);
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A command, with servers where a system that is not root's does not look for them.
fn command(arguments: &[String]) -> Result<Command> {
    let (program, arguments) = arguments.split_first().context("a program")?;
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.args(arguments).env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin:/sbin"));
    Ok(command)
}

/// The first number with a dot in what a command writes; `None` if there is no such program.
pub(super) fn version(arguments: &[String]) -> Result<Option<String>> {
    let mut command = command(arguments)?;
    let output = match command.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("{command:?}"))?,
    };
    // A part of it is missing, such as a package.
    if !output.status.success() {
        return Ok(None);
    }
    let told = [output.stdout, output.stderr].concat();
    Ok(Some(version_in(&String::from_utf8_lossy(&told)).unwrap_or_default()))
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
    fn versions_are_found_in_whatever_programs_write() {
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

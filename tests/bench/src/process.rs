//! What the system knows of a process, and what it is told about it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Signal, getrlimit, set_parent_process_death_signal, setrlimit};

use crate::cores::Pinned;

/// CPU time, user and system, that a process has used.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let user = ticks.next().context("no utime in /proc/PID/stat")??;
    let system = ticks.next().context("no stime in /proc/PID/stat")??;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64((user + system) as f64 / per_second as f64))
}

/// Resident memory of a process, in octets.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// How many mappings of memory a process has.
pub(crate) fn mappings(process: u32) -> Result<usize> {
    Ok(std::fs::read_to_string(format!("/proc/{process}/maps"))?.lines().count())
}

/// Lets this process and its children have as many sockets as the system allows; gives that number.
pub(crate) fn raise_open_files() -> Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// A command that runs another one on a core, with the same process id.
pub(crate) fn on_core(core: usize, command: impl AsRef<OsStr>) -> Result<Command> {
    let mut on_core = Command::new(std::env::current_exe()?);
    on_core.args(["on-core", &core.to_string(), "--"]).arg(command);
    Ok(on_core)
}

/// Turns this process into a command that stays on one core and dies with its parent.
pub(crate) fn become_on_core(core: usize, command: &OsStr, arguments: &[OsString]) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let _pinned = Pinned::to(core)?;
    let error = Command::new(command).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", command.display()))
}

//! CPU time, memory and limits of processes and of the processes that they started.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use ws_host_test_support::{Ended, TestServer};

use crate::cores::Pinned;

/// Returns the CPU time, user and system, of a process with all its threads and descendants.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let mut ticks = ticks(process)?;
    for descendant in descendants(process) {
        // The time of a descendant that has just ended is in the count of the process that waited
        // for it.
        ticks += self::ticks(descendant).unwrap_or(0);
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Returns the resident memory of a process and its descendants, in bytes.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let descendants: u64 =
        descendants(process).into_iter().map(|process| resident_of(process).unwrap_or(0)).sum();
    Ok(resident_of(process)? + descendants)
}

/// Returns how many memory mappings a process has.
pub(crate) fn mappings(process: u32) -> Result<usize> {
    Ok(std::fs::read_to_string(format!("/proc/{process}/maps"))?.lines().count())
}

/// Raises the limit of open files, for this process and its children, to the most that the system
/// allows. Returns the new limit.
pub(crate) fn raise_open_files() -> Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Returns a command that runs another one on a core, with the same process id.
pub(crate) fn on_core(core: usize, command: impl AsRef<OsStr>) -> Result<Command> {
    let mut on_core = Command::new(std::env::current_exe()?);
    on_core.args(["on-core", &core.to_string(), "--"]).arg(command);
    Ok(on_core)
}

/// Replaces this process with a command that stays on one core and is killed when its parent dies.
pub(crate) fn become_on_core(core: usize, command: &OsStr, arguments: &[OsString]) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let _pinned = Pinned::to(core)?;
    let error = Command::new(command).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", command.display()))
}

/// Interrupts a server as Ctrl+C does, and waits until it has exited.
pub(crate) fn end(server: TestServer) -> Result<Ended> {
    server.signal(Signal::INT)?;
    server.wait()
}

/// Returns the CPU time, user and system, of each thread of a process.
pub(crate) fn thread_times(process: u32) -> Result<Vec<Duration>> {
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    std::fs::read_dir(format!("/proc/{process}/task"))?
        .map(|thread| {
            let ticks = ticks_in(&thread?.path().join("stat"))?;
            Ok(Duration::from_secs_f64(ticks as f64 / per_second))
        })
        .collect()
}

/// Returns the ticks of a process and of those children that it has waited for.
fn ticks(process: u32) -> Result<u64> {
    ticks_in(format!("/proc/{process}/stat").as_ref())
}

fn ticks_in(file: &Path) -> Result<u64> {
    let stat = std::fs::read_to_string(file)?;
    // The second field is the name in parentheses. It may contain spaces.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat contains no name")?;
    // utime, stime, cutime and cstime are adjacent.
    let ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()?)
}

fn resident_of(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("/proc/PID/status contains no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Returns the running descendants of a process; none where the system does not list them.
fn descendants(process: u32) -> Vec<u32> {
    let mut found = children(process);
    let mut index = 0;
    while index < found.len() {
        let more = children(found[index]);
        found.extend(more);
        index += 1;
    }
    found
}

fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    let of_thread = |thread: std::fs::DirEntry| {
        std::fs::read_to_string(thread.path().join("children")).unwrap_or_default()
    };
    let lists: String = threads.flatten().map(of_thread).collect();
    lists.split_whitespace().flat_map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn grandchildren_are_counted() {
        let script = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; sleep 20) & wait";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        let process = child.id();
        let (with_descendants, alone) = (cpu_time(process).unwrap(), ticks(process).unwrap());
        let memory = (resident(process).unwrap(), resident_of(process).unwrap());
        let group = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process_group(group, Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(with_descendants > Duration::ZERO && alone == 0, "{with_descendants:?}, {alone}");
        assert!(memory.0 > memory.1, "{memory:?}");
    }
}

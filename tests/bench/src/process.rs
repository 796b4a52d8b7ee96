//! What the system knows of a process and of those that it started, and what it is told about it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use ws_host_test_support::{Ended, TestServer};

use crate::cores::Pinned;

/// CPU time, user and system, that a process has used with all its threads and all that it started.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let mut ticks = ticks(process)?;
    for descendant in descendants(process) {
        // One that has ended meanwhile is in the count of the process that waited for it.
        ticks += self::ticks(descendant).unwrap_or(0);
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Resident memory of a process and of all that it started, in octets.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let descendants: u64 =
        descendants(process).into_iter().map(|process| resident_alone(process).unwrap_or(0)).sum();
    Ok(resident_alone(process)? + descendants)
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

/// Tells a server to end, as Ctrl+C does, and waits until it has.
pub(crate) fn end(server: TestServer) -> Result<Ended> {
    server.signal(Signal::INT)?;
    server.wait()
}

/// CPU time, user and system, of each thread of a process.
pub(crate) fn thread_times(process: u32) -> Result<Vec<Duration>> {
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    std::fs::read_dir(format!("/proc/{process}/task"))?
        .map(|thread| {
            let ticks = ticks_in(&thread?.path().join("stat"))?;
            Ok(Duration::from_secs_f64(ticks as f64 / per_second))
        })
        .collect()
}

/// Ticks of a process and of those children that it has waited for.
fn ticks(process: u32) -> Result<u64> {
    ticks_in(format!("/proc/{process}/stat").as_ref())
}

fn ticks_in(file: &Path) -> Result<u64> {
    let stat = std::fs::read_to_string(file)?;
    // The second field is the name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    // utime, stime, cutime and cstime follow each other.
    let ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()?)
}

fn resident_alone(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// All that a process has started and that still runs; none where the system does not tell.
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
    fn what_a_child_of_a_child_uses_is_counted() {
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
        let (family, alone) = (cpu_time(process).unwrap(), ticks(process).unwrap());
        let memory = (resident(process).unwrap(), resident_alone(process).unwrap());
        let group = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process_group(group, Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(family > Duration::ZERO && alone == 0, "{family:?}, {alone}");
        assert!(memory.0 > memory.1, "{memory:?}");
    }
}

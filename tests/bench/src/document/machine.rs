//! The machine and the date of a measurement.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The machine, the date and the command of a measurement.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The date in UTC, as 2026-01-31.
    pub(super) date: String,
    /// The processor's model.
    pub(super) processor: String,
    /// Cores that this process may use.
    pub(super) cores: usize,
    /// Memory in GiB.
    pub(super) memory: f64,
    /// The kernel's name and version.
    pub(super) kernel: String,
    /// The command that repeats the measurement.
    pub(super) command: String,
}

impl Machine {
    /// Describes this machine.
    pub(super) fn detect(command: &str) -> Result<Self> {
        let date = Command::new("date").args(["-u", "+%F"]).output().context("cannot run date")?;
        ensure!(date.status.success(), "date ended with {}", date.status);
        Ok(Self {
            date: String::from_utf8(date.stdout)?.trim().to_owned(),
            processor: processor(&std::fs::read_to_string("/proc/cpuinfo")?),
            cores: std::thread::available_parallelism()?.get(),
            memory: memory(&std::fs::read_to_string("/proc/meminfo")?)
                .context("/proc/meminfo has no MemTotal")?,
            kernel: kernel(&std::fs::read_to_string("/proc/sys/kernel/osrelease")?),
            command: command.to_owned(),
        })
    }
}

/// Returns the processor's model, which not every architecture reports.
fn processor(cpuinfo: &str) -> String {
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    match model.and_then(|model| model.split_once(':')) {
        Some((_, model)) => model.trim().to_owned(),
        None => format!("unknown ({})", std::env::consts::ARCH),
    }
}

fn memory(meminfo: &str) -> Option<f64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0 / 1024.0)
}

/// Returns the version without the distribution's suffix.
fn kernel(release: &str) -> String {
    let version = release.trim().split('-').next().unwrap_or_default();
    format!("Linux {version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_files_are_parsed() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Fast: 9000\nflags\t: fpu\n";
        assert_eq!(processor(cpuinfo), "Fast: 9000");
        assert!(processor("processor : 0").starts_with("unknown ("));
        assert_eq!(memory("MemTotal:       16777216 kB\nMemFree: 1 kB\n"), Some(16.0));
        assert_eq!(kernel("6.1.0-18-amd64\n"), "Linux 6.1.0");
    }
}

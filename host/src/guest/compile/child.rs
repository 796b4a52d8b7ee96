//! The host's side of the compiler's process: starts it, waits for it, and ends it at its limits.

use std::fs::File;
use std::io::{Error, PipeReader, PipeWriter, Read, Result, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::failure::CompileFailure;
use super::process::{self, Order};
use super::{CompileError, Density};

/// How many compilers run at the same time. Each of them uses all cores. Others wait.
const MAX_PROCESSES: usize = 2;

/// How much of what a compiler reports is kept, in bytes.
const MAX_REPORT: u64 = 4096;

/// The process that compiles, and its limits.
#[derive(Clone, Debug)]
pub(crate) struct CompilerProcess {
    /// The program. It calls [`run_as_compiler`](super::run_as_compiler) first.
    pub(crate) program: PathBuf,
    /// In bytes.
    pub(crate) max_memory: usize,
    pub(crate) timeout: Duration,
}

/// Ends a compilation when it is dropped.
pub(crate) struct Cancellation(#[expect(dead_code, reason = "its end is what counts")] PipeWriter);

/// Tells when its [`Cancellation`] is dropped.
pub(crate) struct Cancelled(PipeReader);

/// Returns both ends of a way to cancel a compilation.
///
/// # Errors
///
/// The error of the operating system: too many open files.
pub(crate) fn cancellation() -> Result<(Cancellation, Cancelled)> {
    let (reader, writer) = std::io::pipe()?;
    Ok((Cancellation(writer), Cancelled(reader)))
}

impl CompilerProcess {
    /// Compiles a component.
    ///
    /// # Errors
    ///
    /// [`CompileError`]. The process has ended then, too.
    pub(super) fn compile(
        &self,
        component: &[u8],
        density: Density,
        cancelled: &Cancelled,
    ) -> std::result::Result<Vec<u8>, CompileError> {
        let _permit = Permit::wait();
        let (status, mut files) =
            self.run(component, density, cancelled).map_err(CompileError::Failed)?;
        let start = |error| CompileError::Failed(CompileFailure::Start(error));
        if status.success() {
            return read(&mut files.artifact, u64::MAX).map_err(start);
        }
        let report = read(&mut files.report, MAX_REPORT).map_err(start)?;
        let report = String::from_utf8_lossy(&report);
        Err(self.explain(status, report.trim()))
    }

    fn run(
        &self,
        component: &[u8],
        density: Density,
        cancelled: &Cancelled,
    ) -> std::result::Result<(ExitStatus, Files), CompileFailure> {
        let started = Files::new(component)
            .and_then(|files| Ok((Ended(self.start(&files, density)?), files)));
        let (mut child, files) = started.map_err(CompileFailure::Start)?;
        match self.wait(&child, cancelled).map_err(CompileFailure::Start)? {
            Wakeup::Ended => {}
            Wakeup::Timeout => return Err(CompileFailure::Time(self.timeout)),
            Wakeup::Cancelled => return Err(CompileFailure::Cancelled),
        }
        let status = child.0.wait().map_err(CompileFailure::Start)?;
        Ok((status, files))
    }

    fn start(&self, files: &Files, density: Density) -> Result<Child> {
        let order = Order {
            host: std::process::id(),
            max_memory: self.max_memory,
            timeout: self.timeout,
            density,
        };
        // No variables: they may hold secrets, and none is for the compiler.
        Command::new(&self.program)
            .arg0(process::NAME)
            .args(order.to_arguments())
            .env_clear()
            .stdin(files.component.try_clone()?)
            .stdout(files.artifact.try_clone()?)
            .stderr(files.report.try_clone()?)
            .spawn()
    }

    /// Waits until the process ends, but only until its time is over or nobody needs its result.
    fn wait(&self, child: &Ended, cancelled: &Cancelled) -> Result<Wakeup> {
        let pid = i32::try_from(child.0.id()).ok().and_then(Pid::from_raw);
        let process = pidfd_open(pid.ok_or(std::io::ErrorKind::NotFound)?, PidfdFlags::empty())?;
        let deadline = Instant::now() + self.timeout;
        loop {
            let mut events =
                [PollFd::new(&process, PollFlags::IN), PollFd::new(&cancelled.0, PollFlags::IN)];
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(Error::other)?;
            match poll(&mut events, Some(&timeout)) {
                Ok(0) => return Ok(Wakeup::Timeout),
                Ok(_) if events[0].revents().is_empty() => return Ok(Wakeup::Cancelled),
                Ok(_) => return Ok(Wakeup::Ended),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn explain(&self, status: ExitStatus, report: &str) -> CompileError {
        let memory = || CompileFailure::Memory(self.max_memory as u64);
        let failure = match (status.code(), status.signal()) {
            (Some(process::INVALID), _) => {
                return CompileError::Invalid(wasmtime::Error::msg(report.to_owned()));
            }
            (Some(process::OUT_OF_MEMORY), _) => memory(),
            _ if process::is_out_of_memory(report) => memory(),
            (_, Some(libc::SIGXCPU)) => CompileFailure::Time(self.timeout),
            (_, Some(signal)) if report.is_empty() => CompileFailure::Killed(signal),
            _ => CompileFailure::Crashed(if report.is_empty() {
                status.to_string()
            } else {
                report.to_owned()
            }),
        };
        CompileError::Failed(failure)
    }
}

enum Wakeup {
    Ended,
    Timeout,
    Cancelled,
}

/// What the process reads and writes: files in memory, so that neither side waits for the other.
struct Files {
    component: File,
    artifact: File,
    report: File,
}

impl Files {
    fn new(bytes: &[u8]) -> Result<Self> {
        let file = |name: &str| memfd_create(name, MemfdFlags::CLOEXEC).map(File::from);
        let mut component = file("ws-host-component")?;
        component.write_all(bytes)?;
        component.rewind()?;
        let (artifact, report) = (file("ws-host-compiled")?, file("ws-host-report")?);
        Ok(Self { component, artifact, report })
    }
}

fn read(file: &mut File, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A process that is ended, if it still runs, when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail if the process has already ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The permission to run one process.
struct Permit;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

impl Permit {
    fn wait() -> Self {
        let mut running = RUNNING.lock();
        ENDED.wait_while(&mut running, |running| *running >= MAX_PROCESSES);
        *running += 1;
        Self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *RUNNING.lock() -= 1;
        ENDED.notify_one();
    }
}

//! The host's side of the compiler's process: starts the process, waits for it, and ends it if it exceeds a limit.

use std::fs::File;
use std::io::{Error, ErrorKind, PipeReader, PipeWriter, Read, Result, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};

use super::failure::CompileFailure;
use super::process::{self, Order};
use super::{CompileError, Density};

/// How many compilers run at the same time. Any others wait, because each compiler uses all cores.
const MAX_PROCESSES: usize = 2;

/// How much of a compiler's report is kept, in bytes.
const MAX_REPORT: u64 = 4096;

/// How much of the compiled code is read at once, in bytes. This is the capacity of a pipe.
const CHUNK: usize = 64 << 10;

/// The process that compiles, and its limits.
#[derive(Clone, Debug)]
pub(crate) struct CompilerProcess {
    /// The program. It calls [`run_as_compiler`](super::run_as_compiler) first.
    pub(crate) program: PathBuf,
    /// The limit on the process's memory, in bytes.
    pub(crate) max_memory: usize,
    pub(crate) timeout: Duration,
}

/// A handle that cancels a compilation when it is dropped.
pub(crate) struct Cancellation(#[expect(dead_code, reason = "its end is what counts")] PipeWriter);

/// A receiver that is notified when its [`Cancellation`] is dropped.
pub(crate) struct Cancelled(PipeReader);

/// Returns a handle that cancels a compilation, and a receiver that is notified of the cancellation.
///
/// # Errors
///
/// The error of the operating system if too many files are open.
pub(crate) fn cancellation() -> Result<(Cancellation, Cancelled)> {
    let (reader, writer) = std::io::pipe()?;
    Ok((Cancellation(writer), Cancelled(reader)))
}

impl CompilerProcess {
    /// Compiles a component.
    ///
    /// # Errors
    ///
    /// [`CompileError`]. The process has ended in this case as well.
    pub(super) fn compile(
        &self,
        component: &[u8],
        density: Density,
        cancelled: &Cancelled,
    ) -> std::result::Result<Vec<u8>, CompileError> {
        let _permit = Permit::wait();
        let Done { status, artifact, report } =
            self.run(component, density, cancelled).map_err(CompileError::Failed)?;
        if status.success() { Ok(artifact) } else { Err(self.explain(status, report.trim())) }
    }

    fn run(
        &self,
        component: &[u8],
        density: Density,
        cancelled: &Cancelled,
    ) -> std::result::Result<Done, CompileFailure> {
        let started = Files::new(component)
            .and_then(|files| Ok((Ended(self.start(&files, density)?), files)));
        let (mut child, mut files) = started.map_err(CompileFailure::Start)?;
        let stdout = child.0.stdout.take();
        let stdout = stdout.ok_or_else(|| CompileFailure::Start(ErrorKind::NotFound.into()))?;
        let artifact = self.read_artifact(stdout, cancelled)?;
        let status = child.0.wait().map_err(CompileFailure::Start)?;
        let report = read_report(&mut files.report).map_err(CompileFailure::Start)?;
        Ok(Done { status, artifact, report })
    }

    fn start(&self, files: &Files, density: Density) -> Result<Child> {
        let order = Order {
            host: std::process::id(),
            max_memory: self.max_memory,
            timeout: self.timeout,
            density,
        };
        // The compiler needs no environment variables, and they may hold secrets.
        Command::new(&self.program)
            .arg0(process::NAME)
            .args(order.to_arguments())
            .env_clear()
            .stdin(files.component.try_clone()?)
            .stdout(Stdio::piped())
            .stderr(files.report.try_clone()?)
            .spawn()
    }

    /// Reads what the process writes, until the process ends, its deadline passes, or the compilation is cancelled.
    fn read_artifact(
        &self,
        mut stdout: ChildStdout,
        cancelled: &Cancelled,
    ) -> std::result::Result<Vec<u8>, CompileFailure> {
        let deadline = Instant::now() + self.timeout;
        let mut artifact = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            match wait_for_either(&stdout, cancelled, deadline).map_err(CompileFailure::Start)? {
                Wakeup::Readable => {}
                Wakeup::Timeout => return Err(CompileFailure::Time(self.timeout)),
                Wakeup::Cancelled => return Err(CompileFailure::Cancelled),
            }
            match stdout.read(&mut chunk) {
                Ok(0) => return Ok(artifact),
                Ok(length) => artifact.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CompileFailure::Start(error)),
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
    Readable,
    Timeout,
    Cancelled,
}

/// Waits until the process has written something or ended, the compilation is cancelled, or the deadline has passed.
fn wait_for_either(
    stdout: &ChildStdout,
    cancelled: &Cancelled,
    deadline: Instant,
) -> Result<Wakeup> {
    loop {
        let mut events =
            [PollFd::new(stdout, PollFlags::IN), PollFd::new(&cancelled.0, PollFlags::IN)];
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(Error::other)?;
        match poll(&mut events, Some(&timeout)) {
            Ok(0) => return Ok(Wakeup::Timeout),
            Ok(_) if !events[1].revents().is_empty() => return Ok(Wakeup::Cancelled),
            Ok(_) => return Ok(Wakeup::Readable),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The results of a process that has ended.
struct Done {
    status: ExitStatus,
    artifact: Vec<u8>,
    report: String,
}

/// The input of the process, and its report. Both are files in memory, so that neither side waits for the other.
struct Files {
    component: File,
    report: File,
}

impl Files {
    fn new(bytes: &[u8]) -> Result<Self> {
        let file = |name: &str| memfd_create(name, MemfdFlags::CLOEXEC).map(File::from);
        let mut component = file("ws-host-component")?;
        component.write_all(bytes)?;
        component.rewind()?;
        Ok(Self { component, report: file("ws-host-report")? })
    }
}

fn read_report(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_REPORT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A process. Dropping this value kills the process, if it still runs.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // After an earlier `wait`, both calls do nothing. They fail only if the process was reaped in another way. In
        // that case, there is nothing left to end.
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

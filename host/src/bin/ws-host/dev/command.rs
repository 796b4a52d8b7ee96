//! Runs the build command of a project.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::project::Project;

/// How long a build may take to exit after SIGTERM. It is killed after that.
const TERMINATION_TIMEOUT: Duration = Duration::from_secs(1);

/// The exit codes of a shell for a command that is not executable, and for one that does not exist.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// The environment variable with the path of this program. It is for builds that call this program, so that the program
/// need not be in `PATH`.
const PROGRAM: &str = "WS_HOST";

/// How a build ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Built(Duration),
    Failed(Duration, Failure),
    /// The program is about to exit.
    Stopped,
}

/// Why a build failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    /// Whether the shell says that a program is missing or cannot be run. Other tools, such as make, have exit codes of
    /// their own.
    pub(super) is_tool_missing: bool,
}

/// Runs the build of a project to its end, or until `stop` is cancelled. The output of the build goes to standard error
/// unchanged.
///
/// # Cancel safety
///
/// Dropping the future kills the build.
pub(super) async fn build(project: &Project, stop: &CancellationToken) -> Outcome {
    let started = Instant::now();
    let failed = |failure| Outcome::Failed(started.elapsed(), failure);
    let broken = |why| failed(Failure { why, is_tool_missing: false });
    let mut running = match Running::start(project) {
        Ok(running) => running,
        Err(error) => return broken(format!("the shell `sh` cannot be started: {error}")),
    };
    tokio::select! {
        ended = running.wait() => match ended {
            Ok(status) if status.success() => Outcome::Built(started.elapsed()),
            Ok(status) => failed(explain(status, &project.build)),
            Err(error) => broken(format!("cannot wait for the build: {error}")),
        },
        () = stop.cancelled() => {
            running.stop().await;
            Outcome::Stopped
        }
    }
}

/// A running build. Dropping it kills its process group.
struct Running {
    child: Child,
    /// `None` once the build has ended.
    group: Option<Pid>,
}

impl Running {
    fn start(project: &Project) -> io::Result<Self> {
        let mut command = Command::new("sh");
        if let Ok(program) = std::env::current_exe() {
            command.env(PROGRAM, program);
        }
        let child = command
            .arg("-c")
            .arg(&project.build)
            .current_dir(&project.folder)
            // If a build asks a question, nobody is there to answer it, so the build must not wait for an answer.
            .stdin(Stdio::null())
            // Standard output is for the URL of the server, which scripts read.
            .stdout(io::stderr())
            // The build has its own process group, so Ctrl-C at the terminal reaches only this program. This program
            // then stops all processes of the build.
            .process_group(0)
            .spawn()?;
        let group = Some(Pid::from_child(&child));
        Ok(Self { child, group })
    }

    /// Waits for the build to end.
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.exited().await?;
        self.group = None;
        self.child.wait()
    }

    /// Waits for the shell of the build to exit.
    async fn exited(&self) -> io::Result<()> {
        if let Some(group) = self.group {
            // `NOWAIT` keeps the process id reserved, so that no other process gets this id while this program may
            // still send signals to the build.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            spawn_blocking(move || waitid(WaitId::Pid(group), options)).await??;
        }
        Ok(())
    }

    /// Asks all processes of the build to exit. Once the shell has exited or [`TERMINATION_TIMEOUT`] has passed, kills
    /// those that are left.
    async fn stop(&mut self) {
        self.signal(Signal::TERM);
        let _ = timeout(TERMINATION_TIMEOUT, self.exited()).await;
        // The shell may have exited before its children did.
        self.signal(Signal::KILL);
        let _ = self.wait().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // This fails only if there is no process left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Returns why a build failed.
fn explain(status: ExitStatus, build: &str) -> Failure {
    let why = match (status.code(), status.signal()) {
        (Some(NOT_FOUND), _) => {
            format!("`{build}` needs a program that was not found (exit code 127)")
        }
        (Some(NOT_EXECUTABLE), _) => {
            format!("`{build}` needs a program that cannot be run (exit code 126)")
        }
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    };
    Failure { why, is_tool_missing: matches!(status.code(), Some(NOT_FOUND | NOT_EXECUTABLE)) }
}

//! The old process's side of a handover: it passes its listening sockets to a successor.

use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::task::spawn_blocking;
use ws_host::ListeningSockets;

use super::channel::{Channel, END, GO, READY, VARIABLE, VERSION};
use super::notify::Notifier;

/// How long a successor may take to start. It may have to compile many components.
const START_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How much time a successor has to exit if it did not become ready. After this time, it is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Environment variables of this process that would have another meaning for a successor.
const NOT_INHERITED: [&str; 4] = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_PID"];

/// A successor that has started but does not accept connections yet.
struct Successor {
    process: Child,
    channel: Channel,
}

/// Starts the program again with the arguments of this process. Hands over the sockets when the successor is ready.
/// Returns the successor's process id.
///
/// # Errors
///
/// An error if the successor could not be started, did not become ready in time, or failed. After an error, no
/// successor is running, and nothing has changed.
///
/// # Cancel safety
///
/// When the future is dropped, the successor gets no reply, and therefore ends.
pub(super) async fn start(sockets: &Arc<ListeningSockets>, notifier: &Notifier) -> Result<u32> {
    let shared = Arc::clone(sockets);
    let successor = spawn_blocking(move || Successor::start(&shared)).await??;
    let id = successor.process.id();
    // The service manager listens only to the main process. So the successor must be announced as the main process
    // before it sends its first message.
    notifier.main_process(id).await;
    if let Err(error) = successor.channel.send(GO) {
        notifier.main_process(std::process::id()).await;
        return Err(anyhow!(error).context("the successor ended before it served anything"));
    }
    sockets.hand_over();
    Ok(id)
}

impl Successor {
    /// Starts the program and waits until it is ready. Blocks the thread.
    fn start(sockets: &ListeningSockets) -> Result<Self> {
        let (channel, other_end) = Channel::pair()?;
        let mut command = command()?;
        tracing::info!(program = ?command.get_program(), "starting a successor");
        let process = command.stdin(Stdio::from(other_end)).spawn();
        // The command keeps the successor's end of the channel open, so the command must be dropped.
        let program = command.get_program().to_owned();
        drop(command);
        let process = process.with_context(|| format!("cannot start {program:?}"))?;
        let mut successor = Self { process, channel };
        match successor.wait_until_ready(sockets) {
            Ok(()) => Ok(successor),
            Err(error) => {
                let status = successor.end();
                Err(error.context(format!("the successor {status}; its own message is above")))
            }
        }
    }

    fn wait_until_ready(&self, sockets: &ListeningSockets) -> Result<()> {
        for socket in sockets.sockets() {
            self.channel.send_socket(socket)?;
        }
        self.channel.send(END)?;
        match self.channel.receive(START_TIMEOUT) {
            Ok(reply) => {
                ensure!(reply.text == READY, "it sent {:?} instead of {READY:?}", reply.text);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Err(anyhow!("it was not ready after {START_TIMEOUT:?}"))
            }
            Err(_) => Err(anyhow!("it ended before it was ready")),
        }
    }

    /// Ends the process. Returns how it ended.
    fn end(&mut self) -> String {
        let began = std::time::Instant::now();
        while began.elapsed() < EXIT_TIMEOUT {
            if let Ok(Some(status)) = self.process.try_wait() {
                return format!("ended ({status})");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // This fails if the process has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
        "was killed".to_owned()
    }
}

/// Returns the command that started this process. The program is looked up again, because its file may have been
/// replaced.
fn command() -> Result<Command> {
    let mut arguments = std::env::args_os();
    let program =
        arguments.next().context("this process was started without a program name (argv[0])")?;
    let mut command = Command::new(program);
    command.args(arguments).env(VARIABLE, VERSION);
    for variable in NOT_INHERITED {
        command.env_remove(variable);
    }
    Ok(command)
}

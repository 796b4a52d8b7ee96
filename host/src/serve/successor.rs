//! The side of a process that hands its listening sockets to a successor.

use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::task::spawn_blocking;
use ws_host::ListeningSockets;

use super::channel::{Channel, END, GO, READY, VARIABLE, VERSION};
use super::notify::Notifier;

/// How long a successor has to start. It may have to compile many components.
const START_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How long a process that has closed its end of the channel has to exit, before it is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Variables for this process that mean something else to a successor.
const NOT_INHERITED: [&str; 4] = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_PID"];

/// A successor that has started, and does not accept connections yet.
struct Successor {
    process: Child,
    channel: Channel,
}

/// Starts the program again, with the arguments of this process, and hands over the sockets when it is ready. Returns
/// its process id.
///
/// # Errors
///
/// The successor could not be started, did not become ready in time, or failed. It has ended then, and nothing has
/// changed.
///
/// # Cancel safety
///
/// When the future is dropped, the successor gets no answer and ends.
pub(super) async fn start(sockets: &Arc<ListeningSockets>, notifier: &Notifier) -> Result<u32> {
    let shared = Arc::clone(sockets);
    let successor = spawn_blocking(move || Successor::start(&shared)).await??;
    let id = successor.process.id();
    // Named before the successor sends anything to the service manager, which listens only to the main process.
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
        // The command keeps the other end open.
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
            Ok(answer) => {
                ensure!(answer.text == READY, "it sent {:?}", answer.text);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Err(anyhow!("it was not ready after {START_TIMEOUT:?}"))
            }
            Err(_) => Err(anyhow!("it ended before it was ready")),
        }
    }

    /// Ends the process and says how it ended.
    fn end(&mut self) -> String {
        let began = std::time::Instant::now();
        while began.elapsed() < EXIT_TIMEOUT {
            if let Ok(Some(status)) = self.process.try_wait() {
                return format!("ended ({status})");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // It may have ended by itself since.
        let _ = self.process.kill();
        let _ = self.process.wait();
        "was killed".to_owned()
    }
}

/// Returns the command that started this process. Its program is looked up again: it may have been replaced.
fn command() -> Result<Command> {
    let mut arguments = std::env::args_os();
    let program = arguments.next().context("this process was started without a name")?;
    let mut command = Command::new(program);
    command.args(arguments).env(VARIABLE, VERSION);
    for variable in NOT_INHERITED {
        command.env_remove(variable);
    }
    Ok(command)
}

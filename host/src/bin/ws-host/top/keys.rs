//! Reads the keyboard while the screen is shown.

use std::future::pending;
use std::io::{self, IsTerminal, Read};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::sync::mpsc;

/// Reads the keyboard. Dropping it restores the modes of the terminal.
pub(super) struct Keys {
    quits: mpsc::Receiver<()>,
    /// The earlier modes, if they were changed.
    modes: Option<Termios>,
}

impl Keys {
    /// If standard input is a terminal, reads keys as soon as they are pressed, and does not echo them. Ctrl-C still
    /// sends a signal.
    pub(super) fn read() -> Self {
        let (sender, quits) = mpsc::channel(1);
        let modes = read_unbuffered();
        if modes.is_some() {
            // A separate thread reads the keys, because a read from a terminal cannot be cancelled. The thread ends
            // with the program.
            std::thread::spawn(move || {
                let is_quit = |byte: io::Result<u8>| matches!(byte, Ok(b'q' | b'Q') | Err(_));
                if io::stdin().lock().bytes().any(is_quit) {
                    // Sending fails if nobody waits for the key. In that case, the program is exiting.
                    let _ = sender.blocking_send(());
                }
            });
        }
        Self { quits, modes }
    }

    /// Waits until the user presses q. Waits forever if no keys are read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn quit(&mut self) {
        if self.quits.recv().await.is_none() {
            pending().await
        }
    }
}

/// Changes the modes of standard input, and returns the earlier modes. Returns `None` if standard input is not a
/// terminal.
fn read_unbuffered() -> Option<Termios> {
    let input = io::stdin();
    if !input.is_terminal() {
        return None;
    }
    let before = tcgetattr(&input).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    // Ctrl-Z is turned off. Otherwise this screen would stay on the terminal when the user returns to the shell. Zero
    // means that no character suspends the program (POSIX: _POSIX_VDISABLE).
    modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
    tcsetattr(&input, OptionalActions::Now, &modes).ok()?;
    Some(before)
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(modes) = &self.modes {
            // This fails if the terminal is gone, and then nothing needs to be restored.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
    }
}

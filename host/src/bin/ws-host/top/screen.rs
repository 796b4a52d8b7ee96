//! Controls the terminal's screen with the control sequences of ECMA-48 and xterm.

use std::io::{self, Write};

use anyhow::{Context, Result};
use rustix::termios::tcgetwinsize;

use super::view::{Emphasis, Size, View};

/// Shows the alternate screen, hides the cursor, and turns off line wrapping. Without line wrapping, a character that
/// is wider than expected does not move the lines below it.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";

/// Reverts [`ENTER`], in the opposite order.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The assumed size of a terminal that does not report its size.
const DEFAULT_SIZE: Size = Size { columns: 80, rows: 24 };

/// The alternate screen. Dropping it restores the earlier content of the terminal.
pub(super) struct Screen;

impl Screen {
    /// Shows an empty screen.
    ///
    /// # Errors
    ///
    /// An error if the terminal cannot be written to.
    pub(super) fn enter() -> Result<Self> {
        let screen = Self;
        write(ENTER)?;
        Ok(screen)
    }

    /// Draws over the current content.
    ///
    /// # Errors
    ///
    /// An error if the terminal cannot be written to.
    #[expect(clippy::unused_self, reason = "only the owner of the screen may draw on it")]
    pub(super) fn draw(&mut self, view: &View<'_>) -> Result<()> {
        // Each line is erased before it is written. If a line were erased after it was written, a character in the last
        // column would be lost.
        let mut text = String::from("\x1b[H");
        for (index, line) in view.lines(size()).iter().enumerate() {
            let end_of_last = if index == 0 { "" } else { "\r\n" };
            let emphasis = match line.emphasis {
                Emphasis::None => "",
                Emphasis::Title => "\x1b[1m",
                Emphasis::Problem => "\x1b[7m",
            };
            text += &format!("{end_of_last}\x1b[2K{emphasis}{}\x1b[0m", line.text);
        }
        text += "\x1b[J";
        write(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // This fails if the terminal is gone, and then nothing needs to be restored.
        let _ = write(LEAVE);
    }
}

fn write(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .context("cannot write to the terminal")
}

/// Returns the current size of the terminal.
fn size() -> Size {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
        }
        _ => DEFAULT_SIZE,
    }
}

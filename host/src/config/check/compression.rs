//! Checks the compression settings of a resource.

use ws_host_protocol::Deflate;
use ws_host_protocol::deflate::{KeepWindow, Level, WindowBits};

use super::{At, Checked, bytes};
use crate::config::schema::{self, Compression};

/// The keys that have an effect only if messages are compressed.
const DETAILS: [&str; 4] =
    ["compression-level", "compression-threshold", "compression-window", "compression-keep-window"];

impl schema::ResourceSection {
    pub(super) fn compression(&self, at: At) -> Checked<Option<Deflate>> {
        let mut deflate = match self.compression {
            Some(Compression::Off) => return Ok(None),
            Some(Compression::Messages) => Deflate::default(),
            Some(Compression::Context) => Deflate::with_context_takeover(),
            None => return self.no_compression(at).map(|()| None),
        };
        let level = self.compression_level.map(|level| check_level(at, level)).transpose()?;
        let window = self.compression_window.map(|bits| check_window(at, bits)).transpose()?;
        deflate.level = level.unwrap_or(deflate.level);
        deflate.threshold = bytes(self.compression_threshold, deflate.threshold);
        deflate.keep_window = match self.compression_keep_window {
            Some(false) => KeepWindow::Never,
            Some(true) | None => KeepWindow::Always,
        };
        if let Some(window) = window {
            deflate.outgoing.window = window;
            deflate.incoming.window = window;
        }
        Ok(Some(deflate))
    }

    /// If `compression` is missing, checks that no other compression key is given. A user who wrote such a key probably
    /// expects that messages are compressed. With an explicit `"off"`, the other keys are allowed.
    fn no_compression(&self, at: At) -> Checked<()> {
        let details = [
            self.compression_level.is_some(),
            self.compression_threshold.is_some(),
            self.compression_window.is_some(),
            self.compression_keep_window.is_some(),
        ];
        match DETAILS.into_iter().zip(details).find(|(_, is_given)| *is_given) {
            Some((key, _)) => Err(at.invalid(key, "needs compression, set to messages or context")),
            None => Ok(()),
        }
    }
}

fn check_level(at: At, number: u32) -> Checked<Level> {
    let level = u8::try_from(number).ok().and_then(|level| Level::new(level).ok());
    level.ok_or_else(|| {
        let why = format!("{number} must be from 1 (fastest) to 9 (smallest)");
        at.invalid("compression-level", why)
    })
}

fn check_window(at: At, bits: u32) -> Checked<WindowBits> {
    let window = u8::try_from(bits).ok().and_then(|bits| WindowBits::new(bits).ok());
    window.ok_or_else(|| {
        let why = format!("{bits} must be from 9 (512 bytes) to 15 (32 KiB)");
        at.invalid("compression-window", why)
    })
}

//! The command that starts a server.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::process::on_core;

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    program: OsString,
    arguments: Vec<OsString>,
}

impl Launch {
    /// Creates a command without arguments.
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), arguments: Vec::new() }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<T: Into<OsString>>(
        mut self,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Returns the command with all its threads pinned to one core.
    pub(crate) fn on_core(&self, core: usize) -> Result<Command> {
        let mut command = on_core(core, &self.program)?;
        command.args(&self.arguments);
        Ok(command)
    }

    /// Returns the command without pinning it.
    pub(crate) fn unpinned(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

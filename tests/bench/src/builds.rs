//! The builds of ws-host that can be measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{component, host_binary, root};

use crate::launch::Launch;

/// How ws-host was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// By `make build`.
    Usual,
    /// By `make profiled`, with profile-guided optimisation.
    Profiled,
}

impl Build {
    /// Returns the command that serves a component.
    pub(crate) fn launch(self, name: &str) -> Result<Launch> {
        let launch = Launch::new(built(&self.program())?).arg("--component");
        // At the default log level, the host would write a line for each connection and be measured
        // with that.
        Ok(launch.arg(built(&component(name))?).args(["--listen", "127.0.0.1:0", "--log", "warn"]))
    }

    pub(crate) fn version(self) -> Result<String> {
        let output = Command::new(self.program()).arg("--version").output().context("ws-host")?;
        ensure!(output.status.success(), "ws-host --version ended with {}", output.status);
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Returns whether this build is at least as new as the usual one. An older one would be
    /// another version of the code.
    pub(crate) fn is_current(self) -> bool {
        let built = |build: Self| build.program().metadata().and_then(|file| file.modified()).ok();
        self == Self::Usual || built(self).is_some_and(|own| Some(own) > built(Self::Usual))
    }

    fn program(self) -> PathBuf {
        match self {
            Self::Usual => host_binary(),
            Self::Profiled => root().join("target/profiled/ws-host"),
        }
    }
}

fn built(path: &Path) -> Result<&Path> {
    ensure!(path.is_file(), "{} is missing: run `make build` first", path.display());
    Ok(path)
}

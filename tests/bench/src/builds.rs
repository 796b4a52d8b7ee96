//! The builds of ws-host.

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
    /// By `make profiled`: for what it does most.
    Profiled,
}

impl Build {
    /// Starts it with a component.
    pub(crate) fn launch(self, name: &str) -> Result<Launch> {
        let launch = Launch::new(built(&self.program())?).arg("--component");
        // A line for each connection would be measured with the echo.
        Ok(launch.arg(built(&component(name))?).args(["--listen", "127.0.0.1:0", "--log", "warn"]))
    }

    pub(crate) fn version(self) -> Result<String> {
        let output = Command::new(self.program()).arg("--version").output().context("ws-host")?;
        ensure!(output.status.success(), "ws-host --version ended with {}", output.status);
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Whether it is as new as the usual one: code of two ages would be compared.
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

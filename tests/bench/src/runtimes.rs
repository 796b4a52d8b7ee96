//! Servers of other runtimes, which `make bench-peers` installs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::root;

use crate::launch::Launch;
use crate::workload::Role;

/// A runtime to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// Bun's own server.
    Bun,
    /// The npm package `ws` on node.
    NodeWs,
    /// workerd: a Durable Object with hibernating WebSockets, the peer most like ws-host.
    Workerd,
}

impl Runtime {
    /// Returns its name on the command line and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bun => "bun",
            Self::NodeWs => "node-ws",
            Self::Workerd => "workerd",
        }
    }

    /// Returns whether everything that it needs is installed.
    pub(crate) fn is_installed(self) -> bool {
        self.version().is_ok()
    }

    /// Returns the version of the package and, if it runs on something else, the version of that.
    pub(crate) fn version(self) -> Result<String> {
        let version = package_version(self.package())?;
        Ok(match self {
            Self::Bun => format!("Bun {version}"),
            Self::Workerd => format!("workerd {version}"),
            Self::NodeWs => format!("ws {version} on node {}", node_version()?),
        })
    }

    /// Returns the command that starts it.
    pub(crate) fn launch(self, role: Role) -> Launch {
        let program = modules().join(self.package());
        match self {
            Self::Bun => Launch::new(program.join("bin/bun")).arg(peers().join("bun.mjs")),
            Self::NodeWs => Launch::new("node").arg(peers().join("node-ws.mjs")),
            Self::Workerd => {
                Launch::new(peers().join("workerd/serve")).arg(program.join("bin/workerd"))
            }
        }
        .arg(role.name())
    }

    /// Returns the npm package that contains the program for this machine.
    fn package(self) -> &'static str {
        const IS_ARM: bool = cfg!(target_arch = "aarch64");
        match self {
            Self::Bun if IS_ARM => "@oven/bun-linux-aarch64",
            Self::Bun => "@oven/bun-linux-x64",
            Self::Workerd if IS_ARM => "@cloudflare/workerd-linux-arm64",
            Self::Workerd => "@cloudflare/workerd-linux-64",
            Self::NodeWs => "ws",
        }
    }
}

/// Returns the version of an installed npm package.
pub(crate) fn package_version(package: &str) -> Result<String> {
    let description = std::fs::read(modules().join(package).join("package.json"))
        .with_context(|| format!("the npm package {package} is not installed"))?;
    let description: serde_json::Value = serde_json::from_slice(&description)?;
    let version = description["version"].as_str();
    Ok(version.with_context(|| format!("package.json of {package} has no version"))?.to_owned())
}

/// Returns the folder of the programs and packages.
pub(crate) fn peers() -> PathBuf {
    root().join("tests/bench/peers")
}

fn modules() -> PathBuf {
    peers().join("node_modules")
}

/// Returns the version of node.
pub(crate) fn node_version() -> Result<String> {
    let output = Command::new("node").arg("--version").output().context("node")?;
    ensure!(output.status.success(), "node --version ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().trim_start_matches('v').to_owned())
}

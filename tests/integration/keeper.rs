//! Versions of guests that hand their state over.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Answer, TestServer, component};

use crate::configured::ask_admin;

/// A file that holds one version of a guest after the other.
pub(crate) struct Keeper {
    folder: tempfile::TempDir,
    original: Vec<u8>,
    /// What stands in the compiled guest, before the digit of its version.
    mark: &'static [u8],
}

impl Keeper {
    /// Version 1 of the guest that counts.
    pub(crate) fn new() -> Result<Self> {
        Self::of("guest-keeper", b"keeper-version-")
    }

    /// Version 1 of the guest that keeps a text.
    pub(crate) fn precious() -> Result<Self> {
        Self::of("guest-precious", b"precious-version-")
    }

    fn of(guest: &str, mark: &'static [u8]) -> Result<Self> {
        let original = std::fs::read(component(guest))?;
        let keeper = Self { folder: tempfile::tempdir()?, original, mark };
        keeper.replace_by(1)?;
        Ok(keeper)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("keeper.wasm")
    }

    pub(crate) fn serve(&self, arguments: &[&str]) -> Result<TestServer> {
        TestServer::serving_file(&self.file(), arguments)
    }

    /// The octets of a version.
    pub(crate) fn version(&self, digit: u8) -> Result<Vec<u8>> {
        let (mut octets, mark) = (self.original.clone(), self.mark);
        let marks = octets.windows(mark.len()).filter(|window| *window == mark).count();
        ensure!(marks == 1, "the guest holds its version {marks} times");
        let at = octets.windows(mark.len()).position(|window| window == mark);
        octets[at.context("the version")? + mark.len()] = b'0' + digit;
        Ok(octets)
    }

    /// Renames a file with this version onto the one that is served.
    pub(crate) fn replace_by(&self, digit: u8) -> Result<()> {
        self.replace_by_octets(&self.version(digit)?)
    }

    pub(crate) fn replace_by_octets(&self, octets: &[u8]) -> Result<()> {
        let new = self.folder.path().join("new");
        std::fs::write(&new, octets)?;
        Ok(std::fs::rename(new, self.file())?)
    }
}

/// Asks the admin address for a reload.
pub(crate) fn post_reload(admin: std::net::SocketAddr) -> Result<Answer> {
    ask_admin(admin, "POST /reload", "", b"")
}

/// The value of a counter at the admin address, 0 if it is not there.
pub(crate) fn counter(admin: std::net::SocketAddr, line: &str) -> Result<u64> {
    let answer = ask_admin(admin, "GET /metrics", "", b"")?;
    ensure!(answer.status == 200, "{answer:?}");
    let found = answer.body.lines().find_map(|found| found.strip_prefix(line));
    Ok(found.map(str::trim).map(str::parse).transpose()?.unwrap_or(0))
}

/// Copies a component to a file with an empty custom section of this name behind it: another file of
/// the same behaviour.
pub(crate) fn mark_component(name: &str, mark: &str, file: &Path) -> Result<()> {
    let mut octets = std::fs::read(component(name))?;
    octets.extend([0, u8::try_from(mark.len() + 1)?, u8::try_from(mark.len())?]);
    octets.extend(mark.as_bytes());
    let new = file.with_extension("new");
    std::fs::write(&new, octets)?;
    Ok(std::fs::rename(new, file)?)
}

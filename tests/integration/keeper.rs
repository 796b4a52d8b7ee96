//! Versions of guests that keep their state across reloads, and helpers for the admin address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, component};

use crate::configured::ask_admin;

/// A component file whose content tests replace by other versions of the same guest.
pub(crate) struct Keeper {
    folder: tempfile::TempDir,
    original: Vec<u8>,
    /// The bytes in the compiled guest that precede the digit of its version.
    mark: &'static [u8],
}

impl Keeper {
    /// Starts with version 1 of `guest-keeper`, which counts.
    pub(crate) fn new() -> Result<Self> {
        Self::of("guest-keeper", b"keeper-version-")
    }

    /// Starts with version 1 of `guest-precious`, which keeps a text.
    pub(crate) fn precious() -> Result<Self> {
        Self::of("guest-precious", b"precious-version-")
    }

    fn of(guest: &str, mark: &'static [u8]) -> Result<Self> {
        let original = std::fs::read(component(guest))?;
        let keeper = Self { folder: tempfile::tempdir()?, original, mark };
        keeper.replace_with(1)?;
        Ok(keeper)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("keeper.wasm")
    }

    pub(crate) fn serve(&self, arguments: &[&str]) -> Result<TestServer> {
        TestServer::serving_file(&self.file(), arguments)
    }

    /// Serves the component with additional arguments, reloads on request, and a client at `/`.
    pub(crate) fn scene(self, arguments: &[&str]) -> Result<Scene> {
        let mut server = self.serve(&[ON_REQUEST, arguments].concat())?;
        let admin = server.admin()?;
        let client = Client::connect(&server)?;
        Ok(Scene { keeper: self, server, admin, client })
    }

    /// Returns the bytes of a version.
    pub(crate) fn version(&self, digit: u8) -> Result<Vec<u8>> {
        let (mut bytes, mark) = (self.original.clone(), self.mark);
        let marks = bytes.windows(mark.len()).filter(|window| *window == mark).count();
        ensure!(marks == 1, "the guest holds its version {marks} times");
        let at = bytes.windows(mark.len()).position(|window| window == mark);
        bytes[at.context("no version")? + mark.len()] = b'0' + digit;
        Ok(bytes)
    }

    /// Replaces the served file by this version, with a rename.
    pub(crate) fn replace_with(&self, digit: u8) -> Result<()> {
        self.replace_with_bytes(&self.version(digit)?)
    }

    pub(crate) fn replace_with_bytes(&self, bytes: &[u8]) -> Result<()> {
        let new = self.folder.path().join("new");
        std::fs::write(&new, bytes)?;
        Ok(std::fs::rename(new, self.file())?)
    }
}

/// Reloads only on request, so that the test decides when.
pub(crate) const ON_REQUEST: &[&str] = &["--no-watch", "--admin", "127.0.0.1:0"];

/// A server that reloads its component on request, with a client at `/`.
pub(crate) struct Scene {
    pub(crate) keeper: Keeper,
    pub(crate) server: TestServer,
    pub(crate) admin: SocketAddr,
    pub(crate) client: Client,
}

/// Connects a client to `path` whose message makes the handler trap, and waits until the client is closed.
pub(crate) fn trap(server: &TestServer, path: &str) -> Result<()> {
    let mut hostile = Client::connect_to(server, path)?;
    hostile.send_text("trap")?;
    hostile.expect_close(1011).map(drop)
}

/// Connects a client of `guest-keeper` to a path of the pattern `/{room}` or `/room/{id}`, and checks that the handler
/// sees the parameter.
pub(crate) fn join(server: &TestServer, path: &str) -> Result<Client> {
    let mut client = Client::connect_to(server, path)?;
    let greeting = match path.strip_prefix("/room/") {
        Some(id) => format!("id is {id}"),
        None => format!("room is {}", &path[1..]),
    };
    assert_eq!(client.receive_text()?, greeting);
    Ok(client)
}

/// Requests a reload at the admin address.
pub(crate) fn post_reload(admin: SocketAddr) -> Result<Response> {
    ask_admin(admin, "POST /reload", "", b"")
}

/// Returns the value of a series at the admin address, or the sum of all series of a metric; 0 if there is none.
pub(crate) fn counter(admin: SocketAddr, line: &str) -> Result<u64> {
    let response = ask_admin(admin, "GET /metrics", "", b"")?;
    ensure!(response.status == 200, "{response:?}");
    let values = response.body.lines().filter_map(|found| {
        let rest = found.strip_prefix(line)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next().unwrap_or_default())
    });
    Ok(values.map(str::parse::<u64>).sum::<Result<u64, _>>()?)
}

/// Copies a component to a file and appends an empty custom section named `mark`: the file differs, the behaviour does
/// not.
pub(crate) fn mark_component(name: &str, mark: &str, file: &Path) -> Result<()> {
    let mut bytes = std::fs::read(component(name))?;
    bytes.extend([0, u8::try_from(mark.len() + 1)?, u8::try_from(mark.len())?]);
    bytes.extend(mark.as_bytes());
    let new = file.with_extension("new");
    std::fs::write(&new, bytes)?;
    Ok(std::fs::rename(new, file)?)
}

//! A configuration file, and the server that it describes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{Client, Response, TestServer, component};

/// A configuration file in a temporary folder. `{{echo}}` in its text stands for the path of that component.
pub(crate) struct Configuration {
    folder: tempfile::TempDir,
}

impl Configuration {
    pub(crate) fn new(text: &str) -> Result<Self> {
        let configuration = Self { folder: tempfile::tempdir()? };
        configuration.write(text)?;
        Ok(configuration)
    }

    /// Configures one resource with this component, and with `settings` as further lines of the resource.
    pub(crate) fn of(component: &str, settings: &str) -> Result<Self> {
        Self::new(&format!(
            "listen = \"127.0.0.1:0\"\n[[resource]]\ncomponent = \"{{{{{component}}}}}\"\n{settings}\n"
        ))
    }

    pub(crate) fn write(&self, text: &str) -> Result<()> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").context("a name does not end")?;
            filled += before;
            filled += &component(name).display().to_string();
            rest = after;
        }
        Ok(std::fs::write(self.file(), filled + rest)?)
    }

    /// Writes another configuration and makes the server reload it. Returns the line that the server logs about it.
    pub(crate) fn reload(&self, server: &mut TestServer, text: &str) -> Result<String> {
        self.write(text)?;
        hang_up(server)?;
        server.wait_for_log("the configuration was reloaded")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ws-host.toml")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn serve(&self) -> Result<TestServer> {
        TestServer::configured(&self.file())
    }

    /// Serves the configuration, and connects a client to `/`.
    pub(crate) fn with_client(self) -> Result<(Self, TestServer, Client)> {
        let server = self.serve()?;
        let client = Client::connect(&server)?;
        Ok((self, server, client))
    }
}

/// Makes a server reload everything (SIGHUP).
pub(crate) fn hang_up(server: &TestServer) -> Result<()> {
    server.signal(Signal::HUP)
}

/// Makes a server shut down gracefully (SIGTERM).
pub(crate) fn terminate(server: &TestServer) -> Result<()> {
    server.signal(Signal::TERM)
}

/// Sends a request to the admin address.
pub(crate) fn ask_admin(
    admin: SocketAddr,
    method_and_path: &str,
    headers: &str,
    body: &[u8],
) -> Result<Response> {
    let head = format!(
        "{method_and_path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    Response::to_raw(admin, &[head.as_bytes(), body].concat())
}

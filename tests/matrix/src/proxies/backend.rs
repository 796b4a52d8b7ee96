//! The server behind a proxy.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use ws_host_test_support::{TestServer, component};

use super::configuration::template;

/// The handlers of the scenarios, each at `/NAME`.
const RESOURCES: [(&str, &str); 4] = [
    ("echo", "echo"),
    ("about", "guest-about"),
    ("recording", "guest-recording"),
    ("closing", "guest-closing"),
];

/// A static file and its content.
pub(super) const FILE: (&str, &str) = ("/page.html", "<!doctype html><title>a page</title>\n");

/// Starts a server with the settings in this file, which the documentation recommends for a proxy.
pub(super) fn start(settings: &str, folder: &Path) -> Result<TestServer> {
    let files = folder.join("static");
    std::fs::create_dir(&files)?;
    std::fs::write(files.join(FILE.0.trim_start_matches('/')), FILE.1)?;
    let mut text = template(settings)?.replace(":8080", ":0");
    writeln!(text, "static = {files:?}")?;
    for (name, handler) in RESOURCES {
        writeln!(text, "[[resource]]\npath = \"/{name}\"\ncomponent = {:?}", component(handler))?;
    }
    let file = folder.join("ws-host.toml");
    std::fs::write(&file, text)?;
    TestServer::configured(&file)
}

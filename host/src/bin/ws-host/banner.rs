//! The banner that is printed to standard output at start. Its first line contains the URL of the first resource.

use std::io::Write;
use std::path::Path;

use ws_host::Server;
use ws_host::config::Address;

/// The action that reloads the components.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReloadTrigger {
    /// Saving a source file, with `ws-host dev`.
    Save,
    /// Building a component again.
    Build,
    /// A request or SIGHUP.
    Request,
}

pub(crate) fn print(server: &Server, reloads: ReloadTrigger, static_files: Option<&Path>) {
    let listening = server.listening();
    let mut text = String::new();
    let mut first = None;
    for resource in server.host().resources() {
        for listener in listening.iter().filter(|listener| listener.has(&resource)) {
            let url = listener.url(&resource.path);
            text += &format!("ws-host serves {} at {url}", resource.component);
            let mut connect = url;
            if let Address::Unix(file) = &listener.address {
                text += &format!(" on the unix socket {}", file.display());
                connect = format!("--unix {} {connect}", file.display());
            }
            text += "\n";
            first.get_or_insert(connect);
        }
    }
    if let (Some(folder), Some(listener)) = (static_files, listening.first()) {
        let url = listener.url("/").replacen("ws", "http", 1);
        text += &format!("ws-host serves the files of {} at {url}\n", folder.display());
    }
    if let Some(admin) = server.admin_address() {
        text += &format!("ws-host answers admin requests at http://{admin}/\n");
    }
    if let Some(health) = server.health_address() {
        text += &format!("ws-host answers health checks at http://{health}/healthz and /readyz\n");
    }
    text += match reloads {
        ReloadTrigger::Save => {
            "Save a source file to build and reload; every client stays connected\n"
        }
        ReloadTrigger::Build => {
            "Rebuild the component to reload it; every client stays connected\n"
        }
        ReloadTrigger::Request => "",
    };
    if let Some(connect) = first.filter(|_| !is_journal()) {
        let is_encrypted = connect.contains("wss://");
        // A certificate from --tls-dev, or one made for a test, is not signed by a trusted authority.
        let ca = if is_encrypted { " (with --ca FILE, or --insecure)" } else { "" };
        text += &format!("To connect:  ws-host connect {connect}{ca}\nTo stop:     Ctrl-C\n");
    }
    // A failed write is ignored, because the server must run even if standard output is closed.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Returns whether standard output is systemd's journal, which nobody types into (systemd.exec(5), `$JOURNAL_STREAM`).
fn is_journal() -> bool {
    let (Ok(journal), Ok(output)) =
        (std::env::var("JOURNAL_STREAM"), rustix::fs::fstat(std::io::stdout()))
    else {
        return false;
    };
    journal == format!("{}:{}", output.st_dev, output.st_ino)
}

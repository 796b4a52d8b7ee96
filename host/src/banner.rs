//! What is said at start, on standard output: the first line holds the URL.

use std::io::Write;
use std::path::Path;

use ws_host::Server;
use ws_host::config::{Address, Watch};

pub(crate) fn print(server: &Server, watch: Watch, static_files: Option<&Path>) {
    let listening = server.listening();
    let mut text = String::new();
    let mut first = None;
    for resource in server.host().resources() {
        for place in listening.iter().filter(|place| place.has(&resource)) {
            let url = place.url(&resource.path);
            text += &format!("ws-host serves {} at {url}", resource.component);
            let mut connect = url;
            if let Address::Unix(file) = &place.address {
                text += &format!(" on the unix socket {}", file.display());
                connect = format!("--unix {} {connect}", file.display());
            }
            text += "\n";
            first.get_or_insert(connect);
        }
    }
    if let (Some(folder), Some(place)) = (static_files, listening.first()) {
        let url = place.url("/").replacen("ws", "http", 1);
        text += &format!("ws-host serves the files of {} at {url}\n", folder.display());
    }
    if let Some(admin) = server.admin_address() {
        text += &format!("ws-host is administered at http://{admin}/\n");
    }
    if watch == Watch::On {
        text += "Edit and build it: the new one takes over, and every client stays connected\n";
    }
    if let Some(connect) = first {
        let is_encrypted = connect.contains("wss://");
        // Who made the certificate for a test, or with --tls-dev, has nobody who vouches for it.
        let ca = if is_encrypted { " (with --ca FILE, or --insecure)" } else { "" };
        text += &format!("Talk to it:  ws-host connect {connect}{ca}\nStop it:     Ctrl-C\n");
    }
    // A closed standard output is no reason not to serve.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

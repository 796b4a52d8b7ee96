//! What is said at start, on standard output: the first line holds the URL.

use std::io::Write;
use std::path::Path;

use ws_host::Server;
use ws_host::config::Watch;

pub(crate) fn print(server: &Server, watch: Watch, static_files: Option<&Path>) {
    let addresses = server.addresses();
    let resources = server.host().resources();
    let mut text = String::new();
    let mut first = None;
    for resource in &resources {
        for address in &addresses {
            let url = format!("ws://{address}{}", resource.path);
            text += &format!("ws-host serves {} at {url}\n", resource.component);
            first.get_or_insert(url);
        }
    }
    if let (Some(folder), Some(address)) = (static_files, addresses.first()) {
        text += &format!("ws-host serves the files of {} at http://{address}/\n", folder.display());
    }
    if let Some(admin) = server.admin_address() {
        text += &format!("ws-host is administered at http://{admin}/\n");
    }
    if watch == Watch::On {
        text += "Edit and build it: the new one takes over, and every client stays connected\n";
    }
    if let Some(url) = first {
        text += &format!("Talk to it:  ws-host connect {url}\nStop it:     Ctrl-C\n");
    }
    // A closed standard output is no reason not to serve.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

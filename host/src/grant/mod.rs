//! Capabilities: everything that the handlers of a resource may use outside their sandbox.

mod folder;
mod http;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use self::folder::Folder;
pub use self::http::{HttpServer, Reach};

/// The prefix of folder grants.
const FOLDER: &str = "folder:";

/// The prefix of key-value store grants.
const KEYVALUE: &str = "keyvalue";

/// The prefix of grants that allow durable timers.
const TIMERS: &str = "timers";

/// The prefixes of grants that allow HTTP requests.
const SCHEMES: [&str; 2] = ["http://", "https://"];

/// The prefixes of grants that allow WebSockets.
const WEB_SOCKETS: [&str; 2] = ["ws://", "wss://"];

/// The grant of `wasi:config`.
const CONFIG: &str = "config";

/// A capability that handlers do not have by default, written as `config`, `folder:/srv/data`,
/// `keyvalue:/srv/data/store`, `timers:/srv/data/store` or `https://api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// Values of the configuration, through `wasi:config/store`.
    Config,
    /// Reading the files of a folder, through `wasi:filesystem`.
    Folder(Folder),
    /// A key-value store in this file, through `wasi:keyvalue`.
    Keyvalue(PathBuf),
    /// Timers that are kept in this file across restarts, through `ws-host:socket/timers`.
    Timers(PathBuf),
    /// HTTP requests to a server, through `wasi:http`.
    Http(HttpServer),
    /// WebSockets to a server, through `ws-host:socket/outgoing`.
    WebSocket(HttpServer),
}

/// The error for a string that is not a valid grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGrant {
    /// There is no such capability.
    #[error(
        "{0:?} is not a capability; the capabilities are \"config\" (wasi:config), \"folder:PATH\" (reading the \
         files of a folder), \"keyvalue:FILE\" (keys and values, kept in a file), \"timers:FILE\" (durable timers, \
         kept in a file), \"https://HOST\" and \"http://HOST\" (HTTP requests to a host), \"wss://HOST\" and \"ws://HOST\" \
         (WebSockets to a host){hint}",
        hint = hint(.0)
    )]
    Unknown(String),
    /// The URL of a server is not valid.
    #[error(
        "{0:?} must name a host, such as \"https://api.example.com\" or \"http://127.0.0.1:8081\": {1}"
    )]
    NoServer(String, &'static str),
    /// The grant names no file.
    #[error("{0:?} must name a file: \"{1}:FILE\"")]
    NoFile(String, &'static str),
    /// The grant names no folder.
    #[error(
        "{0:?} must be \"folder:PATH\", or \"folder:PATH::NAME\" if the handler should see the folder under another \
         name"
    )]
    NoFolder(String),
}

/// Returns a suggestion if the string looks like the path or host of a capability whose prefix is missing.
fn hint(text: &str) -> String {
    match text {
        text if text.starts_with(['/', '.']) => format!("; did you mean \"{FOLDER}{text}\"?"),
        text if text.contains('.') && !text.contains(['/', ' ']) => {
            let host = text.trim_start_matches("http:").trim_start_matches("https:");
            format!("; did you mean \"https://{host}\"?")
        }
        _ => String::new(),
    }
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        if text == CONFIG {
            return Ok(Self::Config);
        }
        if let Some(folder) = text.strip_prefix(FOLDER) {
            let folder = Folder::parse(folder).map(Self::Folder);
            return folder.ok_or_else(|| InvalidGrant::NoFolder(text.to_owned()));
        }
        if let Some(file) = text.strip_prefix(KEYVALUE) {
            return file_of(text, file, KEYVALUE).map(Self::Keyvalue);
        }
        if let Some(file) = text.strip_prefix(TIMERS) {
            return file_of(text, file, TIMERS).map(Self::Timers);
        }
        if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            let server = HttpServer::parse(text).map(Self::Http);
            return server.map_err(|why| InvalidGrant::NoServer(text.to_owned(), why));
        }
        if WEB_SOCKETS.iter().any(|scheme| text.starts_with(scheme)) {
            let server = HttpServer::parse(text).map(Self::WebSocket);
            return server.map_err(|why| InvalidGrant::NoServer(text.to_owned(), why));
        }
        Err(InvalidGrant::Unknown(text.to_owned()))
    }
}

/// Returns the file that follows a capability in `text`.
fn file_of(text: &str, rest: &str, capability: &'static str) -> Result<PathBuf, InvalidGrant> {
    match rest.strip_prefix(':') {
        Some(file) if !file.is_empty() => Ok(file.into()),
        _ => Err(InvalidGrant::NoFile(text.to_owned(), capability)),
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str(CONFIG),
            Self::Folder(folder) => write!(f, "{FOLDER}{folder}"),
            Self::Keyvalue(file) => write!(f, "{KEYVALUE}:{}", file.display()),
            Self::Timers(file) => write!(f, "{TIMERS}:{}", file.display()),
            Self::Http(server) | Self::WebSocket(server) => server.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_as_they_are_read() {
        for text in [
            "config",
            "folder:/srv/data",
            "folder:data",
            "folder:/srv/data::/data",
            "keyvalue:/srv/data/store",
            "keyvalue:store",
            "timers:store",
            "https://api.example.com",
            "http://127.0.0.1:8081",
            "http://[::1]:8081",
            "https://vault.internal:8200 private",
            "wss://api.example.com",
            "ws://127.0.0.1:8081",
        ] {
            assert_eq!(text.parse::<Grant>().map(|grant| grant.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn unknown_capability_is_an_error_that_lists_all_of_them() {
        for text in ["", "Config", "folders:/srv", "rockets", "/srv/data"] {
            let message = text.parse::<Grant>().map_err(|error| error.to_string());
            let message = message.expect_err("it is not a capability");
            assert!(
                message.contains("\"config\"") && message.contains("\"folder:PATH\""),
                "{message}"
            );
        }
        let message = "/srv/data".parse::<Grant>().map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("mean \"folder:/srv/data\"")));
        let message = "http:api.example.com".parse::<Grant>().map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("mean \"https://api.example.com\"")));
    }

    #[test]
    fn keys_and_values_and_durable_timers_need_a_file() {
        for (text, capability) in [
            ("keyvalue", KEYVALUE),
            ("keyvalue:", KEYVALUE),
            ("timers", TIMERS),
            ("timers:", TIMERS),
        ] {
            let error = text.parse::<Grant>().expect_err("it has no file");
            assert_eq!(error, InvalidGrant::NoFile(text.to_owned(), capability));
        }
    }

    #[test]
    fn folder_needs_a_path() {
        for text in ["folder:", "folder:::/data", "folder:/srv::"] {
            let error = text.parse::<Grant>().expect_err("it has no path or no name");
            assert_eq!(error, InvalidGrant::NoFolder(text.to_owned()));
        }
    }
}

//! What goes wrong with components: while they are loaded, and while they run.

use std::path::{Path, PathBuf};

use super::contract::SERVED;
use super::limits::LimitExceeded;
use crate::clients::HostClose;

/// Why a component cannot be served. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("there is no file {}: build the handler with `cargo build --release --target wasm32-wasip2` \
             and give the path of the .wasm file", .0.display())]
    NoFile(PathBuf),
    #[error("cannot read {}", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{} is a core WebAssembly module, not a component: build the handler for the target \
             wasm32-wasip2 (not wasm32-unknown-unknown or wasm32-wasip1), or wrap it with \
             `wasm-tools component new`", .0.display())]
    CoreModule(PathBuf),
    #[error("{} is not WebAssembly: give the path of the .wasm file that \
             `cargo build --release --target wasm32-wasip2` made", .0.display())]
    NotWasm(PathBuf),
    #[error("{} is not a valid component: it may be cut off, be made by a tool that is newer than this host, \
             or need a feature of WebAssembly that this host does not have", .path.display())]
    Invalid {
        path: PathBuf,
        #[source]
        cause: Cause,
    },
    #[error("{} calls functions asynchronously (WASI 0.3), which this host does not do: build it for WASI 0.2, \
             with `componentize-qjs --sync`, without `async` in what `wit-bindgen` is given, or with another \
             tool's flag for synchronous functions", .path.display())]
    Asynchronous {
        path: PathBuf,
        #[source]
        cause: Cause,
    },
    #[error("{} does not export {wanted}{}: a handler written with `ws-guest` needs \
             `ws_guest::export!(YourHandler)`", .path.display(), but_exports(.found))]
    NoHandler { path: PathBuf, wanted: &'static str, found: Vec<String> },
    #[error("{} was built for {found}, and this host serves {SERVED}: build it with the ws-guest or the WIT files \
             of this host's version", .path.display())]
    OtherVersion { path: PathBuf, found: String },
    #[error("{} imports more of ws-host:socket than this host's {SERVED} has, or has it in another form: build it \
             with the ws-guest or the WIT files of this host's version, or run it with the host that it was built for",
             .path.display())]
    Unserved {
        path: PathBuf,
        #[source]
        cause: Cause,
    },
    #[error("{} exports an interface of ws-host:socket@0.1.0, but a function of it is missing or has \
             another type: build it with the ws-guest or the WIT files of this host's version",
             .path.display())]
    HandlerMismatch {
        path: PathBuf,
        #[source]
        cause: Cause,
    },
    #[error("{} imports something that this host does not provide; it provides \
             {SERVED}, and of WASI 0.2 cli, clocks, filesystem, http, \
             io, random and sockets",
             .path.display())]
    Import {
        path: PathBuf,
        #[source]
        cause: Cause,
    },
    #[error("compiled components are run as they lie in {}", .folder.display())]
    Cache {
        folder: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{} was loaded, but no instance of it can be made", .path.display())]
    Instantiate {
        path: PathBuf,
        #[source]
        cause: Fault,
    },
}

/// What the component runtime says of a component that needs what [`LoadError::Asynchronous`] is about.
const ASYNCHRONOUS: &str = "component model async";

impl LoadError {
    /// A component that is not one for this runtime.
    pub(super) fn invalid(path: &Path, error: wasmtime::Error) -> Self {
        let (path, cause) = (path.to_owned(), Cause(error));
        if format!("{:#}", cause.0).contains(ASYNCHRONOUS) {
            Self::Asynchronous { path, cause }
        } else {
            Self::Invalid { path, cause }
        }
    }
}

fn but_exports(found: &[String]) -> String {
    if found.is_empty() {
        " (it exports nothing)".into()
    } else {
        format!(" (it exports {})", found.join(", "))
    }
}

/// An error of the component runtime as a link in a chain of errors.
#[derive(Debug)]
pub(crate) struct Cause(pub(super) wasmtime::Error);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.chain().nth(1)
    }
}

/// Why an instance came to its end in the middle of an event. It is discarded; the host goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Limit(LimitExceeded),
    #[error("the handler trapped: {}", .error.root_cause())]
    Trap {
        error: wasmtime::Error,
        /// What the handler wrote last to its standard error: why, perhaps.
        last_words: String,
    },
    #[error("no instance can be had: there are {0} already (max-instances)")]
    NoInstance(usize),
}

impl Fault {
    /// Where in the guest it happened, over several lines.
    pub(crate) fn backtrace(&self) -> Option<String> {
        match self {
            Self::Limit(_) | Self::NoInstance(_) => None,
            Self::Trap { error, .. } => Some(format!("{error:?}")),
        }
    }

    /// Whether it is one of the handler; that there is no room is not.
    pub(crate) fn is_of_the_handler(&self) -> bool {
        !matches!(self, Self::NoInstance(_))
    }

    /// How the client whose event it was is closed, with an explanation perhaps.
    pub(crate) fn close<'a>(&self, explanation: Option<&'a str>) -> HostClose<'a> {
        match self {
            Self::Limit(_) | Self::Trap { .. } => {
                HostClose::HandlerFailed(explanation.unwrap_or("the handler failed"))
            }
            Self::NoInstance(_) => {
                HostClose::NoInstance(explanation.unwrap_or("the server is full"))
            }
        }
    }

    /// Why, for who writes the handler: what it said itself, if it did.
    pub(crate) fn explanation(&self) -> String {
        match self {
            Self::Trap { last_words, .. } if !last_words.is_empty() => last_words.clone(),
            other => other.to_string(),
        }
    }

    /// The same with what the handler said last.
    pub(crate) fn with_stderr(self, words: String) -> Self {
        match self {
            Self::Trap { error, .. } => Self::Trap { error, last_words: words },
            other => other,
        }
    }

    /// Its kind, for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Limit(limit) => limit.name(),
            Self::Trap { .. } => "trap",
            Self::NoInstance(_) => "instances",
        }
    }
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        match error.downcast_ref::<LimitExceeded>() {
            Some(limit) => Self::Limit(*limit),
            None => Self::Trap { error, last_words: String::new() },
        }
    }
}

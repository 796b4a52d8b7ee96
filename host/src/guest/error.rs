//! Errors of components, both when they are loaded and when they run.

use std::path::{Path, PathBuf};

use super::call_info::EventName;
use super::compile::CompileFailure;
use super::limits::LimitExceeded;
use super::runtime::RuntimeError;
use crate::clients::HostClose;
use crate::error_chain::as_user;
use crate::keyvalue::OpenError;
use crate::ownership::NotOwner;

/// The version of the contract that this host serves.
const SERVED: &str = "ws-host:socket@0.1.0";

/// Why a component cannot be served. The messages say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("there is no file {}: build the handler, and give the path of the .wasm file that the build writes (in \
             Rust, for example, `cargo build --release --target wasm32-wasip2` writes \
             target/wasm32-wasip2/release/NAME.wasm)", .0.display())]
    NoFile(PathBuf),
    #[error("cannot read {}{}", .path.display(), as_user(.cause))]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{} is a core WebAssembly module, not a component: build the handler with a tool that makes \
             components (in Rust, for example, for the target wasm32-wasip2, not wasm32-wasip1); if it comes from C, \
             C++ or Go, make a component from it with `ws-host component FILE --output OUTPUT`", .0.display())]
    CoreModule(PathBuf),
    #[error("{} is not WebAssembly: give the path of the .wasm file that the build of the handler writes (in Rust, for \
             example, target/wasm32-wasip2/release/NAME.wasm)", .0.display())]
    NotWasm(PathBuf),
    #[error("{} is not a valid component: the file may be truncated, it may come from a tool that is newer than this \
             host, or it may need a WebAssembly feature that this host does not have", .path.display())]
    Invalid {
        path: PathBuf,
        #[source]
        cause: WasmtimeError,
    },
    #[error("{} uses asynchronous functions (WASI 0.3), which this host does not support: build it for WASI 0.2 with \
             synchronous functions (`componentize-qjs --sync`; `wit-bindgen` without its option `async`; with other \
             tools, their flag for it)", .path.display())]
    Asynchronous {
        path: PathBuf,
        #[source]
        cause: WasmtimeError,
    },
    #[error("{} does not export {wanted}{}: build it with the SDK of its language, which exports the handler (in \
             Rust, for example, with `ws_guest::export!(YourHandler);`)", .path.display(), list_exports(.found))]
    NoHandler { path: PathBuf, wanted: &'static str, found: Vec<String> },
    #[error("{} was built for {found}, but this host serves {SERVED}: build it with the SDK or the WIT \
             files that this host's `ws-host new` writes", .path.display())]
    OtherVersion { path: PathBuf, found: String },
    #[error("{} imports a part of {built_for} that this host's {SERVED} lacks or defines differently: build it \
             with the SDK or the WIT files that this host's `ws-host new` writes, or run it with the host that it was \
             built for", .path.display())]
    Unserved {
        path: PathBuf,
        built_for: String,
        #[source]
        cause: WasmtimeError,
    },
    #[error("{} exports an interface of {SERVED}, but a function of that interface is missing or does \
             not have the expected type: build it with the SDK or the WIT files that this host's `ws-host new` writes",
             .path.display())]
    HandlerMismatch {
        path: PathBuf,
        #[source]
        cause: WasmtimeError,
    },
    #[error("{} imports something that this host does not provide; the host provides {SERVED}, the \
             WASI 0.2 packages cli, clocks, filesystem, http, io, random and sockets, wasi:config/store@0.2.0-rc.1, \
             and wasi:keyvalue@0.2.0-draft2", .path.display())]
    Import {
        path: PathBuf,
        #[source]
        cause: WasmtimeError,
    },
    #[error("{} was not compiled", .path.display())]
    Uncompiled {
        path: PathBuf,
        #[source]
        cause: CompileFailure,
    },
    #[error("cannot use {} as the compilation cache (its content would run as native code)", .directory.display())]
    Cache {
        directory: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot keep keys and values in {} (`grant`)", .file.display())]
    Store {
        file: PathBuf,
        #[source]
        cause: OpenError,
    },
    #[error("cannot run {}", .path.display())]
    Runtime {
        path: PathBuf,
        #[source]
        cause: RuntimeError,
    },
    #[error("{} was loaded, but no instance of it can be created", .path.display())]
    Instantiate {
        path: PathBuf,
        #[source]
        cause: Fault,
    },
}

/// The text in wasmtime's errors about components that need asynchronous functions.
const ASYNCHRONOUS: &str = "component model async";

impl LoadError {
    /// Returns the error for a file that wasmtime refuses to compile.
    pub(super) fn invalid(path: &Path, error: wasmtime::Error) -> Self {
        let (path, cause) = (path.to_owned(), WasmtimeError(error));
        if format!("{:#}", cause.0).contains(ASYNCHRONOUS) {
            Self::Asynchronous { path, cause }
        } else {
            Self::Invalid { path, cause }
        }
    }
}

fn list_exports(found: &[String]) -> String {
    if found.is_empty() {
        " (it exports nothing)".into()
    } else {
        format!(" (it exports {})", found.join(", "))
    }
}

/// A wasmtime error, as the source of another error.
#[derive(Debug)]
pub(crate) struct WasmtimeError(pub(super) wasmtime::Error);

impl std::fmt::Display for WasmtimeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for WasmtimeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.chain().nth(1)
    }
}

/// Why an event failed. The instance, if there was one, is discarded. The host continues.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{limit}")]
    Limit {
        limit: LimitExceeded,
        /// The place in the guest where the limit was exceeded. `None` for a limit that does not interrupt the guest's
        /// code.
        error: Option<wasmtime::Error>,
        /// The event. `None` until the instance adds it.
        event: Option<EventName>,
    },
    #[error("the handler trapped: {}", .error.root_cause())]
    Trap {
        error: wasmtime::Error,
        /// The event. `None` until the instance adds it.
        event: Option<EventName>,
        /// The text that the handler wrote to its standard error during the event, if the text says why the handler
        /// trapped.
        stderr: String,
    },
    #[error("no instance can be created: max-instances allows {0}")]
    NoInstance(usize),
    /// The actor is unique in the cluster, and may not run here.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

impl Fault {
    /// Returns a text of several lines that says where in the guest the trap happened or the limit was exceeded.
    pub(crate) fn backtrace(&self) -> Option<String> {
        match self {
            Self::NoInstance(_) | Self::NotOwner(_) => None,
            Self::Limit { error, .. } => error.as_ref().map(|error| format!("{error:?}")),
            Self::Trap { error, .. } => Some(format!("{error:?}")),
        }
    }

    /// Returns the name of the event that failed, if an instance was called.
    pub(crate) fn event(&self) -> Option<&'static str> {
        match self {
            Self::NoInstance(_) | Self::NotOwner(_) => None,
            Self::Limit { event, .. } | Self::Trap { event, .. } => event.map(EventName::as_str),
        }
    }

    /// Returns whether the handler caused the fault. The handler causes neither `NoInstance` nor `NotOwner`.
    pub(crate) fn is_caused_by_handler(&self) -> bool {
        !matches!(self, Self::NoInstance(_) | Self::NotOwner(_))
    }

    /// Returns how to close the client of the event. If `explanation` is `None`, the close reason is a generic one.
    pub(crate) fn close<'a>(&self, explanation: Option<&'a str>) -> HostClose<'a> {
        match self {
            Self::Limit { .. } | Self::Trap { .. } => {
                HostClose::HandlerFailed(explanation.unwrap_or("the handler failed"))
            }
            Self::NoInstance(_) => {
                HostClose::NoInstance(explanation.unwrap_or("the server is full"))
            }
            Self::NotOwner(why) => (*why).into(),
        }
    }

    /// Returns the text that the handler wrote to standard error, if the text says why the handler trapped.
    pub(crate) fn stderr(&self) -> Option<&str> {
        match self {
            Self::Trap { stderr, .. } if !stderr.is_empty() => Some(stderr),
            _ => None,
        }
    }

    /// Returns an explanation for the handler's author. If the handler's text on standard error says why the event
    /// failed, returns that text. Otherwise returns the message of the fault.
    pub(crate) fn explanation(&self) -> String {
        self.stderr().map_or_else(|| self.to_string(), str::to_owned)
    }

    /// Adds the event, and the text that the handler wrote to standard error during the event. The text is kept only if
    /// the handler ended itself, as it does after a panic or an uncaught exception. The text does not explain a trap of
    /// another kind, such as a stack overflow.
    pub(super) fn during(self, event: EventName, stderr: String) -> Self {
        let event = Some(event);
        match self {
            Self::Limit { limit, error, .. } => Self::Limit { limit, error, event },
            Self::Trap { error, .. } => {
                let stderr = if is_end_by_handler(&error) { stderr } else { String::new() };
                Self::Trap { error, event, stderr }
            }
            other @ (Self::NoInstance(_) | Self::NotOwner(_)) => other,
        }
    }

    /// Returns the kind of the fault, for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Limit { limit, .. } => limit.name(),
            Self::Trap { .. } => "trap",
            Self::NoInstance(_) => "instances",
            Self::NotOwner(_) => "not-owner",
        }
    }
}

/// Returns whether the guest called `exit`, or executed `unreachable`, which is how toolchains abort.
fn is_end_by_handler(error: &wasmtime::Error) -> bool {
    error.downcast_ref() == Some(&wasmtime::Trap::UnreachableCodeReached)
        || error.is::<wasmtime_wasi::I32Exit>()
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        if let Some(not_owner) = error.downcast_ref::<NotOwner>() {
            return Self::NotOwner(*not_owner);
        }
        match error.downcast_ref::<LimitExceeded>() {
            Some(limit) => Self::Limit { limit: *limit, error: Some(error), event: None },
            None => Self::Trap { error, event: None, stderr: String::new() },
        }
    }
}

impl From<LimitExceeded> for Fault {
    fn from(limit: LimitExceeded) -> Self {
        Self::Limit { limit, error: None, event: None }
    }
}

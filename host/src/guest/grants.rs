//! What the instances of a component may use outside their sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};
use wasmtime_wasi_http::WasiBody;

use super::template::ComponentSpec;
use crate::grant::{Folder, Grant};
use crate::log_rate::{Line, LogRate};
use crate::outgoing::{HttpClient, RequestError};

/// The grants of a resource, by capability.
pub(super) struct Grants {
    /// The values for `wasi:config`. `None`: it is not granted.
    config: Option<BTreeMap<String, String>>,
    folders: Vec<Folder>,
    /// Sends HTTP requests to the granted servers. `None`: no server is granted.
    http: Option<Arc<HttpClient<WasiBody>>>,
    /// Limits log lines about folders that cannot be opened.
    missing: LogRate,
    /// Limits log lines about requests that fail.
    failed: LogRate,
}

impl Grants {
    pub(super) fn new(spec: &ComponentSpec) -> Self {
        let (mut folders, mut servers) = (Vec::new(), Vec::new());
        for grant in &spec.grants {
            match grant {
                Grant::Folder(folder) => folders.push(folder.clone()),
                Grant::Http(server) => servers.push(server.clone()),
                Grant::Config => {}
            }
        }
        let client = |servers| Arc::new(HttpClient::new(servers, spec.http));
        Self {
            config: spec.grants.contains(&Grant::Config).then(|| spec.config.clone()),
            folders,
            http: Some(servers).filter(|servers| !servers.is_empty()).map(client),
            missing: LogRate::new(),
            failed: LogRate::new(),
        }
    }

    pub(super) fn config(&self) -> Option<&BTreeMap<String, String>> {
        self.config.as_ref()
    }

    pub(super) fn http(&self) -> Option<&Arc<HttpClient<WasiBody>>> {
        self.http.as_ref()
    }

    /// Logs a request that failed: the handler gets only the kind of the error.
    pub(super) fn log_failed(&self, component: &str, server: &str, error: &RequestError) {
        if let Some(Line { left_out }) = self.failed.line(Instant::now()) {
            tracing::warn!(
                target: "guest",
                component,
                left_out,
                "a request of the handler to {server} failed: {error}"
            );
        }
    }

    pub(super) fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// Opens the folders for a new instance. One that cannot be opened is left out, and the log says why. Blocks the
    /// thread.
    pub(super) fn open_folders(&self, wasi: &mut WasiCtxBuilder, component: &str) {
        for Folder { path, name } in &self.folders {
            let Err(error) = wasi.preopened_dir(path, name, FsPerms::ReadOnly) else { continue };
            if let Some(Line { left_out }) = self.missing.line(Instant::now()) {
                tracing::warn!(
                    target: "guest",
                    component,
                    left_out,
                    "a new instance starts without the granted folder {}: {error:#}",
                    path.display()
                );
            }
        }
    }
}

//! What the instances of a component may use outside their sandbox.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};
use wasmtime_wasi_http::WasiBody;

use super::error::LoadError;
use super::keyvalue::GrantedStore;
use super::log_source::LogSource;
use super::template::ComponentSpec;
use crate::grant::{Folder, Grant};
use crate::keyvalue::{self, StoreError};
use crate::log_rate::LogRate;
use crate::outgoing::{HttpClient, RequestError, WebSocketClient};
use crate::timers::DurableTimers;

/// The grants of a resource, by capability.
pub(super) struct Grants {
    /// The values for `wasi:config`. `None`: it is not granted.
    config: Option<BTreeMap<String, String>>,
    folders: Vec<Folder>,
    /// Sends HTTP requests to the granted servers. `None`: no server is granted.
    http: Option<Arc<HttpClient<WasiBody>>>,
    /// Opens WebSockets to the granted servers. `None`: no server is granted.
    web_sockets: Option<Arc<WebSocketClient>>,
    /// The key-value store in a file. `None`: no file is granted.
    store: Option<GrantedStore>,
    /// The file of durable timers. `None`: no file is granted.
    timers: Option<Arc<DurableTimers>>,
    /// Limits the log lines about folders that cannot be opened.
    missing: LogRate,
    /// Limits the log lines about requests that fail.
    failed: LogRate,
    /// Limits the log lines about the store.
    store_failed: LogRate,
}

impl Grants {
    /// Opens the file of the key-value store, if there is one. Blocks the thread.
    ///
    /// # Errors
    ///
    /// [`LoadError::Store`].
    pub(super) fn new(spec: &ComponentSpec) -> Result<Self, LoadError> {
        let (mut folders, mut servers, mut store) = (Vec::new(), Vec::new(), None);
        let (mut web_sockets, mut timers) = (Vec::new(), None);
        let open = |file: &PathBuf| {
            keyvalue::open(file).map_err(|cause| LoadError::Store { file: file.clone(), cause })
        };
        for grant in &spec.grants {
            match grant {
                Grant::Folder(folder) => folders.push(folder.clone()),
                Grant::Http(server) => servers.push(server.clone()),
                Grant::WebSocket(server) => web_sockets.push(server.clone()),
                Grant::Keyvalue(file) => {
                    let opened = open(file)?;
                    let (limits, owner) = (spec.keyvalue.limits, spec.keyvalue.owner.clone());
                    store = Some(GrantedStore { store: opened, limits, owner });
                }
                Grant::Timers(file) => {
                    let opened = open(file)?;
                    timers = spec.keyvalue.owner.clone().map(|resource| {
                        Arc::new(DurableTimers::new(resource, opened, spec.keyvalue.limits))
                    });
                }
                Grant::Config => {}
            }
        }
        let (connect, response) = (spec.http.connect_timeout, spec.http.first_byte_timeout);
        let web_sockets = Some(web_sockets).filter(|servers| !servers.is_empty());
        let web_sockets =
            web_sockets.map(|servers| Arc::new(WebSocketClient::new(servers, connect, response)));
        let client = |servers| Arc::new(HttpClient::new(servers, spec.http));
        Ok(Self {
            config: spec.grants.contains(&Grant::Config).then(|| spec.config.clone()),
            folders,
            http: Some(servers).filter(|servers| !servers.is_empty()).map(client),
            web_sockets,
            store,
            timers,
            missing: LogRate::new(),
            failed: LogRate::new(),
            store_failed: LogRate::new(),
        })
    }

    pub(super) fn config(&self) -> Option<&BTreeMap<String, String>> {
        self.config.as_ref()
    }

    pub(super) fn http(&self) -> Option<&Arc<HttpClient<WasiBody>>> {
        self.http.as_ref()
    }

    pub(super) fn web_sockets(&self) -> Option<&Arc<WebSocketClient>> {
        self.web_sockets.as_ref()
    }

    pub(super) fn store(&self) -> Option<&GrantedStore> {
        self.store.as_ref()
    }

    pub(super) fn timers(&self) -> Option<&Arc<DurableTimers>> {
        self.timers.as_ref()
    }

    /// Logs an error of the store. Called only for errors that concern the operator.
    pub(super) fn log_store(&self, source: &LogSource, error: &StoreError) {
        source.warn_rarely(
            &self.store_failed,
            format_args!("the handler's use of keys and values (wasi:keyvalue) failed: {error}"),
        );
    }

    /// Logs a failed request in detail, because the handler gets only the kind of the error.
    pub(super) fn log_failed(&self, source: &LogSource, server: &str, error: &RequestError) {
        source.warn_rarely(
            &self.failed,
            format_args!("a request from the handler to {server} failed: {error}"),
        );
    }

    pub(super) fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// Opens the folders for a new instance. A folder that cannot be opened is left out, and the log says why. Blocks
    /// the thread.
    pub(super) fn open_folders(&self, wasi: &mut WasiCtxBuilder, source: &LogSource) {
        for Folder { path, name } in &self.folders {
            let Err(error) = wasi.preopened_dir(path, name, FsPerms::ReadOnly) else { continue };
            source.warn_rarely(
                &self.missing,
                format_args!(
                    "cannot open the granted folder {}, so a new instance starts without it: {error:#}",
                    path.display()
                ),
            );
        }
    }
}

//! What the instances of a component may use outside their sandbox.

use std::collections::BTreeMap;
use std::time::Instant;

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::grant::{Folder, Grant};
use crate::log_rate::{Line, LogRate};

/// The grants of a resource, by capability.
#[derive(Debug)]
pub(super) struct Grants {
    /// The values for `wasi:config`. `None`: it is not granted.
    config: Option<BTreeMap<String, String>>,
    folders: Vec<Folder>,
    /// Limits log lines about folders that cannot be opened.
    missing: LogRate,
}

impl Grants {
    pub(super) fn new(grants: &[Grant], config: &BTreeMap<String, String>) -> Self {
        let folders = grants.iter().filter_map(|grant| match grant {
            Grant::Folder(folder) => Some(folder.clone()),
            Grant::Config => None,
        });
        Self {
            config: grants.contains(&Grant::Config).then(|| config.clone()),
            folders: folders.collect(),
            missing: LogRate::new(),
        }
    }

    pub(super) fn config(&self) -> Option<&BTreeMap<String, String>> {
        self.config.as_ref()
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

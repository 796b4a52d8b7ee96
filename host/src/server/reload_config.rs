//! Configuration reload: rereads the admin token, the certificate, the configuration file and every component.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::RwLock;
use tokio::sync::Mutex;

use super::host::{ConfigureError, Configured, Host};
use super::listen::{Tls, certificates};
use crate::blocking::off_the_workers;
use crate::config::{self, AdminToken, FileError, Mode, WrittenSettings};
use crate::reload::{ReloadError, ReloadOutcome};

/// A handle that reloads a server's admin token, certificate, configuration and components. Clones share one lock, so
/// that only one reload runs at a time.
#[derive(Clone, Debug)]
pub struct ConfigReloader {
    host: Host,
    /// The configuration file, and the server settings that it contained when the server was started.
    file: Option<(PathBuf, WrittenSettings)>,
    mode: Mode,
    tls: Option<Arc<Tls>>,
    /// The admin token that is required now.
    admin_token: Option<Arc<RwLock<AdminToken>>>,
    /// The lock that a running reload holds.
    reloading: Arc<Mutex<()>>,
}

/// The outcome of a configuration reload.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConfigReload {
    /// The changes to the resources, if the configuration came from a file.
    pub configured: Option<Configured>,
    /// The settings of the server whose values in the file differ from those that are in use. The server reads these
    /// settings only when it starts.
    pub needs_restart: Vec<String>,
    /// The outcome of each component's reload, with the name of its resource.
    pub reloads: Vec<(String, Result<ReloadOutcome, ReloadError>)>,
}

/// The reason why a configuration reload was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigReloadError {
    /// The configuration cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The resources in the configuration cannot be served.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// The certificate cannot be used.
    #[error("{0}")]
    Certificate(String),
    /// The admin token file cannot be used. The token stays as it was.
    #[error("admin-token: {0}")]
    AdminToken(String),
}

impl ConfigReloader {
    pub(in crate::server) fn new(
        host: Host,
        file: Option<(PathBuf, WrittenSettings)>,
        mode: Mode,
        tls: Option<Arc<Tls>>,
        admin_token: Option<Arc<RwLock<AdminToken>>>,
    ) -> Self {
        Self { host, file, mode, tls, admin_token, reloading: Arc::default() }
    }

    /// Reloads everything in this order: the admin token and the certificate, if there are any; the configuration and
    /// its resources, if the configuration came from a file; and every component. The outcome is logged.
    ///
    /// # Errors
    ///
    /// [`ConfigReloadError`]. In that case no resource has changed.
    ///
    /// # Cancel safety
    ///
    /// A reload that has begun continues when the future is dropped. One that still waits for another reload is
    /// abandoned.
    pub async fn reload(&self) -> Result<ConfigReload, ConfigReloadError> {
        let guard = Arc::clone(&self.reloading).lock_owned().await;
        let reloader = self.clone();
        let work = async move {
            let _guard = guard;
            reloader.reload_and_log().await
        };
        self.host.state.run(work).await
    }

    async fn reload_and_log(&self) -> Result<ConfigReload, ConfigReloadError> {
        let reload = self.try_reload().await;
        let is_rejected = &self.host.state.context.metrics.is_config_rejected;
        is_rejected.store(reload.is_err(), Ordering::Relaxed);
        match &reload {
            Ok(ConfigReload { configured: Some(configured), needs_restart, .. }) => {
                let Configured { added, removed, changed, restarted, unchanged } = configured;
                tracing::info!(
                    ?added,
                    ?removed,
                    ?changed,
                    ?restarted,
                    ?unchanged,
                    "the configuration was reloaded"
                );
                if !needs_restart.is_empty() {
                    tracing::warn!(
                        "not changed, because settings of the server are read only at start: {}. Restart ws-host to \
                         apply them",
                        needs_restart.join(", ")
                    );
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(
                    "the configuration was not reloaded, so the old one stays in use: {error}"
                );
            }
        }
        reload
    }

    async fn try_reload(&self) -> Result<ConfigReload, ConfigReloadError> {
        let token = self.read_token().await.map_err(ConfigReloadError::AdminToken)?;
        // The token is replaced even if another part of the reload fails, because the old token may have leaked.
        if let (Some(current), Some(token)) = (&self.admin_token, token) {
            let old = std::mem::replace(&mut *current.write(), token);
            if old != *current.read() {
                tracing::info!("the admin address has a new token");
            }
        }
        if let Some(tls) = &self.tls {
            let read = certificates::reload(tls).await;
            read.map_err(|error| ConfigReloadError::Certificate(error.to_string()))?;
        }
        let (configured, needs_restart) = match &self.file {
            None => (None, Vec::new()),
            Some((file, written)) => {
                let (file, mode) = (file.clone(), self.mode);
                let read = off_the_workers(move || config::read(&file, mode)).await?;
                let configured = self.host.configure(read.host.resources).await?;
                (Some(configured), written.differing(&read.written))
            }
        };
        let mut reloads = Vec::new();
        for resource in self.host.resources() {
            let reload = self.host.reload(&resource.name).await;
            reloads.push((resource.name, reload));
        }
        Ok(ConfigReload { configured, needs_restart, reloads })
    }

    async fn read_token(&self) -> Result<Option<AdminToken>, String> {
        let Some(current) = &self.admin_token else { return Ok(None) };
        let token = current.read().clone();
        off_the_workers(move || token.read_again()).await.map(Some)
    }
}

//! Reading everything again: the configuration, if it came from a file, and every component.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::host::{ConfigureError, Configured, Host};
use super::listen::{Tls, certificates};
use crate::blocking::off_the_workers;
use crate::config::{self, FileError, Mode};
use crate::reload::{ReloadError, ReloadOutcome};

/// Reads the configuration and the components of a server again. Copies are the same.
#[derive(Clone, Debug)]
pub struct ConfigReloader {
    host: Host,
    file: Option<PathBuf>,
    mode: Mode,
    tls: Option<Arc<Tls>>,
    /// Held by the renewal that is under way.
    reloading: Arc<Mutex<()>>,
}

/// What was read again.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConfigReload {
    /// What the configuration changed, if it came from a file.
    pub configured: Option<Configured>,
    /// What became of each component, by the name of its resource.
    pub reloads: Vec<(String, Result<ReloadOutcome, ReloadError>)>,
}

/// Why nothing changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigReloadError {
    /// The configuration cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it says cannot be served.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// The certificate cannot be used.
    #[error("{0}")]
    Certificate(String),
}

impl ConfigReloader {
    pub(in crate::server) fn new(
        host: Host,
        file: Option<PathBuf>,
        mode: Mode,
        tls: Option<Arc<Tls>>,
    ) -> Self {
        Self { host, file, mode, tls, reloading: Arc::default() }
    }

    /// Reads the certificate again, if there is one; then the configuration, if it came from a file, and
    /// applies what it says of resources; then every component. The log tells what came of it.
    ///
    /// # Errors
    ///
    /// [`RenewalError`]; nothing changed then.
    ///
    /// # Cancel safety
    ///
    /// A renewal that has begun goes on when the future is dropped; one that waits for another is given up.
    pub async fn renew(&self) -> Result<ConfigReload, ConfigReloadError> {
        let reloading = Arc::clone(&self.reloading).lock_owned().await;
        let this = self.clone();
        let work = async move {
            let _renewing = reloading;
            this.renew_and_tell().await
        };
        self.host.state.run(work).await
    }

    async fn renew_and_tell(&self) -> Result<ConfigReload, ConfigReloadError> {
        let reload = self.try_renew().await;
        match &reload {
            Ok(ConfigReload { configured: Some(configured), .. }) => {
                let Configured { added, removed, changed, restarted, unchanged } = configured;
                tracing::info!(
                    ?added,
                    ?removed,
                    ?changed,
                    ?restarted,
                    ?unchanged,
                    "read the configuration again"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!("the configuration stays as it was: {error}");
            }
        }
        reload
    }

    async fn try_renew(&self) -> Result<ConfigReload, ConfigReloadError> {
        if let Some(tls) = &self.tls {
            let read = certificates::read_again(tls).await;
            read.map_err(|error| ConfigReloadError::Certificate(error.to_string()))?;
        }
        let configured = match &self.file {
            None => None,
            Some(file) => {
                let (file, mode) = (file.clone(), self.mode);
                let read = off_the_workers(move || config::read(&file, mode)).await?;
                let resources = read.host.resources;
                Some(self.host.configure(resources).await?)
            }
        };
        let mut reloads = Vec::new();
        for resource in self.host.resources() {
            let reload = self.host.reload(&resource.name).await;
            reloads.push((resource.name, reload));
        }
        Ok(ConfigReload { configured, reloads })
    }
}

//! Reloading certificates while the server runs.

use std::sync::Arc;

use tokio::time::timeout;

use super::{Tls, TlsError};
use crate::blocking::off_the_workers;
use crate::reload::WRITE_GRACE_PERIOD;
use crate::watch::Watch;

/// Reloads the certificate whenever its files change, forever.
pub(in crate::server) async fn reload_on_change(tls: Arc<Tls>, watch: Watch) {
    loop {
        watch.changed().await;
        // The certificate and its key are two files. While only one of them is new, they do not match, so the reload is
        // tried again.
        while let Err(error) = reload(&tls).await {
            if timeout(WRITE_GRACE_PERIOD, watch.changed()).await.is_err() {
                tracing::error!(
                    "the certificate was not reloaded, so the old one stays in use: {error}"
                );
                break;
            }
        }
    }
}

/// Reads the certificate's files again.
///
/// # Errors
///
/// Returns [`TlsError`] if the files cannot be used. In that case the previous certificate stays in use.
pub(in crate::server) async fn reload(tls: &Arc<Tls>) -> Result<(), TlsError> {
    let tls = Arc::clone(tls);
    off_the_workers(move || tls.reload()).await?;
    tracing::info!("the certificate was reloaded");
    Ok(())
}

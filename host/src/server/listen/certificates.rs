//! Certificates that are replaced while the server runs.

use std::sync::Arc;

use tokio::time::timeout;

use super::{Tls, TlsError};
use crate::blocking::off_the_workers;
use crate::reload::HALF_WRITTEN;
use crate::watch::Watch;

/// Shows a new certificate whenever its files change, for ever.
pub(in crate::server) async fn follow(tls: Arc<Tls>, watch: Watch) {
    loop {
        watch.changed().await;
        // The certificate and its key are two files, and for a moment do not belong together.
        while let Err(error) = read_again(&tls).await {
            if timeout(HALF_WRITTEN, watch.changed()).await.is_err() {
                tracing::error!("the certificate stays as it was: {error}");
                break;
            }
        }
    }
}

/// Reads the files of the certificate.
///
/// # Errors
///
/// [`TlsError`]; what was shown before still is.
pub(in crate::server) async fn read_again(tls: &Arc<Tls>) -> Result<(), TlsError> {
    let reading = Arc::clone(tls);
    off_the_workers(move || reading.renew()).await?;
    tracing::info!("read the certificate");
    Ok(())
}

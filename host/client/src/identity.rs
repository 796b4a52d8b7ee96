//! The certificate with which a client authenticates itself.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates;
use crate::error::ConnectError;

/// The PEM files with a client's certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    /// Reads the certificate chain and the key.
    pub(crate) fn read(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConnectError> {
        let failed =
            |source| ConnectError::ClientCertificate { path: self.certificate.clone(), source };
        let chain = certificates::read(&self.certificate).map_err(failed)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| self.unusable(error))?;
        Ok((chain, key))
    }

    /// Returns the error for a key that is invalid, or that does not belong to the certificate.
    pub(super) fn unusable(&self, error: impl Error + Send + Sync + 'static) -> ConnectError {
        ConnectError::ClientKey { path: self.key.clone(), source: Arc::new(error) }
    }
}

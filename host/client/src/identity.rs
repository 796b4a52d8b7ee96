//! The certificate with which a client authenticates itself.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::ConnectError;

/// The files of a client's certificate and its key, in PEM.
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
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(Arc::new(error)))?;
        if chain.is_empty() {
            let empty =
                io::Error::new(io::ErrorKind::InvalidData, "the file contains no certificate");
            return Err(failed(Arc::new(empty)));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| self.unusable(error))?;
        Ok((chain, key))
    }

    /// Returns the error for a key that is invalid, or that does not belong to the certificate.
    pub(super) fn unusable(&self, error: impl Error + Send + Sync + 'static) -> ConnectError {
        ConnectError::ClientKey { path: self.key.clone(), source: Arc::new(error) }
    }
}

//! Reads certificates from a PEM file.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Reads all certificates in a file. There is at least one.
pub(crate) fn read(
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, Arc<dyn Error + Send + Sync>> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| -> Arc<dyn Error + Send + Sync> { Arc::new(error) })?;
    if found.is_empty() {
        let empty = "the file contains no certificate";
        return Err(Arc::new(io::Error::new(io::ErrorKind::InvalidData, empty)));
    }
    Ok(found)
}

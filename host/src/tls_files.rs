//! Reads certificates and private keys from PEM files.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a file has no certificates or no private key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFileError {
    #[error("{file}: {cause}")]
    Read { file: PathBuf, cause: PemError },
    #[error("{0} has no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate(PathBuf),
    #[error("{0} has no private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    NoKey(PathBuf),
}

/// Reads all certificates in a file. There is at least one.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|cause| TlsFileError::Read { file: file.to_owned(), cause })?;
    if found.is_empty() { Err(TlsFileError::NoCertificate(file.to_owned())) } else { Ok(found) }
}

/// Reads the first private key in a file.
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    PrivateKeyDer::from_pem_file(file).map_err(|cause| match cause {
        PemError::NoItemsFound => TlsFileError::NoKey(file.to_owned()),
        cause => TlsFileError::Read { file: file.to_owned(), cause },
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn errors_name_the_file_and_say_what_is_wrong_with_it() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let path = file.path().to_owned();
        let name = path.display().to_string();
        let messages = || {
            let certificates = certificates(&path).expect_err("no certificates");
            let key = private_key(&path).expect_err("no private key");
            [certificates.to_string(), key.to_string()]
        };
        assert_eq!(
            messages(),
            [
                format!("{name} has no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
                format!("{name} has no private key in PEM (-----BEGIN PRIVATE KEY-----)"),
            ]
        );
        file.write_all(b"-----BEGIN CERTIFICATE-----\n%\n").expect("a write");
        for message in messages() {
            assert!(message.starts_with(&format!("{name}: ")), "{message}");
        }
        drop(file);
        for message in messages() {
            assert!(message.starts_with(&format!("{name}: ")), "{message}");
            assert!(message.contains("No such file"), "{message}");
        }
    }
}

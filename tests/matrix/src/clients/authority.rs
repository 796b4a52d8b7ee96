//! A certificate authority for the server, created for each run.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// Files in PEM.
pub(super) struct Files {
    /// The authority's certificate, which clients are to trust.
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Creates an authority and a certificate for localhost, and writes them into a directory.
pub(super) fn write(folder: &Path) -> Result<Files> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With fewer key usages, some clients do not accept it as an authority.
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.distinguished_name.push(DnType::CommonName, "ws-host matrix");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut params = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;

    let [authority, certificate_file, key_file] =
        ["authority.pem", "cert.pem", "key.pem"].map(|name| folder.join(name));
    std::fs::write(&authority, issuer.pem())?;
    std::fs::write(&certificate_file, certificate.pem())?;
    std::fs::write(&key_file, key.serialize_pem())?;
    Ok(Files { authority, certificate: certificate_file, key: key_file })
}

//! TLS on the client's side, and certificate authorities for tests.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use ws_host_test_support::{Client, DEADLINE, TestServer};

/// An encrypted connection.
pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// A certificate authority, with a folder for what it has signed.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// A certificate and its key.
pub(crate) struct Shown {
    pub(crate) certificate: CertificateDer<'static>,
    key: Vec<u8>,
    pem: String,
    key_pem: String,
}

impl Shown {
    /// Writes the certificate and its key to two PEM files in `folder`, and returns their paths.
    pub(crate) fn write(&self, folder: &Path, prefix: &str) -> Result<(String, String)> {
        let write = |name, pem: &str| {
            let file = folder.join(format!("{prefix}{name}"));
            std::fs::write(&file, pem)?;
            text(file)
        };
        Ok((write("cert.pem", &self.pem)?, write("key.pem", &self.key_pem)?))
    }
}

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Self { issuer, folder: tempfile::tempdir()? };
        std::fs::write(authority.file(), authority.issuer.pem())?;
        Ok(authority)
    }

    /// Returns the path of its own certificate, in PEM.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Returns the path of its own certificate as a command-line argument.
    pub(crate) fn argument(&self) -> Result<String> {
        text(self.file())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Issues a certificate with this common name. It is valid for localhost, too.
    pub(crate) fn vouch_for(&self, name: &str) -> Result<Shown> {
        self.vouch_for_subject(&[(DnType::CommonName, name)])
    }

    /// Issues a certificate with any subject, the outermost part first.
    pub(crate) fn vouch_for_subject(&self, subject: &[(DnType, &str)]) -> Result<Shown> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Shown {
            pem: certificate.pem(),
            certificate: certificate.into(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
        })
    }

    /// Writes a server's certificate and key to the authority's folder, and returns their paths.
    pub(crate) fn write(&self, shown: &Shown) -> Result<(String, String)> {
        shown.write(self.folder.path(), "")
    }

    /// Issues a server certificate and returns the flags to use it.
    pub(crate) fn flags(&self) -> Result<Vec<String>> {
        let (certificate, key) = self.write(&self.vouch_for("server")?)?;
        Ok(vec!["--tls-cert".to_owned(), certificate, "--tls-key".to_owned(), key])
    }

    /// Starts a server with a certificate of this authority.
    pub(crate) fn serving(&self, component: &str, more: &[&str]) -> Result<TestServer> {
        let flags = self.flags()?;
        let all: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        TestServer::with_arguments(component, &all)
    }

    /// Begins a TLS connection of a client that trusts this authority.
    pub(crate) fn ask(&self) -> Asking<'_> {
        let versions = rustls::ALL_VERSIONS;
        Asking { authority: self, versions, protocols: &[b"http/1.1"], shown: None }
    }

    /// Connects a WebSocket client to `/`.
    pub(crate) fn connect(&self, server: &TestServer) -> Result<Client<Encrypted>> {
        Client::greet(self.ask().connect(server.address())?)
    }
}

fn text(file: PathBuf) -> Result<String> {
    file.into_os_string().into_string().ok().context("a path that is not UTF-8")
}

/// The client's choices for a TLS handshake.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    authority: &'a Authority,
    versions: &'a [&'static SupportedProtocolVersion],
    protocols: &'a [&'a [u8]],
    shown: Option<&'a Shown>,
}

impl<'a> Asking<'a> {
    pub(crate) fn version(self, version: &'a [&'static SupportedProtocolVersion]) -> Self {
        Self { versions: version, ..self }
    }

    /// Offers these application protocols (ALPN).
    pub(crate) fn protocols(self, protocols: &'a [&'a [u8]]) -> Self {
        Self { protocols, ..self }
    }

    /// Presents this client certificate.
    pub(crate) fn showing(self, shown: &'a Shown) -> Self {
        Self { shown: Some(shown), ..self }
    }

    /// Connects and completes the TLS handshake.
    pub(crate) fn connect(self, server: SocketAddr) -> Result<Encrypted> {
        self.over(TcpStream::connect(server)?)
    }

    /// Completes the TLS handshake on an existing connection.
    pub(crate) fn over(self, mut stream: TcpStream) -> Result<Encrypted> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let mut connection = self.connection()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }

    /// Returns a TLS connection that has not sent anything yet.
    pub(crate) fn connection(self) -> Result<ClientConnection> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.issuer.der().clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)?
            .with_root_certificates(roots);
        let mut config = match self.shown {
            None => config.with_no_client_auth(),
            Some(Shown { certificate, key, .. }) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.clone()));
                config.with_client_auth_cert(vec![certificate.clone()], key)?
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        Ok(ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?)
    }
}

/// Returns the certificate that the server presented.
pub(crate) fn shown_by(stream: &Encrypted) -> Result<CertificateDer<'static>> {
    let shown = stream.conn.peer_certificates().context("no certificate")?;
    ensure!(shown.len() == 1, "{} certificates", shown.len());
    Ok(shown[0].clone().into_owned())
}

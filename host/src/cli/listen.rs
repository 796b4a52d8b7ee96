//! The flags that say where the server listens, and what is spoken there.

use std::path::PathBuf;

use clap::ValueEnum;
use ws_host::config::Address;
use ws_host::config::schema::{self, Mode, OneOrMany};

/// Where to listen, and what is spoken before HTTP.
#[derive(Debug, clap::Args)]
#[group(id = "listening", multiple = true, conflicts_with = "config")]
pub(super) struct Listen {
    /// Where to listen (may be repeated): 0.0.0.0:8080, [::]:8080, unix:/run/ws-host.sock, or systemd for
    /// the sockets that systemd passes; the system chooses a port for 0 [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Address>,

    /// The permissions of unix socket files, such as 660 [default: from the umask]
    #[arg(long, value_name = "MODE")]
    unix_mode: Option<Mode>,

    /// Every connection must begin with a PROXY protocol header and come from a trusted proxy
    #[arg(long)]
    proxy_protocol: bool,

    /// The TLS certificate, in PEM, followed by the intermediate certificates; read again when the file
    /// changes
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_cert: Option<PathBuf>,

    /// The private key of the TLS certificate, in PEM
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: Option<PathBuf>,

    /// Use TLS with a self-signed certificate for localhost, created at start, for development
    #[arg(long, help_heading = "TLS")]
    tls_dev: bool,

    /// A file of authorities, in PEM; clients are asked for a certificate from one of them
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_client_ca: Option<PathBuf>,

    /// Whether a client without a certificate is let in [default: optional]
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "TLS")]
    tls_client_auth: Option<ClientAuth>,
}

/// `--tls-client-auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientAuth {
    /// It may show one
    Optional,
    /// It is refused
    Required,
}

impl Listen {
    /// The server, listening like this.
    pub(super) fn written(self, server: schema::Server) -> schema::Server {
        schema::Server {
            listen: addresses(self.listen),
            unix_mode: self.unix_mode,
            proxy_protocol: Some(self.proxy_protocol),
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_dev: Some(self.tls_dev),
            tls_client_ca: self.tls_client_ca,
            tls_client_auth: self.tls_client_auth.map(ClientAuth::written),
            ..server
        }
    }
}

impl ClientAuth {
    fn written(self) -> schema::ClientAuth {
        match self {
            Self::Optional => schema::ClientAuth::Optional,
            Self::Required => schema::ClientAuth::Required,
        }
    }
}

fn addresses(addresses: Vec<Address>) -> Option<OneOrMany<schema::Listen>> {
    let all: Vec<schema::Listen> = addresses.into_iter().map(schema::Listen::from).collect();
    if all.is_empty() { None } else { Some(OneOrMany::Many(all)) }
}

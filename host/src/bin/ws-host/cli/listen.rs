//! The flags for listening: addresses, sockets and TLS.

use std::path::PathBuf;

use clap::ValueEnum;
use ws_host::config::Address;
use ws_host::config::schema::{self, Mode, OneOrMany};

/// Where to listen, and which protocols (PROXY, TLS) come before HTTP.
#[derive(Debug, clap::Args)]
#[group(id = "listening", multiple = true, conflicts_with = "config")]
pub(super) struct Listen {
    /// Address to listen on (may be repeated): 0.0.0.0:8080, [::]:8080, unix:/run/ws-host.sock, or `systemd` for the
    /// sockets that systemd passes; if the port is 0, the kernel chooses one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Address>,

    /// Maximum number of connections that wait in the kernel's queue until they are accepted [default: 1024]
    #[arg(long, value_name = "N")]
    backlog: Option<u32>,

    /// Permissions of unix socket files, in octal, such as 660 [default: from the umask]
    #[arg(long, value_name = "MODE")]
    unix_mode: Option<Mode>,

    /// Require that every connection comes from a trusted proxy and begins with a PROXY protocol header
    #[arg(long)]
    proxy_protocol: bool,

    /// TLS certificate, in PEM, followed by the intermediate certificates; the file is read again when it changes
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_cert: Option<PathBuf>,

    /// Private key of the TLS certificate, in PEM
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: Option<PathBuf>,

    /// Use TLS with a self-signed certificate for localhost, created at every start, for development
    #[arg(long, help_heading = "TLS")]
    tls_dev: bool,

    /// Ask clients for a certificate from one of the authorities in this PEM file; --tls-client-auth says whether a
    /// client without one is accepted
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_client_ca: Option<PathBuf>,

    /// Whether a client must present a certificate; needs --tls-client-ca [default: optional]
    #[arg(long, value_name = "WHETHER", value_enum, help_heading = "TLS")]
    tls_client_auth: Option<ClientAuth>,
}

/// `--tls-client-auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientAuth {
    /// A client without a certificate is accepted
    Optional,
    /// A client without a certificate is refused
    Required,
}

impl Listen {
    pub(super) fn apply(self, server: &mut schema::Server) {
        server.listen = addresses(self.listen);
        server.backlog = self.backlog;
        server.unix_mode = self.unix_mode;
        server.proxy_protocol = Some(self.proxy_protocol);
        server.tls_cert = self.tls_cert;
        server.tls_key = self.tls_key;
        server.tls_dev = Some(self.tls_dev);
        server.tls_client_ca = self.tls_client_ca;
        server.tls_client_auth = self.tls_client_auth.map(ClientAuth::into_schema);
    }
}

impl ClientAuth {
    fn into_schema(self) -> schema::ClientAuth {
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

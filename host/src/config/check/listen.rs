//! Where the server listens, and what is spoken there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::{At, Checked};
use crate::config::schema::{self, ClientAuth, Mode, OneOrMany};
use crate::config::{
    Address, Certificate, ClientCertificates, Encryption, Listen, Need, ProxyProtocol, Tls,
};

/// Where a server listens if nothing else is said.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// What is said of TLS.
pub(super) struct WrittenTls {
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) dev: bool,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) client_auth: Option<ClientAuth>,
}

/// What holds for every address that says nothing else.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    pub(super) has_tls: bool,
    pub(super) has_proxies: bool,
    pub(super) proxy_protocol: bool,
    pub(super) secure: bool,
    pub(super) mode: Option<Mode>,
}

impl WrittenTls {
    pub(super) fn check(self, at: At, folder: &Path) -> Checked<Option<Tls>> {
        let Self { cert, key, dev, client_ca, client_auth } = self;
        if client_ca.is_none() && client_auth.is_some() {
            return Err(at.wrong("tls-client-auth", "needs tls-client-ca beside it"));
        }
        let certificate = match (cert, key, dev) {
            (None, None, false) => {
                if client_ca.is_some() {
                    return Err(at.wrong("tls-client-ca", "needs tls-cert and tls-key beside it"));
                }
                return Ok(None);
            }
            (None, None, true) => Certificate::SelfSigned,
            (Some(chain), Some(key), false) => {
                Certificate::Files { chain: folder.join(chain), key: folder.join(key) }
            }
            (Some(_), None, false) => {
                return Err(at.wrong("tls-cert", "needs tls-key, the private key, beside it"));
            }
            (None, Some(_), false) => {
                return Err(at.wrong("tls-key", "needs tls-cert, the certificate, beside it"));
            }
            (_, _, true) => {
                return Err(
                    at.wrong("tls-dev", "makes a certificate: leave tls-cert and tls-key out")
                );
            }
        };
        let need = match client_auth {
            Some(ClientAuth::Required) => Need::Required,
            Some(ClientAuth::Optional) | None => Need::Optional,
        };
        let clients = client_ca
            .map(|authorities| ClientCertificates { authorities: folder.join(authorities), need });
        Ok(Some(Tls { certificate, clients }))
    }
}

pub(super) fn listen(
    at: At,
    written: Option<OneOrMany<schema::Listen>>,
    folder: &Path,
    defaults: Defaults,
) -> Checked<Vec<Listen>> {
    let default = || vec![schema::Listen::from(Address::Tcp(DEFAULT))];
    let written = written.map_or_else(default, OneOrMany::into_vec);
    written.into_iter().map(|written| one(at, written, folder, defaults)).collect()
}

fn one(at: At, written: schema::Listen, folder: &Path, defaults: Defaults) -> Checked<Listen> {
    let schema::Listen { address, tls, proxy_protocol, secure, mode } = written;
    let address = match address {
        Address::Unix(path) => Address::Unix(folder.join(path)),
        other => other,
    };
    let is_unix = matches!(address, Address::Unix(_));
    // What comes through a file comes from this machine.
    let encryption = match tls.unwrap_or(defaults.has_tls && !is_unix) {
        true if !defaults.has_tls => {
            let why = format!("{address} with tls needs tls-cert and tls-key");
            return Err(at.wrong("listen", why));
        }
        true => Encryption::Tls,
        false => Encryption::Plain,
    };
    let encryption = match secure.unwrap_or(defaults.secure) {
        true if encryption == Encryption::Tls => {
            let why = "is for addresses behind a proxy that speaks TLS in their place";
            // It stands where it was said: beside the address, or for all.
            return Err(match secure {
                Some(_) => at.wrong("listen", format!("{address} speaks TLS itself: secure {why}")),
                None => at.wrong("secure", format!("{why}, and {address} speaks TLS itself")),
            });
        }
        true => Encryption::Terminated,
        false => encryption,
    };
    let proxy_protocol = match proxy_protocol.unwrap_or(defaults.proxy_protocol) {
        true if !defaults.has_proxies => {
            let why = "needs trusted-proxies: only they are believed who their clients are";
            // It stands where it was said: beside the address, or for all.
            return Err(match proxy_protocol {
                Some(_) => at.wrong("listen", format!("{address} with proxy-protocol {why}")),
                None => at.wrong("proxy-protocol", why),
            });
        }
        true => ProxyProtocol::Required,
        false => ProxyProtocol::Off,
    };
    if mode.is_some() && !is_unix {
        return Err(at.wrong("listen", format!("{address} is no unix socket: it has no mode")));
    }
    let mode = mode.or(defaults.mode).filter(|_| is_unix).map(|Mode(mode)| mode);
    Ok(Listen { address, encryption, proxy_protocol, mode })
}

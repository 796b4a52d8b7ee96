//! Checks the addresses to listen on, and the TLS settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::{At, Checked};
use crate::config::schema::{self, ClientAuth, Mode, OneOrMany};
use crate::config::{
    Address, Certificate, ClientCertificates, Encryption, Listen, Need, ProxyProtocol, Tls,
};

/// The address to listen on if none is given.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The TLS settings as they are written.
pub(super) struct TlsKeys {
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) dev: bool,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) client_auth: Option<ClientAuth>,
}

/// The settings for addresses that do not have their own.
#[derive(Clone, Copy)]
pub(super) struct ListenDefaults {
    pub(super) has_tls: bool,
    pub(super) has_proxies: bool,
    pub(super) proxy_protocol: bool,
    pub(super) secure: bool,
    pub(super) mode: Option<Mode>,
}

impl TlsKeys {
    pub(super) fn check(self, at: At, folder: &Path) -> Checked<Option<Tls>> {
        let Self { cert, key, dev, client_ca, client_auth } = self;
        if client_ca.is_none() && client_auth.is_some() {
            return Err(at.invalid("tls-client-auth", "also needs tls-client-ca"));
        }
        let certificate = match (cert, key, dev) {
            (None, None, false) => {
                if client_ca.is_some() {
                    return Err(at.invalid("tls-client-ca", "also needs tls-cert and tls-key"));
                }
                return Ok(None);
            }
            (None, None, true) => Certificate::SelfSigned,
            (Some(chain), Some(key), false) => {
                Certificate::Files { chain: folder.join(chain), key: folder.join(key) }
            }
            (Some(_), None, false) => {
                return Err(at.invalid("tls-cert", "also needs tls-key, the private key"));
            }
            (None, Some(_), false) => {
                return Err(at.invalid("tls-key", "also needs tls-cert, the certificate"));
            }
            (_, _, true) => {
                return Err(at.invalid(
                    "tls-dev",
                    "creates its own certificate: remove tls-cert and tls-key",
                ));
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
    addresses: Option<OneOrMany<schema::Listen>>,
    folder: &Path,
    defaults: ListenDefaults,
) -> Checked<Vec<Listen>> {
    let default = || vec![schema::Listen::from(Address::Tcp(DEFAULT_ADDRESS))];
    let addresses = addresses.map_or_else(default, OneOrMany::into_vec);
    addresses.into_iter().map(|address| check_one(at, address, folder, defaults)).collect()
}

fn check_one(
    at: At,
    listen: schema::Listen,
    folder: &Path,
    defaults: ListenDefaults,
) -> Checked<Listen> {
    let schema::Listen { address, tls, proxy_protocol, secure, mode } = listen;
    let address = match address {
        Address::Unix(path) => Address::Unix(folder.join(path)),
        other => other,
    };
    let is_unix = matches!(address, Address::Unix(_));
    // Clients of a unix socket are on this machine, so the socket has TLS only if its own setting says so.
    let encryption = match tls.unwrap_or(defaults.has_tls && !is_unix) {
        true if !defaults.has_tls => {
            let why = format!("{address} with tls needs tls-cert and tls-key");
            return Err(at.invalid("listen", why));
        }
        true => Encryption::Tls,
        false => Encryption::Plain,
    };
    let encryption = match secure.unwrap_or(defaults.secure) {
        true if encryption == Encryption::Tls => {
            let why = "only for addresses behind a proxy that terminates TLS";
            // The error names the key that was given: the key of the address, or the key for all addresses.
            return Err(match secure {
                Some(_) => at.invalid(
                    "listen",
                    format!(
                        "{address} speaks TLS itself, so it cannot have `secure`, which is {why}"
                    ),
                ),
                None => at.invalid("secure", format!("is {why}, but {address} speaks TLS itself")),
            });
        }
        true => Encryption::Terminated,
        false => encryption,
    };
    let proxy_protocol = match proxy_protocol.unwrap_or(defaults.proxy_protocol) {
        true if !defaults.has_proxies => {
            let why = "needs trusted-proxies: only trusted proxies may say who their clients are";
            // The error names the key that was given: the key of the address, or the key for all addresses.
            return Err(match proxy_protocol {
                Some(_) => {
                    at.invalid("listen", format!("{address} has proxy-protocol, which {why}"))
                }
                None => at.invalid("proxy-protocol", why),
            });
        }
        true => ProxyProtocol::Required,
        false => ProxyProtocol::Off,
    };
    if mode.is_some() && !is_unix {
        return Err(at.invalid(
            "listen",
            format!("{address} cannot have a mode, because it is not a unix socket"),
        ));
    }
    let mode = mode.or(defaults.mode).filter(|_| is_unix).map(|Mode(mode)| mode);
    Ok(Listen { address, encryption, proxy_protocol, mode })
}

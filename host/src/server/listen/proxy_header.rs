//! The PROXY protocol, version 1 and 2: a proxy says in front of everything else who its client is.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest header, in octets. Addresses take 232 at most; the rest is for what proxies add.
const MAX_HEADER: usize = 2048;

/// The longest header of version 1, in octets (PROXY protocol 2.1).
const LONGEST_LINE: usize = 107;

/// The addition that tells of TLS between client and proxy (PROXY protocol 2.2.6), and the bit in its first
/// octet that says there was.
const PP2_TYPE_SSL: u8 = 0x20;
const PP2_CLIENT_SSL: u8 = 0x01;

/// What a proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProxyHeader {
    /// `None` if the proxy speaks for itself, to see whether the server lives, or does not know for whom.
    pub(super) ends: Option<Addresses>,
    pub(super) encryption: Encryption,
}

/// The ends of the client's connection with the proxy: of both, or of none, the proxy tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) client: SocketAddr,
    /// To which the client has connected.
    pub(super) server: SocketAddr,
}

impl Addresses {
    fn new(client: impl Into<SocketAddr>, server: impl Into<SocketAddr>) -> Self {
        Self { client: client.into(), server: server.into() }
    }
}

/// Whether the client speaks TLS with the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    Unknown,
    Tls,
}

/// Reads the header. Gives what came behind it.
///
/// # Errors
///
/// There is none, or it is longer than a header may be.
///
/// # Cancel safety
///
/// None: what was read is lost with the future.
pub(super) async fn read(mut stream: impl AsyncRead + Unpin) -> Result<(ProxyHeader, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(MAX_HEADER);
    loop {
        let room = (MAX_HEADER - bytes.len()) as u64;
        if (&mut stream).take(room).read_buf(&mut bytes).await? == 0 {
            // Some look whether somebody listens here, and say nothing.
            if bytes.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            return Err(Error::new(ErrorKind::InvalidData, "no header of the PROXY protocol"));
        }
        if let Some((proxied, length)) = parse(&bytes)? {
            bytes.drain(..length);
            return Ok((proxied, bytes));
        }
    }
}

/// The header and its length. `None` if it is not there to its end.
fn parse(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>> {
    // Version 1 is a line. The parser takes one that is cut in a number for a wrong one.
    if bytes.len() < LONGEST_LINE && bytes.starts_with(b"PROXY") && !bytes.contains(&b'\n') {
        return Ok(None);
    }
    let header = HeaderResult::parse(bytes);
    if header.is_incomplete() {
        return Ok(None);
    }
    match header {
        HeaderResult::V1(header) => {
            let header = header.map_err(invalid)?;
            Ok(Some((of_version_1(&header), header.header.len())))
        }
        HeaderResult::V2(header) => {
            let header = header.map_err(invalid)?;
            Ok(Some((of_version_2(&header), header.len())))
        }
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

fn of_version_1(header: &v1::Header<'_>) -> ProxyHeader {
    let ends = match header.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(v4) => Some(Addresses::new(
            (v4.source_address, v4.source_port),
            (v4.destination_address, v4.destination_port),
        )),
        v1::Addresses::Tcp6(v6) => Some(Addresses::new(
            (v6.source_address, v6.source_port),
            (v6.destination_address, v6.destination_port),
        )),
    };
    ProxyHeader { ends, encryption: Encryption::Unknown }
}

fn of_version_2(header: &v2::Header<'_>) -> ProxyHeader {
    let ends = match (header.command, header.addresses) {
        (v2::Command::Proxy, v2::Addresses::IPv4(v4)) => Some(Addresses::new(
            (v4.source_address, v4.source_port),
            (v4.destination_address, v4.destination_port),
        )),
        (v2::Command::Proxy, v2::Addresses::IPv6(v6)) => Some(Addresses::new(
            (v6.source_address, v6.source_port),
            (v6.destination_address, v6.destination_port),
        )),
        (v2::Command::Proxy, v2::Addresses::Unix(_) | v2::Addresses::Unspecified)
        | (v2::Command::Local, _) => None,
    };
    // PROXY protocol 2.2: of a LOCAL connection nothing else is looked at.
    let is_encrypted = header.command == v2::Command::Proxy
        && header.tlvs().flatten().any(|tlv| {
            tlv.kind == PP2_TYPE_SSL
                && tlv.value.first().is_some_and(|flags| flags & PP2_CLIENT_SSL != 0)
        });
    let encryption = if is_encrypted { Encryption::Tls } else { Encryption::Unknown };
    ProxyHeader { ends, encryption }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn ends(client: &str, server: &str) -> ProxyHeader {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let ends = Some(Addresses::new(address(client), address(server)));
        ProxyHeader { ends, encryption: Encryption::Unknown }
    }

    fn of_v4(command: u8, more: &[u8]) -> Vec<u8> {
        let length = (12 + more.len() as u16).to_be_bytes();
        let addresses = [192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 80];
        [V2, &[command, 0x11], &length, &addresses, more].concat()
    }

    #[tokio::test]
    async fn headers_of_both_versions_are_understood_and_what_follows_is_kept() {
        let of_v6 = [V2, &[0x21, 0x21, 0, 36], &[0xfe; 16], &[0; 16], &[0, 1, 0, 80]].concat();
        let of_version_4 = || ends("192.0.2.7:4660", "192.0.2.1:80");
        let encrypted = ProxyHeader { encryption: Encryption::Tls, ..of_version_4() };
        let nobody = ProxyHeader { ends: None, encryption: Encryption::Unknown };
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\n".to_vec(), of_version_4()),
            (b"PROXY TCP6 2001:db8::1 ::1 5 80\r\n".to_vec(), ends("[2001:db8::1]:5", "[::1]:80")),
            (b"PROXY UNKNOWN\r\n".to_vec(), nobody),
            (of_v4(0x21, &[]), of_version_4()),
            (of_v4(0x21, &[PP2_TYPE_SSL, 0, 5, 1, 0, 0, 0, 0]), encrypted),
            (of_v4(0x20, &[]), nobody),
            (of_v4(0x20, &[PP2_TYPE_SSL, 0, 5, 1, 0, 0, 0, 0]), nobody),
            (of_v6, ends("[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:1", "[::]:80")),
        ] {
            for cut in 0..=header.len() {
                let (one, other) = header.split_at(cut);
                let (proxied, rest) = read(AsyncReadExt::chain(one, other).chain(&b"GET"[..]))
                    .await
                    .unwrap_or_else(|error| panic!("{header:?} cut at {cut}: {error}"));
                assert_eq!(proxied, expected, "{header:?}");
                // What has come by then, and no octet of the header.
                assert!(b"GET".starts_with(&rest), "{rest:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_an_error() {
        let endless = [V2, &[0x21, 0x11, 0xff, 0xff], &[0; 70_000]].concat();
        for wrong in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.7",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 99999 80\r\n",
            b"PROXY TCP4 somebody 192.0.2.1 1 80\r\n",
            &[b'P'; 200],
            &[V2, &[0x31, 0x11, 0, 0]].concat(),
            &endless,
            b"",
        ] {
            assert!(read(wrong).await.is_err(), "{:?}", &wrong[..wrong.len().min(50)]);
        }
    }
}

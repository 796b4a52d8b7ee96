//! The PROXY protocol, versions 1 and 2. Before anything else, a proxy sends a header with the addresses of its client.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The maximum length of a header, in bytes. Addresses take at most 232 bytes. The rest is for TLVs.
const MAX_HEADER: usize = 2048;

/// The maximum length of a version 1 header, in bytes (PROXY protocol 2.1).
const MAX_V1_HEADER: usize = 107;

/// The type of the TLV that describes TLS between client and proxy (PROXY protocol 2.2.6), and the bit in the TLV's
/// first byte that is set if the client used TLS.
const PP2_TYPE_SSL: u8 = 0x20;
const PP2_CLIENT_SSL: u8 = 0x01;

/// The PROXY protocol header of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProxyHeader {
    /// `None` if the proxy itself is the client, as in a health check, or if it does not know the client's addresses.
    pub(super) addresses: Option<Addresses>,
    pub(super) encryption: Encryption,
}

/// Both ends of the connection between client and proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) client: SocketAddr,
    /// The address that the client has connected to.
    pub(super) server: SocketAddr,
}

impl Addresses {
    fn new(client: impl Into<SocketAddr>, server: impl Into<SocketAddr>) -> Self {
        Self { client: client.into(), server: server.into() }
    }
}

/// Whether the client uses TLS to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    Unknown,
    Tls,
}

/// Reads the header. Returns the header, and the bytes that were read after it.
///
/// # Errors
///
/// Returns an error if the stream does not begin with a header, or if the header is too long.
///
/// # Cancel safety
///
/// Not cancel safe: bytes that were read are lost with the future.
pub(super) async fn read(mut stream: impl AsyncRead + Unpin) -> Result<(ProxyHeader, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(MAX_HEADER);
    loop {
        let room = (MAX_HEADER - bytes.len()) as u64;
        if (&mut stream).take(room).read_buf(&mut bytes).await? == 0 {
            // Some health checks connect and send nothing. To avoid a warning about them, this error is not
            // `InvalidData`.
            if bytes.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            return Err(Error::new(ErrorKind::InvalidData, "no PROXY protocol header"));
        }
        if let Some((header, length)) = parse(&bytes)? {
            bytes.drain(..length);
            return Ok((header, bytes));
        }
    }
}

/// Parses the header. Returns it with its length, or `None` if it is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>> {
    // Version 1 is one line. The parser must get the whole line, because it rejects a line that ends within a number.
    if bytes.len() < MAX_V1_HEADER && bytes.starts_with(b"PROXY") && !bytes.contains(&b'\n') {
        return Ok(None);
    }
    let header = HeaderResult::parse(bytes);
    if header.is_incomplete() {
        return Ok(None);
    }
    match header {
        HeaderResult::V1(header) => {
            let header = header.map_err(invalid)?;
            Ok(Some((from_v1(&header), header.header.len())))
        }
        HeaderResult::V2(header) => {
            let header = header.map_err(invalid)?;
            Ok(Some((from_v2(&header), header.len())))
        }
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

fn from_v1(header: &v1::Header<'_>) -> ProxyHeader {
    let addresses = match header.addresses {
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
    ProxyHeader { addresses, encryption: Encryption::Unknown }
}

fn from_v2(header: &v2::Header<'_>) -> ProxyHeader {
    let addresses = match (header.command, header.addresses) {
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
    // PROXY protocol 2.2: for a LOCAL connection, the rest of the header is ignored.
    let is_encrypted = header.command == v2::Command::Proxy
        && header.tlvs().flatten().any(|tlv| {
            tlv.kind == PP2_TYPE_SSL
                && tlv.value.first().is_some_and(|flags| flags & PP2_CLIENT_SSL != 0)
        });
    let encryption = if is_encrypted { Encryption::Tls } else { Encryption::Unknown };
    ProxyHeader { addresses, encryption }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn header(client: &str, server: &str) -> ProxyHeader {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let addresses = Some(Addresses::new(address(client), address(server)));
        ProxyHeader { addresses, encryption: Encryption::Unknown }
    }

    fn v4_header(command: u8, more: &[u8]) -> Vec<u8> {
        let length = (12 + more.len() as u16).to_be_bytes();
        let addresses = [192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 80];
        [V2, &[command, 0x11], &length, &addresses, more].concat()
    }

    #[tokio::test]
    async fn headers_of_both_versions_are_parsed_and_the_rest_is_kept() {
        let v6 = [V2, &[0x21, 0x21, 0, 36], &[0xfe; 16], &[0; 16], &[0, 1, 0, 80]].concat();
        let v4 = || header("192.0.2.7:4660", "192.0.2.1:80");
        let encrypted = ProxyHeader { encryption: Encryption::Tls, ..v4() };
        let none = ProxyHeader { addresses: None, encryption: Encryption::Unknown };
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\n".to_vec(), v4()),
            (
                b"PROXY TCP6 2001:db8::1 ::1 5 80\r\n".to_vec(),
                header("[2001:db8::1]:5", "[::1]:80"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), none),
            (v4_header(0x21, &[]), v4()),
            (v4_header(0x21, &[PP2_TYPE_SSL, 0, 5, 1, 0, 0, 0, 0]), encrypted),
            (v4_header(0x20, &[]), none),
            (v4_header(0x20, &[PP2_TYPE_SSL, 0, 5, 1, 0, 0, 0, 0]), none),
            (v6, header("[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:1", "[::]:80")),
        ] {
            for cut in 0..=header.len() {
                let (one, other) = header.split_at(cut);
                let (parsed, rest) = read(AsyncReadExt::chain(one, other).chain(&b"GET"[..]))
                    .await
                    .unwrap_or_else(|error| panic!("{header:?} cut at {cut}: {error}"));
                assert_eq!(parsed, expected, "{header:?}");
                // The rest contains only what arrived after the header, and no bytes of the header.
                assert!(b"GET".starts_with(&rest), "{rest:?}");
            }
        }
    }

    #[tokio::test]
    async fn anything_but_a_header_is_an_error() {
        let endless = [V2, &[0x21, 0x11, 0xff, 0xff], &[0; 70_000]].concat();
        for input in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.7",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 99999 80\r\n",
            b"PROXY TCP4 somebody 192.0.2.1 1 80\r\n",
            &[b'P'; 200],
            &[V2, &[0x31, 0x11, 0, 0]].concat(),
            &endless,
            b"",
        ] {
            assert!(read(input).await.is_err(), "{:?}", &input[..input.len().min(50)]);
        }
    }
}

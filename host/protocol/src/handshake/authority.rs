//! A host and a port, as in `Host`, in an origin and in the headers of proxies (RFC 3986 §3.2, without user
//! information).

use core::net::Ipv6Addr;

/// A host and an optional port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// The host in lower case. An IPv6 address is in its shortest form, in brackets.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Parses an authority. A colon need not be followed by a port (RFC 3986 §3.2.3).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_port(text)?;
        let port = match port {
            Some("") | None => None,
            Some(port) => Some(parse_port(port)?),
        };
        Some(Self { host: parse_host(host)?, port })
    }
}

/// Splits at the colon before the port. A colon inside the brackets of an IPv6 address does not count.
pub(crate) fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let end = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.find(']')? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    match text.split_at(end) {
        (host, "") => Some((host, None)),
        (host, port) => Some((host, Some(port.strip_prefix(':')?))),
    }
}

/// Parses a port of digits only. `str::parse` would also accept a sign.
pub(crate) fn parse_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

pub(crate) fn parse_host(text: &str) -> Option<String> {
    if let Some(address) = text.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    // Letters outside ASCII arrive as punycode. `%` and `_` occur in real names.
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%');
    (!text.is_empty() && text.bytes().all(is_name)).then(|| text.to_ascii_lowercase())
}

//! The elements of a `Forwarded` header (RFC 7239 §4), and the iteration over a list of them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::valid_host;
use crate::handshake::Scheme;
use crate::handshake::authority::{parse_port, split_port};
use crate::handshake::headers::{is_token, unquote};

/// A node with a known address (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

/// What one proxy reports about a request that it received.
#[derive(Debug)]
pub(super) struct Element {
    /// The sender of the request, or `None` if it is hidden or missing.
    pub(super) hop: Option<Hop>,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<String>,
}

impl Element {
    /// Parses pairs of a token and a value, separated by semicolons (§4). Returns `None` for anything else, and also if
    /// `for`, `proto` or `host` is repeated.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut node, mut scheme, mut host) = (None, None, None);
        let mut rest = Some(text);
        while let Some(pair) = rest {
            // §4: a pair may be empty.
            let pair = pair.trim_start_matches([';', ' ', '\t']);
            if pair.is_empty() {
                break;
            }
            let (name, after) = pair.split_once('=')?;
            let (value, after) = split_value(after)?;
            let name = name.trim();
            let field = match () {
                () if name.eq_ignore_ascii_case("for") => Some(&mut node),
                () if name.eq_ignore_ascii_case("proto") => Some(&mut scheme),
                () if name.eq_ignore_ascii_case("host") => Some(&mut host),
                () if is_token(name) => None,
                () => return None,
            };
            if field.is_some_and(|field| field.replace(value).is_some()) {
                return None;
            }
            rest = after;
        }
        Some(Self {
            hop: node.as_deref().and_then(hop),
            scheme: scheme.as_deref().and_then(Scheme::from_name),
            host: host.as_deref().and_then(valid_host),
        })
    }
}

/// Parses an address with an optional port (§6). If there is no port, the brackets around an IPv6 address may be
/// missing. In `X-Forwarded-For`, they are always missing.
pub(super) fn hop(node: &str) -> Option<Hop> {
    let known = |address: IpAddr, port| Hop { address: address.to_canonical(), port };
    if let Ok(address) = node.parse::<Ipv6Addr>() {
        return Some(known(address.into(), None));
    }
    let (address, port) = split_port(node)?;
    let address = match address.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into(),
        None => address.parse::<Ipv4Addr>().ok()?.into(),
    };
    match port {
        // §6.3: the port may be hidden even if the address is not.
        Some(port) if port.starts_with('_') => Some(known(address, None)),
        Some(port) => Some(known(address, Some(parse_port(port)?))),
        None => Some(known(address, None)),
    }
}

/// Iterates over the elements of a list that may span several lines, beginning with the last element. Yields `None` for
/// an unreadable line.
///
/// The list is split from the right. Otherwise a client could leave a quote open, and thereby hide the elements that
/// proxies appended after it.
pub(super) fn elements_from_the_right(
    headers: &HeaderMap,
    name: HeaderName,
) -> impl Iterator<Item = Option<&str>> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line: &HeaderValue| {
        let (unreadable, line) = match line.to_str() {
            Ok(line) => (None, line),
            Err(_) => (Some(None), ""),
        };
        let mut rest = Some(line);
        let elements = std::iter::from_fn(move || {
            let (before, element) = split_last(rest?);
            rest = before;
            Some(element.trim())
        });
        unreadable.into_iter().chain(elements.filter(|element| !element.is_empty()).map(Some))
    })
}

/// Splits at the last comma that is not quoted.
fn split_last(line: &str) -> (Option<&str>, &str) {
    let bytes = line.as_bytes();
    let mut is_quoted = false;
    let mut index = bytes.len();
    while let Some(before) = index.checked_sub(1) {
        index = before;
        match bytes[before] {
            b'"' => {
                let escapes =
                    bytes[..before].iter().rev().take_while(|byte| **byte == b'\\').count();
                // RFC 9110 §5.6.4: a quote after a backslash does not end the string.
                if escapes % 2 == 0 {
                    is_quoted = !is_quoted;
                }
            }
            b',' if !is_quoted => return (Some(&line[..before]), &line[before + 1..]),
            _ => {}
        }
    }
    (None, line)
}

/// Splits off the value at the front. Returns it with the text after the next semicolon.
fn split_value(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = match text.split_once(';') {
            Some((value, after)) => (value, Some(after)),
            None => (text, None),
        };
        let value = value.trim();
        // The RFC requires quotes around values with colons and brackets, but they are often missing.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        let is_value = !value.is_empty() && value.bytes().all(is_plain);
        return is_value.then_some((Cow::Borrowed(value), after));
    };
    let (value, after) = unquote(quoted)?;
    match after.trim_start().strip_prefix(';') {
        Some(after) => Some((value, Some(after))),
        None => after.trim_start().is_empty().then_some((value, None)),
    }
}

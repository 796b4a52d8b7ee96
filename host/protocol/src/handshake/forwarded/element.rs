//! One element of a `Forwarded` header (RFC 7239 §4), and the lists that elements stand in.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::known_host;
use crate::handshake::Scheme;
use crate::handshake::authority::{parse_port, split_port};
use crate::handshake::headers::is_token;

/// A node that is known by its address (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

/// What one proxy tells of a request that it received.
#[derive(Debug)]
pub(super) struct Element {
    /// From whom; `None` if that is hidden or not told.
    pub(super) hop: Option<Hop>,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<String>,
}

impl Element {
    /// §4: pairs of a token and a value, with semicolons between. `None` if there is anything else,
    /// or one of the three names twice.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut node, mut scheme, mut host) = (None, None, None);
        let mut rest = Some(text);
        while let Some(pair) = rest {
            // §4: a pair may be left out.
            let pair = pair.trim_start_matches([';', ' ', '\t']);
            if pair.is_empty() {
                break;
            }
            let (name, behind) = pair.split_once('=')?;
            let (value, behind) = split_value(behind)?;
            let name = name.trim();
            let place = match () {
                () if name.eq_ignore_ascii_case("for") => Some(&mut node),
                () if name.eq_ignore_ascii_case("proto") => Some(&mut scheme),
                () if name.eq_ignore_ascii_case("host") => Some(&mut host),
                () if is_token(name) => None,
                () => return None,
            };
            if place.is_some_and(|place| place.replace(value).is_some()) {
                return None;
            }
            rest = behind;
        }
        Some(Self {
            hop: node.as_deref().and_then(hop),
            scheme: scheme.as_deref().and_then(Scheme::from_name),
            host: host.as_deref().and_then(known_host),
        })
    }
}

/// §6: an address, perhaps with a port. Brackets around IPv6 may be missing when there is no port,
/// as in `X-Forwarded-For` they always are.
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
        // §6.3: a port may be hidden as well, and the address still be true.
        Some(port) if port.starts_with('_') => Some(known(address, None)),
        Some(port) => Some(known(address, Some(parse_port(port)?))),
        None => Some(known(address, None)),
    }
}

/// The elements of a list over all lines, the last one first; `None` for a line that cannot be read.
///
/// They are split from the right, so that a quote which a client has left open cannot swallow what
/// the proxies wrote behind it.
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
    let octets = line.as_bytes();
    let mut is_quoted = false;
    let mut index = octets.len();
    while let Some(before) = index.checked_sub(1) {
        index = before;
        match octets[before] {
            b'"' => {
                let escapes =
                    octets[..before].iter().rev().take_while(|octet| **octet == b'\\').count();
                // RFC 9110 §5.6.4: a quote behind a backslash does not end the text.
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

/// A value at the front, and what stands behind the semicolon after it.
fn split_value(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = match text.split_once(';') {
            Some((value, behind)) => (value, Some(behind)),
            None => (text, None),
        };
        let value = value.trim();
        // Colons and brackets ought to be quoted and often are not.
        let is_plain = |octet: u8| octet.is_ascii_graphic() && octet != b'"';
        let is_value = !value.is_empty() && value.bytes().all(is_plain);
        return is_value.then_some((Cow::Borrowed(value), behind));
    };
    let (value, behind) = unquote(quoted)?;
    match behind.trim_start().strip_prefix(';') {
        Some(behind) => Some((value, Some(behind))),
        None => behind.trim_start().is_empty().then_some((value, None)),
    }
}

/// Text up to the closing quote (RFC 9110 §5.6.4), and what stands behind it.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), &text[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

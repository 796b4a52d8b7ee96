//! Parsing of header values (RFC 9110 §5.6): tokens, quoted strings, and lists over any number of lines.

use std::borrow::Cow;
use std::collections::HashSet;

use http::header::{
    AsHeaderName, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING, UPGRADE,
};

/// Returns whether this header is reserved for the handshake: either the handshake defines the header, or the header
/// frames the response.
pub fn belongs_to_handshake(name: &HeaderName) -> bool {
    [CONNECTION, UPGRADE, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

/// The value of a header that may occur only once.
pub(crate) enum Single<'a> {
    Missing,
    Value(&'a str),
    /// The header is repeated, or is not visible ASCII.
    Malformed,
}

pub(crate) fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Single<'_> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Single::Missing,
        (Some(Ok(value)), None) => Single::Value(value.trim()),
        (Some(_), _) => Single::Malformed,
    }
}

/// Returns the elements of a comma-separated list, from all lines of the header. Returns `None` if a line is not
/// visible ASCII. Skips empty elements, as RFC 9110 §5.6.1.2 requires of a recipient.
pub(crate) fn list(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Vec<&str>> {
    let mut elements = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().ok()?;
        elements.extend(line.split(',').map(str::trim).filter(|element| !element.is_empty()));
    }
    Some(elements)
}

/// Returns the names of a list without duplicates, in the order of their first occurrences.
pub(crate) fn unique<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // A set is used, because comparing each name with every other would take quadratic time for a long header.
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}

/// Returns whether a list contains a token, ignoring case.
pub(crate) fn has_token(headers: &HeaderMap, name: impl AsHeaderName, token: &str) -> bool {
    list(headers, name)
        .is_some_and(|elements| elements.iter().any(|element| element.eq_ignore_ascii_case(token)))
}

/// Returns whether `text` is a token (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Reads a quoted string after its opening quote (RFC 9110 §5.6.4). Returns the unescaped text, and the rest after the
/// closing quote.
pub(crate) fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
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

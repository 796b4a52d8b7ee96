//! Headers as RFC 9110 §5.6 reads them: lists of tokens over any number of lines.

use std::collections::HashSet;

use http::header::{
    AsHeaderName, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING, UPGRADE,
};

/// Whether a header is the handshake's own, or says how long an answer is: nobody else sets it.
pub fn belongs_to_handshake(name: &HeaderName) -> bool {
    [CONNECTION, UPGRADE, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

/// A header that may stand once only.
pub(crate) enum Single<'a> {
    Missing,
    Value(&'a str),
    /// It stands more than once, or is not visible ASCII.
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

/// The elements of a comma-separated list, over all lines; `None` if one is not visible ASCII.
/// Empty elements are skipped, as a recipient must (RFC 9110 §5.6.1.2).
pub(crate) fn list(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Vec<&str>> {
    let mut elements = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().ok()?;
        elements.extend(line.split(',').map(str::trim).filter(|element| !element.is_empty()));
    }
    Some(elements)
}

/// The names of a list, without those that stood before.
pub(crate) fn each_once<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // A set, as comparing each with each would let a long header cost its square.
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}

/// Whether a list holds a token, in any case of letters.
pub(crate) fn has_token(headers: &HeaderMap, name: impl AsHeaderName, token: &str) -> bool {
    list(headers, name)
        .is_some_and(|elements| elements.iter().any(|element| element.eq_ignore_ascii_case(token)))
}

/// RFC 9110 §5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}

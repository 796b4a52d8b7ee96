//! The header fields of a request in the form that an application receives.

use std::borrow::Cow;
use std::iter;

use http::Request;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};

use super::Rejection;

/// Fields that may occur only once. If one were repeated, a proxy could act on the first value and the application on
/// the second. The fields of this list name the host, identify the client, or frame the request. For other fields, such
/// a difference does not matter.
const SINGLE: [&str; 13] = [
    "Host",
    "Origin",
    "Sec-WebSocket-Origin",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Key1",
    "Sec-WebSocket-Key2",
    "Authorization",
    "Proxy-Authorization",
    "Content-Length",
    "X-Forwarded-Host",
    "X-Forwarded-User",
    "X-Real-IP",
    "CF-Connecting-IP",
];

/// Request fields that are defined as lists (RFC 9110 §5.6.1) or dictionaries (RFC 9651 §3.2), in lower case and
/// sorted. Several lines of one of these fields mean the same as one line (RFC 9110 §5.3).
const LISTS: [&str; 44] = [
    "a-im",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "baggage",
    "cache-control",
    "cdn-loop",
    "client-cert-chain",
    "connection",
    "content-digest",
    "content-encoding",
    "content-language",
    "expect",
    "forwarded",
    "if-match",
    "if-none-match",
    "keep-alive",
    "link",
    "pragma",
    "prefer",
    "priority",
    "repr-digest",
    "sec-ch-ua",
    "sec-ch-ua-form-factors",
    "sec-ch-ua-full-version-list",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "signature",
    "signature-input",
    "te",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "want-content-digest",
    "want-repr-digest",
    "warning",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// Checks that no field of [`SINGLE`] is repeated.
pub(super) fn check_single(headers: &HeaderMap) -> Result<(), Rejection> {
    // Usually no field is repeated, and then there is no need to search.
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    let is_repeated = |name: &&str| headers.get_all(*name).iter().nth(1).is_some();
    match SINGLE.into_iter().find(is_repeated) {
        Some(name) => Err(Rejection::Repeated(name)),
        None => Ok(()),
    }
}

/// Returns the fields of an accepted request as the application receives them, with names in lower case. They are the
/// same for HTTP/1.1 and HTTP/2:
///
/// - If the request has an absolute target (RFC 9112 §3.2.2) or `:authority`, the host in it replaces the value of
///   `host`.
/// - Split cookies are joined (RFC 9113 §8.2.3).
/// - The lines of a field that is defined as a list are joined with commas (RFC 9110 §5.3). All other fields are
///   returned as received, and can occur several times.
pub fn fields<B>(request: &Request<B>) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
    let headers = request.headers();
    let authority = request.uri().authority();
    let host = authority.map(|host| (HOST.as_str(), Cow::Borrowed(host.as_str().as_bytes())));
    let is_replaced = move |name: &HeaderName| authority.is_some() && name == HOST;
    let mut lines = headers.iter().filter(move |(name, _)| !is_replaced(name)).peekable();
    let others = iter::from_fn(move || {
        let (name, line) = lines.next()?;
        let mut value = Cow::Borrowed(line.as_bytes());
        let is_same = |(next, _): &(&HeaderName, &HeaderValue)| *next == name;
        // Lines with the same name are adjacent. Usually there is only one, and then `LISTS` need not be searched.
        if lines.peek().is_some_and(is_same)
            && let Some(separator) = separator(name)
        {
            while let Some((_, line)) = lines.next_if(is_same) {
                let value = value.to_mut();
                value.extend_from_slice(separator);
                value.extend_from_slice(line.as_bytes());
            }
        }
        Some((name.as_str(), value))
    });
    host.into_iter().chain(others)
}

/// Returns the separator between the joined lines of a field, or `None` if its lines are not joined.
fn separator(name: &HeaderName) -> Option<&'static [u8]> {
    match name {
        cookie if cookie == COOKIE => Some(b"; "),
        list if LISTS.binary_search(&list.as_str()).is_ok() => Some(b", "),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_disjoint_from_single_fields() {
        assert!(LISTS.is_sorted());
        for name in SINGLE {
            let name = HeaderName::try_from(name).expect("a name");
            assert_eq!(separator(&name), None, "{name}");
        }
    }
}

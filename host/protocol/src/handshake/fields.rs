//! The fields of a request as an application is told them: each once, in one line.

use std::borrow::Cow;
use std::iter;

use http::Request;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};

use super::Rejection;

/// Fields that may occur once. If one is repeated, a proxy may act on the first value and the application on the
/// second. These fields name the host, identify the client, or frame the request; of other fields nothing depends.
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

/// Fields of requests that are lists (RFC 9110 §5.6.1, or as dictionaries RFC 9651 §3.2) by their definition,
/// in lower case and in order: several lines of one mean the same as one line (RFC 9110 §5.3).
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

/// No field stands twice that may stand once.
pub(super) fn check_single(headers: &HeaderMap) -> Result<(), Rejection> {
    // Mostly there are as many names as fields, and none has to be looked for.
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    let is_repeated = |name: &&str| headers.get_all(*name).iter().nth(1).is_some();
    match SINGLE.into_iter().find(is_repeated) {
        Some(name) => Err(Rejection::Repeated(name)),
        None => Ok(()),
    }
}

/// The fields of a request whose handshake is right, names in lower case, as an application is to be told
/// them. Over HTTP/1.1 and HTTP/2 they are the same:
///
/// - The host is the one that was asked for: that of an absolute target (RFC 9112 §3.2.2) or `:authority`
///   stands in the place of `host`.
/// - The crumbs of a cookie are put together again (RFC 9113 §8.2.3).
/// - The lines of a field that is a list by its definition are one line, with commas (RFC 9110 §5.3). All
///   others are told as they came, several times if they stand so.
pub fn fields<B>(request: &Request<B>) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
    let headers = request.headers();
    let authority = request.uri().authority();
    let host = authority.map(|host| (HOST.as_str(), Cow::Borrowed(host.as_str().as_bytes())));
    let is_replaced = move |name: &HeaderName| authority.is_some() && name == HOST;
    let mut lines = headers.iter().filter(move |(name, _)| !is_replaced(name)).peekable();
    let others = iter::from_fn(move || {
        let (name, line) = lines.next()?;
        let mut value = Cow::Borrowed(line.as_bytes());
        let is_more = |(next, _): &(&HeaderName, &HeaderValue)| *next == name;
        // Lines of one name stand together. Mostly there is one, and no table to be searched.
        if lines.peek().is_some_and(is_more)
            && let Some(separator) = separator(name)
        {
            while let Some((_, line)) = lines.next_if(is_more) {
                let value = value.to_mut();
                value.extend_from_slice(separator);
                value.extend_from_slice(line.as_bytes());
            }
        }
        Some((name.as_str(), value))
    });
    host.into_iter().chain(others)
}

/// What stands between the lines of a field that are one.
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
    fn tables_can_be_searched_and_say_one_thing_of_a_field() {
        assert!(LISTS.is_sorted());
        for name in SINGLE {
            let name = HeaderName::try_from(name).expect("a name");
            assert_eq!(separator(&name), None, "{name}");
        }
    }
}

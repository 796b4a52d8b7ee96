//! Advice for when a web page was not allowed to connect. A browser does not show the reason to anybody, so the log
//! explains it to the operator.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Request};
use tokio::time::Instant;
use ws_host_protocol::handshake::forwarded::Convention;

use crate::log_rate::{Line, LogRate, Quoted};
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;

const SEC_WEBSOCKET_ORIGIN: HeaderName = HeaderName::from_static("sec-websocket-origin");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers that no browser sends. A request with one of them came through a proxy.
const PROXY_HEADERS: [HeaderName; 7] = [
    FORWARDED,
    X_FORWARDED_HOST,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    http::header::VIA,
];

static LINES: LogRate = LogRate::new();

/// Warns that a page was refused, and says which setting would allow it. `forwarded_host` is the host that trusted
/// proxies report.
pub(in crate::server) fn warn(
    state: &HostState,
    resource: &str,
    request: &Request<()>,
    context: &RequestContext,
    forwarded_host: Option<&str>,
) {
    let headers = request.headers();
    let Some(origin) = headers.get(ORIGIN).or_else(|| headers.get(SEC_WEBSOCKET_ORIGIN)) else {
        return;
    };
    let Some(Line { left_out }) = LINES.line(Instant::now()) else { return };
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let own_host = authority.or_else(|| headers.get(HOST).map(|host| host.as_bytes()));
    let host = forwarded_host.map(str::as_bytes).or(own_host).unwrap_or_default();
    let origin = origin.as_bytes();
    let peer = context.peer.address.ip();
    let proxy = if context.trusts(state, peer) {
        Proxy::Trusted(state.config().forwarded_by)
    } else {
        Proxy::NotTrusted(peer)
    };
    let advice = advice(origin, host, headers, proxy);
    tracing::warn!(
        connection = context.connection.0,
        resource,
        // Formatted as quoted text, so that a client cannot make the origin look like another field of the log line.
        origin = Quoted(origin).to_string(),
        host = Quoted(host).to_string(),
        %peer,
        left_out,
        "a page was refused because its origin differs from the host that it requested: {advice}"
    );
}

/// What is known about a proxy between the browser and this host.
#[derive(Clone, Copy)]
enum Proxy {
    Trusted(Convention),
    NotTrusted(IpAddr),
}

/// Returns what to change so that the page may connect.
fn advice(origin: &[u8], host: &[u8], headers: &HeaderMap, proxy: Proxy) -> String {
    let listed = format!(
        "--origin {}, or `origins` in the configuration, allows pages of this origin",
        Quoted(origin)
    );
    let has_host = |name: &HeaderName| headers.contains_key(name);
    match proxy {
        Proxy::NotTrusted(peer) if has_host(&X_FORWARDED_HOST) || has_host(&FORWARDED) => {
            let (name, more) = match has_host(&X_FORWARDED_HOST) {
                true => ("X-Forwarded-Host", ""),
                false => ("Forwarded", " and --forwarded-by forwarded"),
            };
            format!(
                "the header {name} was ignored, because {peer} is not a trusted proxy; if it is your \
                 proxy, set --trusted-proxy {peer}{more}; otherwise {listed}"
            )
        }
        Proxy::Trusted(Convention::XForwarded | Convention::XRealIp)
            if has_host(&FORWARDED) && !has_host(&X_FORWARDED_HOST) =>
        {
            format!(
                "the proxy names the host in Forwarded, but this header is ignored: set --forwarded-by \
                 forwarded; otherwise {listed}"
            )
        }
        Proxy::Trusted(Convention::Forwarded | Convention::CfConnectingIp)
            if has_host(&X_FORWARDED_HOST) =>
        {
            format!(
                "the proxy names the host in X-Forwarded-Host, but this header is ignored: set \
                 --forwarded-by x-forwarded; otherwise {listed}"
            )
        }
        _ if PROXY_HEADERS.iter().any(has_host) || is_upstream(host, origin) => {
            let alternative = match proxy {
                Proxy::Trusted(Convention::Forwarded) => ", or send it in Forwarded".to_owned(),
                Proxy::Trusted(Convention::XForwarded | Convention::XRealIp) => {
                    ", or send it in X-Forwarded-Host".to_owned()
                }
                Proxy::NotTrusted(peer) => {
                    format!(", or send it in X-Forwarded-Host and set --trusted-proxy {peer}")
                }
                // The remaining convention is `CfConnectingIp`, which has no header for the host.
                Proxy::Trusted(_) => String::new(),
            };
            format!(
                "if there is a proxy, make it forward the Host header (nginx: proxy_set_header Host \
                 $http_host){alternative}; otherwise {listed}"
            )
        }
        _ => listed,
    }
}

/// Returns whether a host looks like the name by which a proxy reaches the server behind it. Such a name is an address,
/// a name without a dot, or the page's own host name with a different port.
fn is_upstream(host: &[u8], origin: &[u8]) -> bool {
    let name_of = |authority: &str| match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
        _ => authority.to_owned(),
    };
    let (Ok(host), Ok(origin)) = (str::from_utf8(host), str::from_utf8(origin)) else {
        return false;
    };
    let name = name_of(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let page = origin.split_once("://").map(|(_, authority)| name_of(authority));
    bare.parse::<IpAddr>().is_ok()
        || !bare.contains('.')
        || page.is_some_and(|page| page.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PAGE: &[u8] = b"https://app.example.com";
    const UNTRUSTED: Proxy = Proxy::NotTrusted(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));

    fn advice_for(host: &str, names: &[&'static str], proxy: Proxy) -> String {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.insert(*name, http::HeaderValue::from_static("x"));
        }
        advice(PAGE, host.as_bytes(), &headers, proxy)
    }

    #[test]
    fn page_of_another_site_is_let_in_by_its_origin() {
        let advice = advice_for("chat.example.com", &[], UNTRUSTED);
        let listed = "--origin https://app.example.com, or `origins` in the configuration, allows pages of this origin";
        assert_eq!(advice, listed);
    }

    #[test]
    fn proxy_that_is_not_trusted_is_named() {
        let advice = advice_for("backend:8080", &["x-forwarded-host"], UNTRUSTED);
        assert!(advice.contains("set --trusted-proxy 10.0.0.1; otherwise --origin"), "{advice}");
        let advice = advice_for("backend:8080", &["forwarded"], UNTRUSTED);
        let expected = "--trusted-proxy 10.0.0.1 and --forwarded-by forwarded";
        assert!(advice.contains(expected), "{advice}");
    }

    #[test]
    fn headers_of_another_convention_are_named() {
        let trusted = Proxy::Trusted(Convention::XForwarded);
        let advice = advice_for("backend", &["forwarded"], trusted);
        assert!(advice.contains("--forwarded-by forwarded"), "{advice}");
        let trusted = Proxy::Trusted(Convention::CfConnectingIp);
        let advice = advice_for("backend", &["x-forwarded-host"], trusted);
        assert!(advice.contains("--forwarded-by x-forwarded"), "{advice}");
    }

    #[test]
    fn proxy_that_replaces_the_host_gets_advice_to_forward_it() {
        for host in ["backend", "backend:8080", "10.0.0.9:80", "[::1]:80", "app.example.com:8080"] {
            let advice = advice_for(host, &[], UNTRUSTED);
            assert!(advice.contains("proxy_set_header Host $http_host"), "{host}: {advice}");
            assert!(advice.contains("--trusted-proxy 10.0.0.1"), "{host}: {advice}");
        }
        let advice = advice_for("chat.example.com", &["x-forwarded-for"], UNTRUSTED);
        assert!(advice.contains("proxy_set_header Host"), "{advice}");
        let trusted = Proxy::Trusted(Convention::XForwarded);
        let advice = advice_for("backend", &["x-forwarded-for"], trusted);
        assert!(advice.contains("X-Forwarded-Host"), "{advice}");
        assert!(!advice.contains("--trusted-proxy"), "{advice}");
    }
}

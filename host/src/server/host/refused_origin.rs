//! A page that may not connect: its browser tells nobody why, so the log tells whoever runs the server.

use std::net::IpAddr;
use std::time::Instant;

use http::header::{FORWARDED, HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Request};
use ws_host_protocol::handshake::forwarded::Convention;

use super::HostState;
use super::request::RequestContext;
use crate::log_rate::{Line, LogRate, Quoted};

const SEC_WEBSOCKET_ORIGIN: HeaderName = HeaderName::from_static("sec-websocket-origin");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers that no browser sends: whoever has them came through a proxy.
const OF_PROXIES: [HeaderName; 7] = [
    FORWARDED,
    X_FORWARDED_HOST,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    http::header::VIA,
];

static LINES: LogRate = LogRate::new();

/// Warns that a page was refused, and says what to set if it should not have been. `told_host` is the host that
/// trusted proxies tell.
pub(in crate::server) fn warn(
    state: &HostState,
    resource: &str,
    request: &Request<()>,
    context: &RequestContext,
    told_host: Option<&str>,
) {
    let headers = request.headers();
    let Some(origin) = headers.get(ORIGIN).or_else(|| headers.get(SEC_WEBSOCKET_ORIGIN)) else {
        return;
    };
    let Some(Line { left_out }) = LINES.line(Instant::now()) else { return };
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let own_host = authority.or_else(|| headers.get(HOST).map(|host| host.as_bytes()));
    let host = told_host.map(str::as_bytes).or(own_host).unwrap_or_default();
    let origin = origin.as_bytes();
    let peer = context.peer.address.ip();
    let proxy = if context.believes(state, peer) {
        Proxy::Trusted(state.config().forwarded_by)
    } else {
        Proxy::NotTrusted(peer)
    };
    let advice = advice(origin, host, headers, proxy);
    tracing::warn!(
        resource,
        origin = %Quoted(origin),
        host = %Quoted(host),
        %peer,
        left_out,
        "a page was refused, as its origin is not the host that it asked for: {advice}"
    );
}

/// Who a proxy in front would be.
#[derive(Clone, Copy)]
enum Proxy {
    Trusted(Convention),
    NotTrusted(IpAddr),
}

/// What would let the page in.
fn advice(origin: &[u8], host: &[u8], headers: &HeaderMap, proxy: Proxy) -> String {
    let listed = format!(
        "--origin {}, or `origins` in the configuration, lets its pages in",
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
                "{name} tells of a host, and {peer} is not trusted to; if that is your proxy, set \
                 --trusted-proxy {peer}{more}; otherwise {listed}"
            )
        }
        Proxy::Trusted(Convention::XForwarded | Convention::XRealIp)
            if has_host(&FORWARDED) && !has_host(&X_FORWARDED_HOST) =>
        {
            format!(
                "the proxy tells of a host in Forwarded, which --forwarded-by forwarded believes; \
                 otherwise {listed}"
            )
        }
        Proxy::Trusted(Convention::Forwarded | Convention::CfConnectingIp)
            if has_host(&X_FORWARDED_HOST) =>
        {
            format!(
                "the proxy tells of a host in X-Forwarded-Host, which --forwarded-by x-forwarded \
                 believes; otherwise {listed}"
            )
        }
        _ if OF_PROXIES.iter().any(has_host) || is_upstream(host, origin) => {
            let or_tell = match proxy {
                Proxy::Trusted(Convention::Forwarded) => ", or tell it in Forwarded".to_owned(),
                Proxy::Trusted(Convention::XForwarded | Convention::XRealIp) => {
                    ", or tell it in X-Forwarded-Host".to_owned()
                }
                Proxy::NotTrusted(peer) => {
                    format!(", or tell it in X-Forwarded-Host and set --trusted-proxy {peer}")
                }
                // These headers tell of no host.
                Proxy::Trusted(_) => String::new(),
            };
            format!(
                "if a proxy is in front, let it pass Host on (nginx: proxy_set_header Host \
                 $http_host){or_tell}; otherwise {listed}"
            )
        }
        _ => listed,
    }
}

/// Whether a host looks like the name that a proxy has for the server behind it: an address, a name of this
/// network alone, or the host of the page on another port.
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
    const STRANGER: Proxy = Proxy::NotTrusted(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));

    fn advice_for(host: &str, names: &[&'static str], proxy: Proxy) -> String {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.insert(*name, http::HeaderValue::from_static("x"));
        }
        advice(PAGE, host.as_bytes(), &headers, proxy)
    }

    #[test]
    fn page_of_another_site_is_let_in_by_its_origin() {
        let told = advice_for("chat.example.com", &[], STRANGER);
        let listed = "--origin https://app.example.com, or `origins` in the configuration, lets its pages in";
        assert_eq!(told, listed);
    }

    #[test]
    fn proxy_that_is_not_trusted_is_named() {
        let told = advice_for("backend:8080", &["x-forwarded-host"], STRANGER);
        assert!(told.contains("set --trusted-proxy 10.0.0.1; otherwise --origin"), "{told}");
        let told = advice_for("backend:8080", &["forwarded"], STRANGER);
        assert!(told.contains("--trusted-proxy 10.0.0.1 and --forwarded-by forwarded"), "{told}");
    }

    #[test]
    fn headers_of_another_convention_are_named() {
        let trusted = Proxy::Trusted(Convention::XForwarded);
        let told = advice_for("backend", &["forwarded"], trusted);
        assert!(told.contains("--forwarded-by forwarded"), "{told}");
        let trusted = Proxy::Trusted(Convention::CfConnectingIp);
        let told = advice_for("backend", &["x-forwarded-host"], trusted);
        assert!(told.contains("--forwarded-by x-forwarded"), "{told}");
    }

    #[test]
    fn proxy_that_replaces_the_host_is_told_how_not_to() {
        for host in ["backend", "backend:8080", "10.0.0.9:80", "[::1]:80", "app.example.com:8080"] {
            let told = advice_for(host, &[], STRANGER);
            assert!(told.contains("proxy_set_header Host $http_host"), "{host}: {told}");
            assert!(told.contains("--trusted-proxy 10.0.0.1"), "{host}: {told}");
        }
        let told = advice_for("chat.example.com", &["x-forwarded-for"], STRANGER);
        assert!(told.contains("proxy_set_header Host"), "{told}");
        let trusted = Proxy::Trusted(Convention::XForwarded);
        let told = advice_for("backend", &["x-forwarded-for"], trusted);
        assert!(told.contains("X-Forwarded-Host") && !told.contains("--trusted-proxy"), "{told}");
    }
}

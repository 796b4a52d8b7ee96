//! Checks with arbitrary headers that nothing panics and that accepted handshakes follow the rules.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use ws_host_protocol::handshake::client::{Handshake, Http2Handshake};
use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::server::{Rules, Upgrade};
use ws_host_protocol::handshake::{
    Origins, Rejection, Scheme, Version, Versions, fields, forwarded, server,
};
use ws_host_protocol::{Deflate, PerMessageDeflate};

/// The relevant headers. The input chooses one by its index.
const NAMES: [&str; 22] = [
    "host",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "origin",
    "content-length",
    "transfer-encoding",
    "sec-websocket-extensions",
    "sec-websocket-origin",
    "sec-websocket-key1",
    "sec-websocket-key2",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "cookie",
    "authorization",
    "x-real-ip",
    "cf-connecting-ip",
];

fuzz_target!(|data: &[u8]| {
    // Start with a valid request of our own client. Each line of the input, an index and a value, changes a header.
    let handshake = Handshake::new(*b"the sample nonce", vec!["chat".to_owned()]);
    let Ok(mut request) = handshake.request("example.com", http::Uri::from_static("/")) else {
        return;
    };
    for line in data.split(|byte| *byte == b'\n') {
        change(&mut request, line);
    }
    check_answers(&handshake, &request);
    let versions: Versions = (0..=13).filter_map(Version::from_number).collect();
    let client = find_client(&request);
    for origins in [Origins::default(), Origins::any()] {
        for host in [None, client.host.as_deref()] {
            let mut rules = Rules::new(&origins, &versions);
            (rules.host, rules.scheme) = (host, Scheme::Https);
            let mut upgrade = server::check(&request, &rules);
            if let Ok(upgrade) = &mut upgrade {
                let agreed = upgrade.accept_deflate(&Deflate::with_context_takeover());
                let answer = upgrade.response(None);
                assert!(answer.is_ok_and(|answer| {
                    answer.headers().contains_key("sec-websocket-extensions") == agreed.is_some()
                }));
                assert!(request.headers().contains_key("sec-websocket-key"));
                assert!(upgrade.version() != Version::Draft00 && upgrade.trailer().is_empty());
            }
            check(&request, &upgrade, &versions);
            let upgrade = server::check_draft00(&request, *b"^n:ds[4U", &rules);
            if let Ok(upgrade) = &upgrade {
                assert!(request.headers().contains_key("sec-websocket-key1"));
                assert_eq!(upgrade.trailer().len(), 16);
            }
            check(&request, &upgrade, &versions);
            check_http2(&request, &rules);
        }
    }
});

/// Uses the headers in an extended CONNECT. An accepted request must have a response, and no response may have a
/// connection header.
fn check_http2(request: &Request<()>, rules: &Rules<'_>) {
    let mut connect = Request::connect("https://example.com/").body(()).expect("a request");
    *connect.headers_mut() = request.headers().clone();
    let answer = match server::check_http2(&connect, Some("websocket"), rules) {
        Ok(upgrade) => {
            assert!(upgrade.version() == Version::Rfc6455 && upgrade.trailer().is_empty());
            upgrade.response(None).expect("none is always right")
        }
        Err(rejection) => rejection.http2_response(rules.versions),
    };
    assert!(answer.status().is_success() || answer.status().is_client_error());
    assert!(!answer.headers().contains_key("connection"));
    assert!(!answer.headers().contains_key("upgrade"));
}

/// Uses the headers in a response to our own offer.
fn check_answers(handshake: &Handshake, request: &Request<()>) {
    let settings = Deflate::default();
    let offering = handshake.clone().offer_deflate(settings);
    let mut answer = http::Response::new(());
    *answer.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = request.headers().clone();
    // The accept key of the handshake's nonce.
    let accept = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    answer.headers_mut().insert("sec-websocket-accept", accept);
    let agreed = |agreed: &PerMessageDeflate| {
        assert_eq!(agreed.incoming().context, settings.incoming.context, "as offered");
    };
    if let Ok(accepted) = offering.check(&answer) {
        accepted.deflate.iter().for_each(agreed);
    }
    if let Ok(accepted) = handshake.check(&answer) {
        assert_eq!(accepted.deflate, None);
    }
    *answer.status_mut() = http::StatusCode::OK;
    let http2 = Http2Handshake::new(vec!["chat".to_owned()]);
    if let Ok(accepted) = http2.offer_deflate(settings).check(&answer) {
        accepted.deflate.iter().for_each(agreed);
    }
}

fn check(request: &Request<()>, upgrade: &Result<Upgrade, Rejection>, versions: &Versions) {
    match upgrade {
        Ok(upgrade) => {
            assert!(request.headers().contains_key("host"));
            for once in ["host", "cookie", "x-forwarded-for", "origin", "authorization"] {
                assert!(fields(request).filter(|(name, _)| *name == once).count() <= 1, "{once}");
            }
            assert!(!request.headers().contains_key("transfer-encoding"));
            for offered in upgrade.subprotocols() {
                assert!(upgrade.response(Some(offered)).is_ok(), "{offered:?}");
            }
            assert!(upgrade.response(None).is_ok());
        }
        Err(rejection) => {
            assert!(rejection.response(versions).status().is_client_error());
            assert!(!rejection.to_string().is_empty());
        }
    }
}

/// Finds the client behind an untrusted and behind a trusted peer. Returns the latter.
fn find_client(request: &Request<()>) -> forwarded::Forwarded {
    let peer = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
    let has = |name: &str| request.headers().contains_key(name);
    let convention = match () {
        () if has("forwarded") => Convention::Forwarded,
        () if has("x-real-ip") => Convention::XRealIp,
        () if has("cf-connecting-ip") => Convention::CfConnectingIp,
        () => Convention::XForwarded,
    };
    let untrusted = forwarded::client(request, peer, convention, |_| false);
    assert!(untrusted.address == peer && untrusted.host.is_none() && untrusted.scheme.is_none());
    let is_trusted = |address: IpAddr| address.to_string().starts_with("10.");
    forwarded::client(request, peer, convention, is_trusted)
}

fn change(request: &mut Request<()>, line: &[u8]) {
    let [number, value @ ..] = line else { return };
    let name = HeaderName::from_static(NAMES[usize::from(*number & 0x7f) % NAMES.len()]);
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    if number & 0x80 == 0 {
        request.headers_mut().insert(name, value);
    } else {
        request.headers_mut().append(name, value);
    }
}

use http::uri::Parts;
use http::{Method, Request, Response, StatusCode, Uri};

use super::GoodRequest;
use crate::Deflate;
use crate::handshake::client::{HandshakeError, Http2Handshake};
use crate::handshake::server::{self, Rules, Upgrade};
use crate::handshake::{
    Origins,
    Rejection::{self, *},
    Scheme, Version, Versions,
};

/// The request of RFC 8441 §5.1, from a page of the same host.
fn request() -> Request<()> {
    Request::connect("https://server.example.com/chat")
        .header("Sec-WebSocket-Protocol", "chat, superchat")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .header("Sec-WebSocket-Version", "13")
        .header("Origin", "https://server.example.com")
        .body(())
        .expect("a request")
}

const GOOD: GoodRequest = GoodRequest(request);

/// Returns the same request for another URI.
fn of(uri: impl TryInto<Uri>) -> Request<()> {
    let mut request = request();
    *request.uri_mut() = uri.try_into().ok().expect("a URI");
    request
}

fn check_for(request: &Request<()>, protocol: Option<&str>) -> Result<Upgrade, Rejection> {
    super::with_rules(|_| {}, |rules| server::check_http2(request, protocol, rules))
}

fn check(request: &Request<()>) -> Result<Upgrade, Rejection> {
    check_for(request, Some("websocket"))
}

/// Checks a request as a server that supports these versions.
fn check_where(versions: &Versions, request: &Request<()>) -> Result<Upgrade, Rejection> {
    let origins = Origins::default();
    let rules = Rules { origins: &origins, versions, host: None, scheme: Scheme::Https };
    server::check_http2(request, Some("websocket"), &rules)
}

#[track_caller]
fn refuses(request: &Request<()>, rejection: Rejection, status: u16) -> Response<()> {
    assert_eq!(check(request), Err(rejection));
    answers(rejection, status)
}

#[track_caller]
fn answers(rejection: Rejection, status: u16) -> Response<()> {
    let response = rejection.http2_response(&Versions::default());
    assert_eq!(response.status().as_u16(), status);
    has_no_connection_header(&response);
    response
}

/// Asserts that a response has no connection header (RFC 9113 §8.2.2).
#[track_caller]
fn has_no_connection_header(response: &Response<()>) {
    for name in ["connection", "upgrade", "sec-websocket-accept", "transfer-encoding"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
}

#[test]
fn request_of_the_rfc_gets_the_response_of_the_rfc() {
    let upgrade = check(&request()).expect("a good request");
    assert_eq!(upgrade.version(), Version::Rfc6455);
    assert_eq!(upgrade.subprotocols(), ["chat", "superchat"]);
    assert_eq!(upgrade.origin(), Some("https://server.example.com"));
    assert!(upgrade.trailer().is_empty());
    let response = upgrade.response(Some("chat")).expect("it was offered");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    has_no_connection_header(&response);
    assert!(upgrade.response(Some("mqtt")).is_err());
}

#[test]
fn key_is_ignored() {
    assert!(check(&GOOD.set("sec-websocket-key", "not a key")).is_ok());
}

#[test]
fn compression_is_negotiated_as_over_http1() {
    let mut upgrade = check(&request()).expect("a good request");
    assert!(upgrade.accept_deflate(&Deflate::default()).is_some());
    let response = upgrade.response(None).expect("none is always right");
    assert!(response.headers().contains_key("sec-websocket-extensions"));
}

#[test]
fn only_an_extended_connect_opens_a_websocket() {
    for method in [Method::GET, Method::POST] {
        let mut other = request();
        *other.method_mut() = method;
        refuses(&other, NoExtendedConnect, 400);
    }
    assert_eq!(check_for(&request(), None), Err(NoExtendedConnect), "a tunnel to another host");
    refuses(&of("server.example.com:443"), NoExtendedConnect, 400);
    refuses(&of("/chat"), NoExtendedConnect, 400);
}

#[test]
fn protocol_must_be_websocket_ignoring_case() {
    assert!(check_for(&request(), Some("WebSocket")).is_ok());
    for other in ["connect-udp", "", "websockets", "web socket"] {
        assert_eq!(check_for(&request(), Some(other)), Err(UnknownProtocol), "{other:?}");
    }
    answers(UnknownProtocol, 501);
}

#[test]
fn host_is_the_authority_and_a_host_header_may_repeat_it() {
    assert!(check(&GOOD.set("host", "SERVER.example.com")).is_ok());
    assert!(check(&GOOD.set("host", "server.example.com:")).is_ok());
    refuses(&GOOD.set("host", "other.example.com"), Host, 400);
    refuses(&GOOD.set("host", "a/b"), Host, 400);
    refuses(&of("https://user@server.example.com/chat"), Host, 400);
    let mut parts = Parts::default();
    parts.path_and_query = Some("/chat".parse().expect("a path"));
    refuses(&of(parts), NoExtendedConnect, 400);
}

#[test]
fn origin_is_compared_with_the_authority() {
    refuses(&GOOD.set("origin", "https://evil.org"), OriginNotAllowed, 403);
    refuses(&of("https://other.example.com/chat"), OriginNotAllowed, 403);
    assert!(check(&GOOD.without("origin")).is_ok());
    let behind_proxy = of("https://10.0.0.7:8443/chat");
    let checked = super::with_rules(
        |rules| rules.host = Some("server.example.com"),
        |rules| server::check_http2(&behind_proxy, Some("websocket"), rules),
    );
    assert!(checked.is_ok(), "{checked:?}");
}

#[test]
fn version_must_be_13_and_the_refusal_says_so() {
    let all: Versions = (0..=13).filter_map(Version::from_number).collect();
    for other in ["8", "7", "0", "14"] {
        let checked = check_where(&all, &GOOD.set("sec-websocket-version", other));
        assert_eq!(checked, Err(VersionUnsupported), "drafts do not exist over HTTP/2");
    }
    let response = VersionUnsupported.http2_response(&all);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "a 426 requires an Upgrade header");
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    let response = refuses(&GOOD.without("sec-websocket-version"), VersionMissing, 400);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

#[test]
fn server_of_only_drafts_supports_nothing_over_http2() {
    let drafts = Versions::from_iter([Version::Draft07]);
    assert_eq!(check_where(&drafts, &request()), Err(VersionUnsupported));
    let response = VersionUnsupported.http2_response(&drafts);
    assert!(!response.headers().contains_key("sec-websocket-version"));
}

#[test]
fn requests_invalid_over_http1_are_invalid_over_http2() {
    refuses(&GOOD.set("content-length", "1"), Body, 400);
    refuses(&GOOD.set("sec-websocket-protocol", "chat, a b"), SubprotocolsMalformed, 400);
    refuses(&GOOD.set("sec-websocket-extensions", "a b"), ExtensionsMalformed, 400);
    let twice = GOOD.add("origin", "https://server.example.com");
    refuses(&twice, Repeated("Origin"), 400);
}

fn handshake() -> Http2Handshake {
    Http2Handshake::new(vec!["soap".to_owned(), "wamp".to_owned()])
}

/// Returns the response of our own server.
fn answer() -> Response<()> {
    let resource = Uri::from_static("/chat?x=1");
    let request = handshake().request(Scheme::Https, "example.com:8443", resource);
    let upgrade = check(&request.expect("a request")).expect("our own request is good");
    upgrade.response(Some("wamp")).expect("it was offered")
}

#[track_caller]
fn fails(change: impl FnOnce(&mut Response<()>), error: &HandshakeError) {
    let mut response = answer();
    change(&mut response);
    assert_eq!(handshake().check(&response).as_ref(), Err(error));
}

#[test]
fn client_sends_the_request_of_the_rfc() {
    let handshake = handshake().offer_deflate(Deflate::with_context_takeover());
    let request = handshake.request(Scheme::Https, "[::1]:8443", Uri::from_static("/chat?x=1"));
    let request = request.expect("a request");
    assert_eq!((request.method(), request.version()), (&Method::CONNECT, http::Version::HTTP_2));
    assert_eq!(request.uri(), "https://[::1]:8443/chat?x=1");
    assert_eq!(request.headers()["sec-websocket-version"], "13");
    assert_eq!(request.headers()["sec-websocket-protocol"], "soap, wamp");
    assert!(request.headers().contains_key("sec-websocket-extensions"));
    assert_eq!(request.headers().len(), 3, "neither a key nor connection headers");
}

#[test]
fn scheme_of_a_plain_websocket_is_http() {
    let request = handshake().request(Scheme::Http, "h", Uri::from_static("/"));
    assert_eq!(request.expect("a request").uri(), "http://h/");
    let request = handshake().request(Scheme::Http, "h", Uri::default());
    assert_eq!(request.expect("a request").uri(), "http://h/");
}

#[test]
fn invalid_host_cannot_be_requested() {
    assert!(handshake().request(Scheme::Http, "a b", Uri::from_static("/")).is_err());
}

#[test]
fn answer_of_our_own_server_is_good() {
    let accepted = handshake().check(&answer()).expect("it is good");
    assert_eq!((accepted.subprotocol.as_deref(), accepted.deflate), (Some("wamp"), None));
}

#[test]
fn wrong_answers_fail() {
    use HandshakeError::*;
    for status in [101, 302, 404, 500] {
        let status = StatusCode::from_u16(status).expect("a status");
        fails(|response| *response.status_mut() = status, &Status(status));
    }
    let set = |name: &'static str, value: &'static str| {
        move |response: &mut Response<()>| {
            response.headers_mut().insert(name, value.parse().expect("a header value"));
        }
    };
    fails(set("sec-websocket-protocol", "mqtt"), &SubprotocolNotOffered);
    fails(set("sec-websocket-extensions", "permessage-deflate"), &ExtensionNotOffered);
    fails(set("sec-websocket-extensions", "a b"), &ExtensionsMalformed);
}

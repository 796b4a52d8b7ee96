use http::{HeaderValue, Method, Request, Response, StatusCode, Version};

use super::GoodRequest;
use crate::handshake::Rejection::{self, *};
use crate::handshake::server::{self, Rules, Upgrade};
use crate::handshake::{Origins, Scheme, Versions};

/// The request of RFC 6455 §1.3, from a page of the same host.
fn request() -> Request<()> {
    Request::get("/chat")
        .header("Host", "server.example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Origin", "http://server.example.com")
        .header("Sec-WebSocket-Protocol", "chat, superchat")
        .header("Sec-WebSocket-Version", "13")
        .body(())
        .expect("a request")
}

const GOOD: GoodRequest = GoodRequest(request);

fn check(request: &Request<()>) -> Result<Upgrade, Rejection> {
    super::with_rules(|_| {}, |rules| server::check(request, rules))
}

#[track_caller]
fn refuses(request: &Request<()>, rejection: Rejection, status: u16) -> Response<()> {
    assert_eq!(check(request), Err(rejection));
    assert_eq!(rejection.status().as_u16(), status);
    let response = rejection.response(&Versions::default());
    assert_eq!(response.status().as_u16(), status);
    let connection = response.headers()["connection"].to_str().expect("text");
    assert!(connection.contains("close"), "the connection must be closed after a rejection");
    response
}

#[test]
fn request_of_the_rfc_gets_the_response_of_the_rfc() {
    let upgrade = check(&request()).expect("a good request");
    assert_eq!(upgrade.subprotocols(), ["chat", "superchat"]);
    let response = upgrade.response(Some("chat")).expect("it was offered");
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["connection"], "Upgrade");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
}

#[test]
fn subprotocol_is_optional_and_must_be_an_offered_one() {
    let upgrade = check(&request()).expect("a good request");
    let response = upgrade.response(None).expect("none is always right");
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    assert!(upgrade.response(Some("Chat")).is_err(), "names are case-sensitive");
    assert!(upgrade.response(Some("")).is_err());
    assert!(upgrade.response(Some("chat, superchat")).is_err());
}

#[test]
fn tokens_are_found_in_lists_ignoring_case() {
    let good = |request: &Request<()>| check(request).is_ok();
    assert!(good(&GOOD.set("connection", "keep-alive, UPGRADE")));
    assert!(good(&GOOD.set("upgrade", "h2c , WebSocket")));
    assert!(good(&GOOD.add("connection", "keep-alive")));
    assert!(good(&GOOD.set("sec-websocket-version", "8, 13")));
    assert!(good(&GOOD.set("sec-websocket-protocol", "a,, b ,")));
    assert!(good(&GOOD.set("content-length", "0")));
}

#[test]
fn response_to_an_ordinary_request_names_the_protocol() {
    let response = refuses(&GOOD.without("upgrade"), NoUpgrade, 426);
    assert_eq!(response.headers()["upgrade"], "websocket");
    refuses(&GOOD.set("upgrade", "h2c"), NoUpgrade, 426);
    refuses(&GOOD.set("upgrade", "websockets"), NoUpgrade, 426);
}

#[test]
fn http_method_and_version_must_be_valid() {
    let mut post = request();
    *post.method_mut() = Method::POST;
    let response = refuses(&post, MethodNotGet, 405);
    assert_eq!(response.headers()["allow"], "GET");
    let mut old = request();
    *old.version_mut() = Version::HTTP_10;
    refuses(&old, HttpVersion, 400);
}

#[test]
fn connection_must_have_the_token_upgrade() {
    refuses(&GOOD.without("connection"), ConnectionNotUpgrade, 400);
    refuses(&GOOD.set("connection", "keep-alive"), ConnectionNotUpgrade, 400);
    refuses(&GOOD.set("connection", "not-upgrade"), ConnectionNotUpgrade, 400);
}

#[test]
fn host_must_occur_once() {
    refuses(&GOOD.without("host"), Host, 400);
    refuses(&GOOD.add("host", "other.example.com"), Repeated("Host"), 400);
    for bad in [
        "",
        "two words",
        "a/b",
        "user@a",
        "a:port",
        "a:1:2",
        ":",
        ":80",
        "a::",
        "[::1",
        "[::g]",
        "a:65536",
        "a:+1",
    ] {
        refuses(&GOOD.set("host", bad), Host, 400);
    }
    for good in ["a", "a:80", "[::1]", "[::1]:8080", "with_underscore:1", "127.0.0.1:", "[::1]:"] {
        let request = GOOD.with(|headers| {
            headers.insert("host", good.parse().expect("a header value"));
            headers.remove("origin");
        });
        assert!(check(&request).is_ok(), "{good}");
    }
}

#[test]
fn colon_without_a_port_is_the_default_port() {
    let same = |host, origin| {
        check(&GOOD.with(|headers| {
            headers.insert("host", HeaderValue::from_static(host));
            headers.insert("origin", HeaderValue::from_static(origin));
        }))
    };
    assert!(same("127.0.0.1:", "http://127.0.0.1").is_ok());
    assert!(same("127.0.0.1:", "https://127.0.0.1:443").is_ok());
    assert_eq!(same("127.0.0.1:", "http://127.0.0.1:8080"), Err(OriginNotAllowed));
}

#[test]
fn body_is_refused() {
    refuses(&GOOD.set("content-length", "1"), Body, 400);
    refuses(&GOOD.set("content-length", "00"), Body, 400);
    refuses(&GOOD.set("transfer-encoding", "chunked"), Body, 400);
}

#[test]
fn key_must_be_16_bytes_in_base64_once() {
    refuses(&GOOD.without("sec-websocket-key"), KeyMissing, 400);
    let twice = GOOD.add("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    refuses(&twice, Repeated("Sec-WebSocket-Key"), 400);
    for bad in ["", "dGhlIHNhbXBsZSBub25jZQ", "c2hvcnQ=", "AAAAAAAAAAAAAAAAAAAAAAA=", "not base64!"]
    {
        refuses(&GOOD.set("sec-websocket-key", bad), KeyMalformed, 400);
    }
}

#[test]
fn version_must_be_13_and_the_refusal_says_so() {
    for other in ["8", "12", "14", "013", "1, 3", "thirteen"] {
        let response = refuses(&GOOD.set("sec-websocket-version", other), VersionUnsupported, 426);
        assert_eq!(response.headers()["sec-websocket-version"], "13");
        assert_eq!(response.headers()["upgrade"], "websocket");
    }
    refuses(&GOOD.without("sec-websocket-version"), VersionMissing, 400);
}

#[test]
fn repeated_subprotocol_counts_once() {
    let twice = GOOD.add("sec-websocket-protocol", "superchat, other, chat, Chat");
    let upgrade = check(&twice).expect("a good request");
    assert_eq!(upgrade.subprotocols(), ["chat", "superchat", "other", "Chat"]);
}

#[test]
fn subprotocols_must_be_tokens() {
    for bad in ["two words", "a@b", "a;b"] {
        refuses(&GOOD.set("sec-websocket-protocol", bad), SubprotocolsMalformed, 400);
    }
}

#[test]
fn origin_must_be_allowed() {
    refuses(&GOOD.set("origin", "http://evil.org"), OriginNotAllowed, 403);
    refuses(&GOOD.set("origin", "null"), OriginNotAllowed, 403);
    refuses(&GOOD.add("origin", "http://server.example.com"), Repeated("Origin"), 400);
    assert!(check(&GOOD.without("origin")).is_ok());
}

#[test]
fn any_origin_is_allowed_and_reported_even_if_malformed() {
    let (origins, versions) = (Origins::any(), Versions::default());
    let rules = Rules { origins: &origins, versions: &versions, host: None, scheme: Scheme::Http };
    let origin = |request: &Request<()>| {
        server::check(request, &rules).map(|upgrade| upgrade.origin().map(str::to_owned))
    };
    for text in ["", "127.0.0.1:1", "http://localhost/", "a b", "http://b\u{fc}cher.example"] {
        let request = GOOD.with(|headers| {
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header value");
            headers.insert("origin", value);
        });
        assert_eq!(origin(&request), Ok(Some(text.to_owned())), "{text:?}");
        assert_eq!(check(&request), Err(OriginNotAllowed), "{text:?}");
    }
    assert_eq!(origin(&GOOD.add("origin", "http://server.example.com")), Err(Repeated("Origin")));
}

#[test]
fn origin_is_reported() {
    let upgrade = check(&request()).expect("a good request");
    assert_eq!(upgrade.origin(), Some("http://server.example.com"));
    assert_eq!(check(&GOOD.without("origin")).expect("a good request").origin(), None);
}

#[test]
fn missing_origin_is_refused_where_one_is_required() {
    let origins = Origins::default().require();
    let versions = Versions::default();
    let rules = Rules { origins: &origins, versions: &versions, host: None, scheme: Scheme::Http };
    let check = |request: &Request<()>| server::check(request, &rules);
    assert_eq!(check(&GOOD.without("origin")), Err(OriginNotAllowed));
    assert!(check(&request()).is_ok());
}

#[test]
fn host_reported_by_a_proxy_counts_as_the_same_host() {
    let behind_proxy = GOOD.set("host", "10.0.0.7:8080");
    let check_for = |host| {
        super::with_rules(|rules| rules.host = host, |rules| server::check(&behind_proxy, rules))
    };
    assert_eq!(check_for(None), Err(OriginNotAllowed), "`Host` names the proxy's host");
    assert!(check_for(Some("server.example.com")).is_ok());
    assert_eq!(check_for(Some("evil.org")), Err(OriginNotAllowed));
    let page_of_the_backend = GOOD.with(|headers| {
        headers.insert("host", "10.0.0.7".parse().expect("a header value"));
        headers.insert("origin", "http://10.0.0.7".parse().expect("a header value"));
    });
    let checked = super::with_rules(
        |rules| rules.host = Some("server.example.com"),
        |rules| server::check(&page_of_the_backend, rules),
    );
    assert_eq!(checked, Err(OriginNotAllowed), "the Host header is no longer compared");
}

#[test]
fn host_reported_by_a_proxy_does_not_replace_a_host_header() {
    for request in [GOOD.without("host"), GOOD.set("host", "a/b")] {
        let checked = super::with_rules(
            |rules| rules.host = Some("server.example.com"),
            |rules| server::check(&request, rules),
        );
        assert_eq!(checked, Err(Host));
    }
}

#[test]
fn offer_of_a_thousand_elements_is_read() {
    let offer = (0..1000).map(|number| format!("p{number}")).collect::<Vec<_>>().join(" , ");
    let many = GOOD.with(|headers| {
        headers.insert("sec-websocket-protocol", offer.parse().expect("a header value"));
    });
    let upgrade = check(&many).expect("a good request");
    assert_eq!(upgrade.subprotocols().len(), 1000);
}

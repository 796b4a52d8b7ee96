use http::Request;

use super::GoodRequest;
use crate::handshake::Rejection::{self, *};
use crate::handshake::server::{self, Rules, Upgrade};
use crate::handshake::{Scheme, Version, Versions};

const KEY1: &str = "4 @1  46546xW%0l 1 5";
const KEY2: &str = "12998 5 Y3 1  .P00";
const KEY3: [u8; 8] = *b"^n:ds[4U";

/// The request of the draft's §1.2.
fn request() -> Request<()> {
    Request::get("/demo?x=1")
        .header("Host", "Example.com")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key2", KEY2)
        .header("Sec-WebSocket-Protocol", "sample")
        .header("Upgrade", "WebSocket")
        .header("Sec-WebSocket-Key1", KEY1)
        .header("Origin", "http://example.com")
        .body(())
        .expect("a request")
}

const GOOD: GoodRequest = GoodRequest(request);

fn check_with(
    request: &Request<()>,
    key3: [u8; 8],
    change: impl FnOnce(&mut Rules<'_>),
) -> Result<Upgrade, Rejection> {
    let versions = Versions::from_iter([Version::Rfc6455, Version::Draft00]);
    super::with_rules(change, |rules| {
        server::check_draft00(request, key3, &Rules { versions: &versions, ..*rules })
    })
}

fn check(request: &Request<()>) -> Result<Upgrade, Rejection> {
    check_with(request, KEY3, |_| {})
}

#[test]
fn request_of_the_draft_gets_the_response_of_the_draft() {
    let upgrade = check(&request()).expect("a good request");
    assert_eq!(upgrade.version(), Version::Draft00);
    assert_eq!(upgrade.subprotocols(), ["sample"]);
    assert_eq!(upgrade.origin(), Some("http://example.com"));
    let response = upgrade.response(Some("sample")).expect("it was offered");
    let header = |name| response.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(response.status().as_u16(), 101);
    assert_eq!(header("upgrade"), "WebSocket");
    assert_eq!(header("connection"), "Upgrade");
    assert_eq!(header("sec-websocket-origin"), "http://example.com");
    assert_eq!(header("sec-websocket-location"), "ws://example.com/demo?x=1");
    assert_eq!(header("sec-websocket-protocol"), "sample");
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    assert_eq!(upgrade.trailer(), b"8jKS'y:G*Co,Wxa-");
}

#[test]
fn answers_are_those_of_the_draft() {
    for (key1, key2, key3, answer) in [
        (KEY1, KEY2, KEY3, b"8jKS'y:G*Co,Wxa-"),
        (
            "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
            "1_ tx7X d  <  nw  334J702) 7]o}` 0",
            *b"Tm[K T2u",
            b"fQJ,fN/4F4!~K~MH",
        ),
        ("3e6b263  4 17 80", "17  9 G`ZD9   2 2b 7X 3 /r90", *b"WjN}|M(6", b"n`9eBk9z$R8pOtVb"),
    ] {
        let request = GOOD.with(|headers| {
            headers.insert("sec-websocket-key1", key1.parse().expect("a header value"));
            headers.insert("sec-websocket-key2", key2.parse().expect("a header value"));
        });
        let upgrade = check_with(&request, key3, |_| {}).expect("a good request");
        assert_eq!(upgrade.trailer(), answer);
    }
}

#[test]
fn request_of_the_draft_is_recognized_by_its_two_keys() {
    let is_draft00 = |request: Request<()>| server::is_draft00(request.headers());
    assert!(is_draft00(request()));
    assert!(!is_draft00(GOOD.set("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")));
    assert!(!is_draft00(GOOD.set("sec-websocket-version", "13")));
    for key in ["sec-websocket-key1", "sec-websocket-key2"] {
        assert!(!is_draft00(GOOD.with(|headers| {
            headers.remove(key);
        })));
    }
}

#[test]
fn unsupported_draft_is_refused() {
    let (request, unsupported) = (request(), Err(VersionUnsupported));
    let rfc_alone = super::with_rules(|_| {}, |rules| server::check_draft00(&request, KEY3, rules));
    assert_eq!(rfc_alone, unsupported);
    let without_key3 = super::with_rules(|_| {}, |rules| server::check(&request, rules));
    assert_eq!(without_key3, unsupported, "its version is not missing");
}

#[test]
fn location_is_the_url_that_the_client_requested() {
    let location = |request: &Request<()>, change: fn(&mut Rules<'_>)| {
        let upgrade = check_with(request, KEY3, change).expect("a good request");
        let response = upgrade.response(None).expect("none is always right");
        response.headers()["sec-websocket-location"].to_str().expect("text").to_owned()
    };
    let other_port = GOOD.with(|headers| {
        headers.insert("host", "example.com:8080".parse().expect("a header value"));
        headers.remove("origin");
    });
    assert_eq!(location(&other_port, |_| {}), "ws://example.com:8080/demo?x=1");
    assert_eq!(
        location(&request(), |rules| rules.scheme = Scheme::Https),
        "wss://example.com/demo?x=1"
    );
    let behind_proxy = GOOD.set("host", "10.0.0.7");
    assert_eq!(
        location(&behind_proxy, |rules| rules.host = Some("EXAMPLE.com")),
        "ws://example.com/demo?x=1"
    );
    let refused = check_with(&request(), KEY3, |rules| rules.host = Some("a\r\nb"));
    assert!(refused.is_err());
}

#[test]
fn keys_that_no_client_makes_are_refused() {
    for (key, rejection) in [
        ("1234", DraftKeyWithoutSpaces),
        ("", DraftKeyNumber),
        ("a b", DraftKeyNumber),
        ("1 0 1", DraftKeyNotMultiple),
        ("4294967296 x", DraftKeyNumber),
        ("99999999999999999999999999 x", DraftKeyNumber),
        ("1\u{e9} 2", DraftKeyMissing),
    ] {
        assert_eq!(check(&GOOD.set("sec-websocket-key1", key)), Err(rejection), "{key:?}");
        assert_eq!(check(&GOOD.set("sec-websocket-key2", key)), Err(rejection), "{key:?}");
        assert_eq!(rejection.status().as_u16(), 400);
    }
    assert!(check(&GOOD.set("sec-websocket-key1", "4294967295 x")).is_ok());
    assert!(check(&GOOD.set("sec-websocket-key1", "0 x")).is_ok());
    let twice = GOOD.with(|headers| {
        headers.append("sec-websocket-key1", KEY1.parse().expect("a header value"));
    });
    assert_eq!(check(&twice), Err(Repeated("Sec-WebSocket-Key1")));
}

#[test]
fn tabs_are_not_spaces() {
    assert_eq!(check(&GOOD.set("sec-websocket-key1", "12\t34")), Err(DraftKeyWithoutSpaces));
}

#[test]
fn rules_of_every_version_apply() {
    assert_eq!(check(&GOOD.set("origin", "http://evil.org")), Err(OriginNotAllowed));
    assert_eq!(check(&GOOD.set("upgrade", "h2c")), Err(NoUpgrade));
    assert_eq!(check(&GOOD.set("connection", "close")), Err(ConnectionNotUpgrade));
    assert_eq!(check(&GOOD.set("content-length", "9")), Err(Body));
    assert_eq!(check(&GOOD.set("transfer-encoding", "chunked")), Err(Body));
    assert_eq!(check(&GOOD.set("host", "a b")), Err(Host));
}

#[test]
fn challenge_may_be_declared_as_a_body() {
    let upgrade = check(&GOOD.set("content-length", "8")).expect("a good request");
    assert_eq!(upgrade.trailer(), b"8jKS'y:G*Co,Wxa-");
    let chunked = GOOD.with(|headers| {
        headers.insert("content-length", "8".parse().expect("a header value"));
        headers.insert("transfer-encoding", "chunked".parse().expect("a header value"));
    });
    assert_eq!(check(&chunked), Err(Body));
}

#[test]
fn location_has_no_colon_without_a_port() {
    let upgrade = check(&GOOD.set("host", "example.com:")).expect("a good request");
    let response = upgrade.response(None).expect("none is always right");
    assert_eq!(response.headers()["sec-websocket-location"], "ws://example.com/demo?x=1");
}

#[test]
fn subprotocols_are_separated_by_spaces() {
    let offered = |value: &str| {
        let request = GOOD.set("sec-websocket-protocol", value);
        check(&request).map(|upgrade| upgrade.subprotocols().to_vec())
    };
    assert_eq!(offered("chat org.example/2"), Ok(vec!["chat".into(), "org.example/2".into()]));
    assert_eq!(offered("a, b"), Ok(vec!["a".into(), "b".into()]));
    assert_eq!(offered("a b a, b c"), Ok(vec!["a".into(), "b".into(), "c".into()]));
}

#[test]
fn answer_without_an_origin_repeats_none() {
    let upgrade = check(&GOOD.with(|headers| {
        headers.remove("origin");
    }));
    let response = upgrade.expect("a good request").response(None).expect("none is always right");
    assert!(!response.headers().contains_key("sec-websocket-origin"));
}

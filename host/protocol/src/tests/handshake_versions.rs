use http::Request;

use crate::handshake::Rejection::{self, *};
use crate::handshake::server::{self, Upgrade};
use crate::handshake::{Version, Versions};

const ALL: [Version; 4] = [Version::Draft00, Version::Draft07, Version::Draft08, Version::Rfc6455];

fn request(headers: &[(&str, &str)]) -> Request<()> {
    let request = Request::get("/chat")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).expect("a request")
}

fn check(headers: &[(&str, &str)], versions: Versions) -> Result<Upgrade, Rejection> {
    let request = request(headers);
    super::with_rules(
        |_| {},
        |rules| server::check(&request, &server::Rules { versions: &versions, ..*rules }),
    )
}

fn chosen(offer: &str, versions: Versions) -> Result<Version, Rejection> {
    check(&[("Sec-WebSocket-Version", offer)], versions).map(|upgrade| upgrade.version())
}

#[test]
fn numbers_are_those_of_the_drafts() {
    assert_eq!(ALL.map(Version::number), [0, 7, 8, 13]);
    for number in 0..=u16::MAX {
        let version = ALL.into_iter().find(|version| version.number() == number);
        assert_eq!(Version::from_number(number), version, "{number}");
    }
}

#[test]
fn set_is_written_newest_first_and_without_draft_00() {
    assert_eq!(Versions::default().to_string(), "13");
    assert_eq!(Versions::from_iter(ALL).to_string(), "13, 8, 7");
    assert_eq!(Versions::from_iter([Version::Draft00]).to_string(), "");
    let drafts: Versions = [Version::Draft07, Version::Draft08].into_iter().collect();
    assert_eq!(ALL.map(|version| drafts.contains(version)), [false, true, true, false]);
}

#[test]
fn newest_version_that_both_support_is_chosen() {
    let all = Versions::from_iter(ALL);
    assert_eq!(chosen("13", all), Ok(Version::Rfc6455));
    assert_eq!(chosen("7, 13, 8", all), Ok(Version::Rfc6455));
    assert_eq!(chosen("99, 7,8", all), Ok(Version::Draft08));
    assert_eq!(chosen("7", all), Ok(Version::Draft07));
    let without_8 = Versions::from_iter([Version::Draft07]);
    assert_eq!(chosen("13, 8, 7", without_8), Ok(Version::Draft07));
    assert_eq!(chosen("8, 13", Versions::default()), Ok(Version::Rfc6455));
}

#[test]
fn unsupported_versions_are_refused_with_the_supported_ones() {
    let all = Versions::from_iter(ALL);
    for offer in ["0", "6", "9", "12", "14", "07", "+8", "8.0", "1 3"] {
        assert_eq!(chosen(offer, all), Err(VersionUnsupported), "{offer}");
    }
    assert_eq!(chosen("8", Versions::default()), Err(VersionUnsupported));
    assert_eq!(chosen("7", Versions::from_iter([Version::Draft08])), Err(VersionUnsupported));
    let response = VersionUnsupported.response(&all);
    assert_eq!(response.status().as_u16(), 426);
    assert_eq!(response.headers()["sec-websocket-version"], "13, 8, 7");
    let response = NoUpgrade.response(&Versions::from_iter([Version::Draft00]));
    assert!(
        !response.headers().contains_key("sec-websocket-version"),
        "an empty list says nothing"
    );
}

#[test]
fn drafts_have_the_accept_key_of_the_rfc() {
    let upgrade = check(&[("Sec-WebSocket-Version", "8")], Versions::from_iter(ALL));
    let upgrade = upgrade.expect("a good request");
    let response = upgrade.response(None).expect("none is always right");
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(upgrade.trailer(), []);
}

#[test]
fn key_of_a_draft_may_have_any_length() {
    let longest = "k".repeat(128);
    let too_long = "k".repeat(129);
    let check = |version: &str, key: &str| {
        let mut request = request(&[("Sec-WebSocket-Version", version)]);
        let key = key.parse().expect("a header value");
        request.headers_mut().insert("sec-websocket-key", key);
        let versions = Versions::from_iter(ALL);
        super::with_rules(
            |_| {},
            |rules| server::check(&request, &server::Rules { versions: &versions, ..*rules }),
        )
    };
    for version in ["7", "8"] {
        // The first key encodes "13-" and a time. Some clients sent such keys.
        for key in ["MTMtMTMyMDAwMDAwMDAw", "x", &longest] {
            assert!(check(version, key).is_ok(), "{key}");
        }
        let upgrade = check(version, "MTMtMTMyMDAwMDAwMDAw").expect("a good request");
        let response = upgrade.response(None).expect("none is always right");
        assert_eq!(response.headers()["sec-websocket-accept"], "n63K0IcO+HPdW8x1EKCocqRmyxs=");
        for key in ["", "two words", "a\u{e4}", &too_long] {
            assert_eq!(check(version, key), Err(KeyMalformed), "{key}");
        }
    }
    for key in ["MTMtMTMyMDAwMDAwMDAw", "x", &longest] {
        assert_eq!(check("13", key), Err(KeyMalformed), "{key}");
        assert_eq!(check("13, 8", key), Err(KeyMalformed), "{key}");
    }
}

#[test]
fn drafts_have_their_own_origin_header() {
    let versions = Versions::from_iter(ALL);
    let origin = |version, headers: &[(&'static str, &'static str)]| {
        let headers = [&[("Sec-WebSocket-Version", version)], headers].concat();
        check(&headers, versions).map(|upgrade| upgrade.origin().map(str::to_owned))
    };
    let (own, other) = ("http://example.com", "http://evil.org");
    for version in ["7", "8"] {
        assert_eq!(origin(version, &[("Sec-WebSocket-Origin", own)]), Ok(Some(own.to_owned())));
        assert_eq!(origin(version, &[("Sec-WebSocket-Origin", other)]), Err(OriginNotAllowed));
        assert_eq!(
            origin(version, &[("Sec-WebSocket-Origin", own), ("Sec-WebSocket-Origin", own)]),
            Err(Repeated("Sec-WebSocket-Origin"))
        );
        // Later drafts with the same number use the RFC's header.
        assert_eq!(origin(version, &[("Origin", own)]), Ok(Some(own.to_owned())));
        assert_eq!(origin(version, &[("Origin", other)]), Err(OriginNotAllowed));
        assert_eq!(
            origin(version, &[("Origin", own), ("Sec-WebSocket-Origin", other)]),
            Err(OriginNotAllowed)
        );
    }
    assert_eq!(
        origin("13", &[("Origin", other), ("Sec-WebSocket-Origin", own)]),
        Err(OriginNotAllowed),
        "the RFC knows no such header"
    );
}

use http::{HeaderValue, Request};

use crate::handshake::Rejection::{self, *};
use crate::handshake::server::{self, Rules, Upgrade};
use crate::handshake::{Origins, Scheme, Version, Versions, fields};

fn with(request: http::request::Builder, lines: &[(&str, &str)]) -> Request<()> {
    let add = |request: http::request::Builder, (name, value): &(&str, &str)| {
        request.header(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"))
    };
    lines.iter().fold(request, add).body(()).expect("a request")
}

fn http1(target: &str, lines: &[(&str, &str)]) -> Request<()> {
    let request = Request::get(target)
        .header("Host", "server.example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13");
    with(request, lines)
}

fn http2(lines: &[(&str, &str)]) -> Request<()> {
    let request = Request::connect("https://server.example.com/chat");
    with(request.header("Sec-WebSocket-Version", "13"), lines)
}

/// Returns the results of all three checks: for HTTP/1.1, for draft 00 and for HTTP/2.
fn checks(lines: &[(&str, &str)]) -> [Result<Upgrade, Rejection>; 3] {
    let (origins, versions) = (Origins::any(), (0..14).filter_map(Version::from_number).collect());
    let rules = Rules { origins: &origins, versions: &versions, host: None, scheme: Scheme::Http };
    let draft = [&[("Sec-WebSocket-Key1", "4 @1  46546xW%0l 1 5")][..], lines].concat();
    let mut draft =
        http1("/", &[&[("Sec-WebSocket-Key2", "12998 5 Y3 1  .P00")], &draft[..]].concat());
    draft.headers_mut().remove("sec-websocket-version");
    [
        server::check(&http1("/", lines), &rules),
        server::check_draft00(&draft, *b"^n:ds[4U", &rules),
        server::check_http2(&http2(lines), Some("websocket"), &rules),
    ]
}

fn check(request: &Request<()>) -> Result<Upgrade, Rejection> {
    super::with_rules(|_| {}, |rules| server::check(request, rules))
}

/// Returns the values that an application receives for a field.
fn values(request: &Request<()>, name: &str) -> Vec<String> {
    let of_name = fields(request).filter(|(field, _)| *field == name);
    of_name.map(|(_, value)| String::from_utf8_lossy(&value).into_owned()).collect()
}

#[test]
fn single_field_is_refused_when_it_is_repeated() {
    for (name, value) in [
        ("Origin", "http://server.example.com"),
        ("Sec-WebSocket-Origin", "http://server.example.com"),
        ("Authorization", "Bearer a"),
        ("Proxy-Authorization", "Bearer a"),
        ("Content-Length", "0"),
        ("X-Forwarded-Host", "server.example.com"),
        ("X-Forwarded-User", "a"),
        ("X-Real-IP", "192.0.2.1"),
    ] {
        // Two lines with the same value are refused too, because a proxy may have acted on a third line.
        for lines in [[(name, value), (name, value)], [(name, value), (name, "other")]] {
            assert_eq!(checks(&lines), [(); 3].map(|()| Err(Repeated(name))));
        }
        let once = checks(&[(name, value)]);
        assert!(once.iter().filter(|checked| checked.is_ok()).count() >= 2, "{name}: {once:?}");
    }
    let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(checks(&[key, key]), [(); 3].map(|()| Err(Repeated("Sec-WebSocket-Key"))));
    let host = ("Host", "server.example.com");
    assert_eq!(checks(&[host, host]), [(); 3].map(|()| Err(Repeated("Host"))));
    assert_eq!(Repeated("Host").status().as_u16(), 400);
    assert_eq!(Repeated("Host").http2_response(&Versions::default()).status().as_u16(), 400);
    assert!(Repeated("X-Real-IP").to_string().contains("X-Real-IP"));
}

#[test]
fn cookie_crumbs_are_joined() {
    let crumbs = [("cookie", "a=1"), ("x", "y"), ("cookie", "session=abc"), ("cookie", "c=\u{e4}")];
    for request in [http1("/", &crumbs), http2(&crumbs)] {
        assert_eq!(values(&request, "cookie"), ["a=1; session=abc; c=\u{e4}"]);
    }
    assert_eq!(values(&http2(&[("cookie", "a=1")]), "cookie"), ["a=1"]);
}

#[test]
fn lines_of_a_list_are_joined() {
    for name in [
        "accept-language",
        "forwarded",
        "sec-websocket-protocol",
        "via",
        "x-forwarded-for",
        "x-forwarded-proto",
    ] {
        let lines = [(name, "a, b"), ("x", "y"), (name, "c")];
        for request in [http1("/", &lines), http2(&lines)] {
            assert_eq!(values(&request, name), ["a, b, c"]);
        }
    }
}

#[test]
fn fields_that_are_not_lists_are_returned_as_received() {
    let lines = [("x-tag", "a, b"), ("user-agent", "one"), ("x-tag", "c"), ("user-agent", "two")];
    for request in [http1("/", &lines), http2(&lines)] {
        assert_eq!(values(&request, "x-tag"), ["a, b", "c"]);
        assert_eq!(values(&request, "user-agent"), ["one", "two"]);
    }
    let request = http1("/", &lines);
    let names: Vec<&str> = fields(&request).map(|(name, _)| name).collect();
    let expected = [
        "host",
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "x-tag",
        "x-tag",
        "user-agent",
        "user-agent",
    ];
    assert_eq!(names, expected);
}

#[test]
fn host_of_the_target_is_the_requested_one() {
    let origin = |origin| [("Origin", origin)];
    let target = "ws://a.example:8080/chat";
    let own = http1(target, &origin("http://a.example:8080"));
    assert!(check(&own).is_ok());
    assert_eq!(values(&own, "host"), ["a.example:8080"]);
    let of_header = http1(target, &origin("http://server.example.com"));
    assert_eq!(check(&of_header), Err(OriginNotAllowed));
    assert_eq!(values(&http1("/chat", &[]), "host"), ["server.example.com"]);
    assert_eq!(values(&http2(&[]), "host"), ["server.example.com"]);
    assert_eq!(values(&http2(&[("host", "SERVER.example.com")]), "host"), ["server.example.com"]);
    assert_eq!(check(&http1("ws://user@a.example/", &[])), Err(Host));
}

#[test]
fn target_with_a_host_does_not_replace_a_host_header() {
    for change in [None, Some("a/b")] {
        let mut request = http1("ws://a.example/chat", &[]);
        match change {
            None => drop(request.headers_mut().remove("host")),
            Some(bad) => drop(request.headers_mut().insert("host", HeaderValue::from_static(bad))),
        }
        assert_eq!(check(&request), Err(Host));
    }
}

use core::net::IpAddr;

use http::{HeaderName, HeaderValue, Request};

use crate::handshake::Scheme;
use crate::handshake::forwarded::{Convention, Forwarded, client};

const PROXY: &str = "10.0.0.1";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Trusts only the proxies of this network.
fn is_trusted(address: IpAddr) -> bool {
    let text = address.to_string();
    text.starts_with("10.") || text.starts_with("fd00:")
}

fn request(lines: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        request.headers_mut().append(name, value);
    }
    request
}

fn found_from(peer: &str, lines: &[(&str, &str)]) -> Forwarded {
    let request = request(lines);
    let convention = match request.headers().contains_key("forwarded") {
        true => Convention::Forwarded,
        false => Convention::XForwarded,
    };
    client(&request, ip(peer), convention, is_trusted)
}

/// Finds the client behind a trusted proxy that follows this convention.
fn found_by(convention: Convention, lines: &[(&str, &str)]) -> Forwarded {
    client(&request(lines), ip(PROXY), convention, is_trusted)
}

fn found(lines: &[(&str, &str)]) -> Forwarded {
    found_from(PROXY, lines)
}

/// Finds the client that a trusted proxy reports in `Forwarded`. Returns the client's address (as text) and port.
fn forwarded(value: &str) -> (String, Option<u16>) {
    let found = found(&[("Forwarded", value)]);
    (found.address.to_string(), found.port)
}

fn address(value: &str) -> String {
    forwarded(value).0
}

#[test]
fn headers_of_an_untrusted_peer_are_ignored() {
    let found = found_from(
        "192.0.2.1",
        &[
            ("Forwarded", "for=10.0.0.9;host=evil.org;proto=https"),
            ("X-Forwarded-For", "10.0.0.9"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.org"),
        ],
    );
    let peer = Forwarded { address: ip("192.0.2.1"), port: None, scheme: None, host: None };
    assert_eq!(found, peer);
}

#[test]
fn trusted_peer_without_headers_is_the_client() {
    let found = found(&[]);
    assert_eq!(found, Forwarded { address: ip(PROXY), port: None, scheme: None, host: None });
}

#[test]
fn element_of_the_proxy_describes_the_client() {
    let found =
        found(&[("Forwarded", "for=\"192.0.2.1:4711\";Proto=HTTPS;HOST=\"a.example:8443\";by=x")]);
    let client = Forwarded {
        address: ip("192.0.2.1"),
        port: Some(4711),
        scheme: Some(Scheme::Https),
        host: Some("a.example:8443".to_owned()),
    };
    assert_eq!(found, client);
}

#[test]
fn rightmost_untrusted_hop_is_the_client() {
    assert_eq!(address("for=192.0.2.1, for=10.0.0.2, for=10.0.0.3"), "192.0.2.1");
    assert_eq!(address("for=198.51.100.1, for=192.0.2.1, for=10.0.0.3"), "192.0.2.1");
    assert_eq!(
        address("for=10.9.9.9, for=192.0.2.1"),
        "192.0.2.1",
        "a client cannot choose its own address"
    );
}

#[test]
fn leftmost_hop_is_the_client_if_all_are_trusted() {
    assert_eq!(address("for=10.0.0.4, for=10.0.0.3, for=10.0.0.2"), "10.0.0.4");
}

#[test]
fn hop_that_is_hidden_or_unreadable_ends_the_walk() {
    for bad in
        ["unknown", "_hidden", "\"_hidden:1\"", "nonsense", "999.1.1.1", "\"[::1\"", "\"\"", ""]
    {
        let value = format!("for=192.0.2.1, for={bad}, for=10.0.0.2");
        assert_eq!(address(&value), "10.0.0.2", "{bad}");
        assert_eq!(address(&format!("for=192.0.2.1, for={bad}")), PROXY, "{bad}");
    }
}

#[test]
fn scheme_and_host_of_a_hidden_hop_count_but_not_of_an_unreadable_one() {
    let found = |value| {
        let found = found(&[("Forwarded", value)]);
        (found.address.to_string(), found.scheme, found.host)
    };
    let https = (PROXY.to_owned(), Some(Scheme::Https), Some("a.example".to_owned()));
    assert_eq!(found("for=_hidden;proto=https;host=a.example"), https);
    assert_eq!(found("proto=https;host=a.example"), https, "a proxy that reports no address");
    assert_eq!(found("proto=https;host=a.example;junk"), (PROXY.to_owned(), None, None));
}

#[test]
fn scheme_and_host_come_from_the_hop_of_the_client() {
    let value = "for=192.0.2.9;proto=http;host=evil.org, \
                 for=192.0.2.1;proto=https;host=a.example, for=10.0.0.2;proto=http;host=inner";
    let found = found(&[("Forwarded", value)]);
    assert_eq!(found.address, ip("192.0.2.1"));
    assert_eq!((found.scheme, found.host.as_deref()), (Some(Scheme::Https), Some("a.example")));
}

#[test]
fn several_lines_are_one_list() {
    let lines = [("Forwarded", "for=192.0.2.9, for=192.0.2.1"), ("Forwarded", "for=10.0.0.2")];
    assert_eq!(found(&lines).address, ip("192.0.2.1"));
    let lines = [("X-Forwarded-For", "192.0.2.9"), ("X-Forwarded-For", "192.0.2.1, 10.0.0.2")];
    assert_eq!(found(&lines).address, ip("192.0.2.1"));
}

#[test]
fn addresses_are_read_in_every_form() {
    for (node, expected) in [
        ("192.0.2.1", ("192.0.2.1", None)),
        ("192.0.2.1:80", ("192.0.2.1", Some(80))),
        ("\"192.0.2.1:80\"", ("192.0.2.1", Some(80))),
        ("\"192.0.2.1:_port\"", ("192.0.2.1", None)),
        ("\"[2001:db8::1]:4711\"", ("2001:db8::1", Some(4711))),
        ("\"[2001:DB8::1]\"", ("2001:db8::1", None)),
        ("[2001:db8::1]:4711", ("2001:db8::1", Some(4711))),
        ("\"2001:db8::1\"", ("2001:db8::1", None)),
        ("\"[2001:db8:\\:1]\"", ("2001:db8::1", None)),
        ("\"[::ffff:192.0.2.1]\"", ("192.0.2.1", None)),
    ] {
        let (address, port) = expected;
        assert_eq!(forwarded(&format!("for={node}")), (address.to_owned(), port), "{node}");
    }
    for node in
        ["\"192.0.2.1:99999\"", "192.0.2.1:", "\"192.0.2.1:+1\"", "[192.0.2.1]", "\"192.0.2.1\"x"]
    {
        assert_eq!(address(&format!("for={node}")), PROXY, "{node}");
    }
}

#[test]
fn ipv4_mapped_address_is_the_same_address() {
    assert_eq!(address("for=192.0.2.1, for=\"[::ffff:10.0.0.2]\""), "192.0.2.1");
    assert_eq!(
        found_from("::ffff:10.0.0.1", &[("Forwarded", "for=192.0.2.1")]).address,
        ip("192.0.2.1")
    );
    assert_eq!(found_from("::ffff:192.0.2.7", &[]).address, ip("192.0.2.7"));
}

#[test]
fn commas_and_semicolons_in_quotes_are_text() {
    assert_eq!(address(r#"for=192.0.2.1;x="a, for=10.0.0.9; b""#), "192.0.2.1");
    assert_eq!(address(r#"for=192.0.2.1;x="a\", for=10.0.0.9""#), "192.0.2.1");
    assert_eq!(address(r#"for=192.0.2.1;x="a, for=10.0.0.9;y=\"b""#), "192.0.2.1");
    assert_eq!(address(r#"for=192.0.2.1, for=10.0.0.2;x="\"""#), "192.0.2.1");
    assert_eq!(address(r#"for=192.0.2.1, for=10.0.0.2;x="\\""#), "192.0.2.1");
    assert_eq!(address(" ,, ; for=192.0.2.1 ; ; x=y;,"), "192.0.2.1");
}

#[test]
fn element_that_is_not_a_list_of_pairs_is_unreadable() {
    for bad in [
        "192.0.2.1",
        "for=192.0.2.1;x",
        "for=192.0.2.1;for=192.0.2.2",
        "for=192.0.2.1;host=a;HOST=b",
        "for=192.0.2.1;=y",
        "for=192.0.2.1;a b=c",
        "for=\"192.0.2.1",
        "for=192.0.2.1 192.0.2.2",
    ] {
        assert_eq!(address(bad), PROXY, "{bad}");
    }
}

#[test]
fn unclosed_quote_of_a_client_hides_nothing() {
    for start in ["for=\"", "for=\"x, host=\"", "x=\"\\", "\"", "for=10.0.0.9;x=\"\\\\\\"] {
        let value =
            format!("{start}, for=\"[2001:db8::1]:1\";proto=\"https\";host=\"a.example:1\"");
        let found = found(&[("Forwarded", &value)]);
        assert_eq!(found.address, ip("2001:db8::1"), "{start}");
        assert_eq!(found.host.as_deref(), Some("a.example:1"), "{start}");
    }
}

#[test]
fn line_that_is_not_ascii_ends_the_walk() {
    let lines = [
        ("Forwarded", "for=192.0.2.1"),
        ("Forwarded", "for=\u{e9}"),
        ("Forwarded", "for=10.0.0.2"),
    ];
    assert_eq!(found(&lines).address, ip("10.0.0.2"));
}

#[test]
fn headers_of_another_convention_are_not_trusted() {
    let lines = [
        ("X-Forwarded-For", "192.0.2.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "other.example"),
        ("X-Forwarded-Port", "8443"),
        ("Forwarded", "for=192.0.2.1"),
        ("X-Real-IP", "192.0.2.2"),
        ("CF-Connecting-IP", "192.0.2.3"),
        ("Host", "upstream"),
    ];
    let by = |convention| {
        let found = found_by(convention, &lines);
        (found.address, found.scheme, found.host)
    };
    let https = Some(Scheme::Https);
    let host = |text: &str| Some(text.to_owned());
    assert_eq!(by(Convention::XForwarded), (ip("192.0.2.9"), https, host("other.example:8443")));
    assert_eq!(by(Convention::Forwarded), (ip("192.0.2.1"), None, None));
    assert_eq!(by(Convention::XRealIp), (ip("192.0.2.2"), https, host("other.example")));
    // The client has invented a host, and Cloudflare forwards it.
    assert_eq!(by(Convention::CfConnectingIp), (ip("192.0.2.3"), https, None));
}

#[test]
fn single_address_is_the_client() {
    for (convention, name) in
        [(Convention::XRealIp, "X-Real-IP"), (Convention::CfConnectingIp, "CF-Connecting-IP")]
    {
        let found = |value| {
            let found = found_by(convention, &[(name, value)]);
            (found.address, found.port)
        };
        assert_eq!(found("192.0.2.1"), (ip("192.0.2.1"), None));
        assert_eq!(found("2001:db8::1"), (ip("2001:db8::1"), None));
        assert_eq!(found("::ffff:192.0.2.1"), (ip("192.0.2.1"), None));
        assert_eq!(found("192.0.2.1:99"), (ip("192.0.2.1"), Some(99)));
        for bad in ["", "unknown", "192.0.2.1, 192.0.2.2", "nonsense", "\u{e9}"] {
            assert_eq!(found(bad), (ip(PROXY), None), "{bad}");
        }
        let nobody = |_| false;
        let request = request(&[(name, "192.0.2.1")]);
        assert_eq!(client(&request, ip(PROXY), convention, nobody).address, ip(PROXY));
    }
}

#[test]
fn repeated_single_header_is_not_trusted() {
    let twice = |name: &'static str, value: &'static str| [(name, value), (name, value)];
    for (convention, name) in
        [(Convention::XRealIp, "X-Real-IP"), (Convention::CfConnectingIp, "CF-Connecting-IP")]
    {
        assert_eq!(found_by(convention, &twice(name, "192.0.2.1")).address, ip(PROXY), "{name}");
        let scheme = found_by(convention, &twice("X-Forwarded-Proto", "https")).scheme;
        assert_eq!(scheme, None, "{name}");
    }
    let hosts = twice("X-Forwarded-Host", "a.example");
    assert_eq!(found_by(Convention::XRealIp, &hosts).host, None);
    let mut lines = twice("X-Forwarded-Port", "8443").to_vec();
    lines.push(("X-Forwarded-Host", "a.example"));
    assert_eq!(found(&lines).host.as_deref(), Some("a.example"));
}

#[test]
fn forwarded_port_applies_to_a_host_without_a_port() {
    let host = |lines: &[(&str, &str)]| found(lines).host;
    let (port, name) = (("X-Forwarded-Port", "8443"), ("X-Forwarded-Host", "A.example"));
    assert_eq!(host(&[port, name]).as_deref(), Some("a.example:8443"));
    assert_eq!(host(&[port, ("X-Forwarded-Host", "[::1]")]).as_deref(), Some("[::1]:8443"));
    assert_eq!(host(&[port, ("X-Forwarded-Host", "a:81")]).as_deref(), Some("a:81"));
    // If no other host is reported, the port belongs to the host of the request.
    let own = ("Host", "b.example");
    assert_eq!(host(&[port, own]).as_deref(), Some("b.example:8443"));
    assert_eq!(host(&[port, name, own]).as_deref(), Some("a.example:8443"));
    assert_eq!(host(&[port, ("Host", "b.example:81")]), None);
    assert_eq!(host(&[port]), None);
    let mut over_http2 = request(&[port]);
    *over_http2.uri_mut() = "https://c.example/".parse().expect("a URI");
    let found = client(&over_http2, ip(PROXY), Convention::XForwarded, is_trusted);
    assert_eq!(found.host.as_deref(), Some("c.example:8443"));
    for bad in ["", "0", "65536", "+1", "8443, 8443", "x", "80", "443"] {
        let port = ("X-Forwarded-Port", bad);
        assert_eq!(host(&[port, name]).as_deref(), Some("A.example"), "{bad}");
        assert_eq!(host(&[port, own]), None, "{bad}");
    }
}

#[test]
fn x_forwarded_for_is_walked_in_the_same_way() {
    let address = |value| found(&[("X-Forwarded-For", value)]).address.to_string();
    assert_eq!(address("10.9.9.9, 192.0.2.1,10.0.0.2"), "192.0.2.1");
    assert_eq!(address("10.0.0.3, 10.0.0.2"), "10.0.0.3");
    assert_eq!(address("192.0.2.1, unknown, 10.0.0.2"), "10.0.0.2");
    assert_eq!(address("2001:db8::1"), "2001:db8::1");
    assert_eq!(address("192.0.2.1, fd00::2"), "192.0.2.1");
    assert_eq!(found(&[("X-Forwarded-For", "[2001:db8::1]:99")]).port, Some(99));
}

#[test]
fn last_scheme_and_host_of_x_forwarded_headers_count() {
    let found = found(&[
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "http, https"),
        ("X-Forwarded-Host", "evil.org"),
        ("X-Forwarded-Host", "evil.example, a.example:8443"),
    ]);
    assert_eq!(found.scheme, Some(Scheme::Https));
    assert_eq!(found.host.as_deref(), Some("a.example:8443"));
}

#[test]
fn invalid_scheme_and_host_are_not_reported() {
    let scheme = |text| found(&[("X-Forwarded-Proto", text)]).scheme;
    assert_eq!((scheme("ws"), scheme("WSS")), (Some(Scheme::Http), Some(Scheme::Https)));
    assert_eq!((scheme("ftp"), scheme(""), scheme("https,")), (None, None, None));
    for bad in ["", "a b", "a/b", "u@a", "a:x", "\"a\""] {
        assert_eq!(found(&[("X-Forwarded-Host", bad)]).host, None, "{bad}");
        assert_eq!(
            found(&[("Forwarded", &format!("for=192.0.2.1;host=\"{bad}\""))]).host,
            None,
            "{bad}"
        );
    }
}

#[test]
fn at_most_32_hops_are_examined() {
    let hops = |count: u8| (0..count).map(|hop| format!("10.0.1.{hop}")).rev().collect::<Vec<_>>();
    let list = format!("192.0.2.1, {}", hops(31).join(", "));
    assert_eq!(found(&[("X-Forwarded-For", &list)]).address, ip("192.0.2.1"));
    let list = format!("192.0.2.1, {}", hops(32).join(", "));
    assert_eq!(found(&[("X-Forwarded-For", &list)]).address, ip("10.0.1.31"));
    let list = format!("for=192.0.2.1, for={}", hops(32).join(", for="));
    assert_eq!(found(&[("Forwarded", &list)]).address, ip("10.0.1.31"));
}

#[test]
fn long_headers_are_read_in_linear_time() {
    // The inputs have a million bytes each. If the time were quadratic, this test would not end.
    for pattern in [",", "\"", "\\", "\\\"", "for=10.0.0.2;", "a=\"\\\\\";", ";", "for=\"\\a"] {
        let value = pattern.repeat((1 << 20) / pattern.len());
        let lines = [("Forwarded", value.as_str()), ("Forwarded", "for=10.0.0.2")];
        assert_eq!(found(&lines).address, ip("10.0.0.2"), "{pattern}");
    }
}

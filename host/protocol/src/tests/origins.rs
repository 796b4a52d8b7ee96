use crate::handshake::{InvalidOrigin, Origins};

fn listed(texts: &[&str]) -> Origins {
    Origins::parse(texts.iter().copied()).expect("origins")
}

/// Returns whether a page of this origin may connect to `server.test`.
fn allows(texts: &[&str], origin: &str) -> bool {
    listed(texts).allow(Some(origin), "server.test")
}

#[track_caller]
fn accepts(text: &str, origins: &[&str]) {
    for origin in origins {
        assert!(allows(&[text], origin), "{text} refuses {origin}");
    }
}

#[track_caller]
fn refuses(text: &str, origins: &[&str]) {
    for origin in origins {
        assert!(!allows(&[text], origin), "{text} lets in {origin}");
    }
}

#[test]
fn same_host_is_allowed_with_and_without_its_default_port() {
    let allow = |origin, host| Origins::default().allow(Some(origin), host);
    assert!(allow("http://example.com", "example.com"));
    assert!(allow("http://example.com", "example.com:80"));
    assert!(allow("https://example.com", "example.com:443"));
    assert!(allow("https://example.com:443", "Example.COM"));
    assert!(allow("http://example.com:8080", "example.com:8080"));
    assert!(allow("http://[::1]:8080", "[0:0::1]:8080"));
    assert!(!allow("http://example.com", "example.com:8080"));
    assert!(!allow("http://example.com:80", "example.com:443"));
    assert!(!allow("http://example.com.evil.org", "example.com"));
    assert!(!allow("http://evil.org", "example.com"));
    assert!(!allow("null", "example.com"));
    assert!(!allow("null", "null"));
    assert!(!allow("", ""));
    assert!(!allow("http://", ""));
    assert!(!allow("chrome-extension://abcdef", "abcdef"), "a name that is not a host");
}

#[test]
fn same_host_is_allowed_with_every_list() {
    for text in ["https://a.example", "null", "any", "https://*", "same-host"] {
        accepts(text, &["http://server.test", "https://server.test"]);
    }
    assert_eq!(listed(&["same-host"]), Origins::default());
    assert_eq!(listed(&[]), Origins::default());
    refuses("same-host", &["http://other.test"]);
}

#[test]
fn client_without_an_origin_is_allowed_unless_one_is_required() {
    for origins in [Origins::default(), Origins::any(), listed(&["https://a.example", "null"])] {
        assert!(origins.allow(None, "server.test"));
        let origins = origins.require();
        assert!(!origins.allow(None, "server.test"));
        assert!(origins.allow(Some("http://server.test"), "server.test"));
    }
}

#[test]
fn any_origin_is_any_origin_and_null() {
    accepts("any", &["null", "file://", "https://evil.org", "http://a:1", "app://x.y"]);
    accepts("ANY", &["https://evil.org"]);
    assert_eq!(listed(&["any"]), Origins::any());
}

#[test]
fn null_is_allowed_only_if_it_is_listed() {
    accepts("null", &["null", "file://"]);
    refuses("null", &["https://evil.org", "nullx", "null.test", "http://null"]);
    for text in ["https://*", "http://*:*", "https://null", "https://*.example.com"] {
        refuses(text, &["null", "file://"]);
    }
}

#[test]
fn origins_are_compared_as_a_whole() {
    accepts("http://localhost", &["http://localhost", "http://LOCALHOST:80", "HTTP://localhost"]);
    refuses(
        "http://localhost",
        &[
            "http://localhost.evil.com",
            "http://localhost:8080",
            "http://evillocalhost",
            "http://a.localhost",
            "http://localhost@evil.com",
            "https://localhost",
            "https://localhost:80",
        ],
    );
    accepts("https://App.example.com:443/", &["https://app.example.com"]);
    accepts("https://app.example.com:8443", &["https://app.example.com:8443"]);
    refuses(
        "https://app.example.com:8443",
        &[
            "https://app.example.com",
            "https://app.example.com:84430",
            "http://app.example.com:8443",
        ],
    );
    accepts("chrome-extension://abcdef", &["chrome-extension://abcdef"]);
    accepts("http://[0:0:0::1]:80", &["http://[::1]"]);
}

#[test]
fn every_listed_origin_is_allowed() {
    let texts = ["https://a.example", "http://localhost:*"];
    assert!(allows(&texts, "https://a.example"));
    assert!(allows(&texts, "http://localhost:3000"));
    assert!(!allows(&texts, "https://b.example"));
}

#[test]
fn port_pattern_matches_every_port_of_one_host() {
    let text = "http://localhost:*";
    accepts(text, &["http://localhost", "http://localhost:1", "http://LocalHost:65535"]);
    refuses(
        text,
        &[
            "https://localhost:1",
            "http://localhost.evil.com",
            "http://localhost.evil.com:80",
            "http://localhost:80.evil.com",
            "http://localhost:80@evil.com",
            "http://localhost:",
            "http://localhost:65536",
            "http://localhost:x",
        ],
    );
    accepts("http://[::1]:*", &["http://[::1]:8080"]);
}

#[test]
fn name_pattern_matches_every_subdomain() {
    let text = "https://*.example.com";
    accepts(
        text,
        &["https://a.example.com", "https://a.b.example.com", "https://A.Example.COM:443"],
    );
    refuses(
        text,
        &[
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "https://example.com.evil.org",
            "https://a.example.com.evil.org",
            "https://a.example.com:8443",
            "http://a.example.com",
            "https://evil.org/.example.com",
            "https://evil.org?.example.com",
            "https://evil.org#.example.com",
            "https://evil.org\\.example.com",
            "https://evil.org:443.example.com",
            "https://*.example.com",
        ],
    );
    accepts("https://*.example.com:*", &["https://a.example.com:8443"]);
    accepts("https://*.Example.com:8443", &["https://a.example.com:8443"]);
}

#[test]
fn scheme_pattern_matches_every_host() {
    accepts("https://*", &["https://evil.org", "https://localhost", "https://[::1]"]);
    refuses("https://*", &["http://evil.org", "https://evil.org:8443", "httpsx://evil.org"]);
    accepts("https://*:*", &["https://evil.org:8443", "https://evil.org"]);
    accepts("app://*", &["app://anything"]);
}

/// Values of `Origin` that no browser sends.
const ODD: [&str; 18] = [
    "",
    " ",
    "*",
    "example.com",
    "127.0.0.1:1",
    "https://",
    "https://a/b",
    "https://a//",
    "https://u@a",
    "https://a https://b",
    "https://a, https://b",
    "https://[::1",
    "https://[a]",
    "https://a:b",
    "://a",
    "1a://b",
    "javascript:alert(1)",
    "https://b\u{fc}cher.example",
];

#[test]
fn any_includes_text_that_is_not_an_origin() {
    accepts("any", &ODD);
    assert!(Origins::any().require().allow(Some(""), "server.test"));
}

#[test]
fn text_that_is_not_an_origin_is_refused_by_lists() {
    for text in ["same-host", "null", "https://*:*", "http://*:*", "https://a", "file://*"] {
        refuses(text, &ODD);
    }
}

#[test]
fn websocket_schemes_count_as_those_of_pages() {
    accepts("http://a.example", &["ws://a.example", "WS://a.example:80", "http://a.example"]);
    accepts("ws://a.example", &["ws://a.example", "http://a.example"]);
    accepts("https://a.example", &["wss://a.example", "wss://a.example:443"]);
    accepts("wss://*.example:*", &["https://a.example:8443", "wss://a.example"]);
    refuses("http://a.example", &["wss://a.example", "ws://a.example:443", "wsx://a.example"]);
    refuses("wss://a.example", &["ws://a.example", "http://a.example"]);
    accepts("same-host", &["ws://server.test", "wss://server.test/"]);
    refuses("same-host", &["ws://server.test:81", "ws://other.test"]);
}

#[test]
fn one_trailing_slash_is_ignored() {
    accepts("https://a.example", &["https://a.example/", "wss://a.example:443/"]);
    accepts("https://a.example/", &["https://a.example", "https://a.example/"]);
    accepts("same-host", &["http://server.test/"]);
    refuses(
        "https://a.example",
        &["https://a.example//", "https://a.example/x", "https://a.example\\"],
    );
    refuses("null", &["null/", "https://a.example/"]);
}

#[test]
fn text_that_is_not_an_origin_cannot_be_listed() {
    for text in [
        "",
        "*",
        "example.com",
        "https://",
        "https://a/b",
        "https://a//",
        "https://a?b",
        "https://u@a",
        "https://a:",
        "https://a:99999",
        "*://a",
        "https://a*.example.com",
        "https://*example.com",
        "https://*.",
        "https://*..example.com",
        "https://*.*.example.com",
        "https://a.*.com",
        "https://*.[::1]",
        "https://*:8*",
    ] {
        assert!(Origins::parse(["null", text]).is_err(), "{text:?}");
    }
}

#[test]
fn error_of_a_list_shows_every_form() {
    let message = Origins::parse(["example.com"]).map_err(|error: InvalidOrigin| error.to_string());
    let message = message.expect_err("there is no scheme");
    for part in [
        "example.com",
        "any",
        "null",
        "https://app.",
        "https://*.",
        "https://* ",
        "http://localhost:*",
    ] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

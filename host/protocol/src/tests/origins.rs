use crate::handshake::Origins;

fn listed(origins: &[&str]) -> Origins {
    Origins::Listed(
        origins.iter().map(|origin| Origins::parse(origin).expect("an origin")).collect(),
    )
}

#[test]
fn own_host_is_let_in_with_and_without_its_default_port() {
    let allow = |origin, host| Origins::SameHost.allow(Some(origin), host);
    assert!(allow("http://example.com", "example.com"));
    assert!(allow("http://example.com", "example.com:80"));
    assert!(allow("https://example.com", "example.com:443"));
    assert!(allow("https://example.com:443", "Example.COM"));
    assert!(allow("http://example.com:8080", "example.com:8080"));
    assert!(allow("http://[::1]:8080", "[::1]:8080"));
    assert!(!allow("http://example.com", "example.com:8080"));
    assert!(!allow("http://example.com:80", "example.com:443"));
    assert!(!allow("http://example.com.evil.org", "example.com"));
    assert!(!allow("http://evil.org", "example.com"));
    assert!(!allow("null", "example.com"));
    assert!(!allow("null", "null"));
    assert!(!allow("", ""));
}

#[test]
fn client_without_an_origin_is_let_in() {
    assert!(Origins::SameHost.allow(None, "example.com"));
    assert!(listed(&["https://a.example"]).allow(None, "example.com"));
}

#[test]
fn listed_origins_are_compared_whole() {
    let origins = listed(&["http://localhost", "https://App.example.com:443/"]);
    let allow = |origin| origins.allow(Some(origin), "chat.example.com");
    assert!(allow("http://localhost"));
    assert!(allow("https://app.example.com"));
    assert!(allow("https://chat.example.com"), "the own host");
    assert!(!allow("http://localhost.evil.com"));
    assert!(!allow("http://localhost:8080"));
    assert!(!allow("https://localhost"));
    assert!(!allow("http://app.example.com"));
    assert!(!allow("null"));
}

#[test]
fn any_origin_is_any_origin() {
    assert!(Origins::Any.allow(Some("null"), "example.com"));
    assert!(Origins::Any.allow(Some("https://evil.org"), "example.com"));
}

#[test]
fn what_is_no_origin_is_not_parsed() {
    for text in ["", "example.com", "https://", "https://a/b", "https://a?b", "https://u@a", "null"]
    {
        assert!(Origins::parse(text).is_err(), "{text:?}");
    }
}

//! A server's answers to an offer.

use http::HeaderValue;

use super::*;
use crate::handshake::{Rejection, Version, Versions};

fn offering(lines: &[&str]) -> Request<()> {
    let mut request = request(None);
    for line in lines {
        let line = HeaderValue::from_str(line).expect("a header value");
        request.headers_mut().append("sec-websocket-extensions", line);
    }
    request
}

fn extensions(response: &Response<()>) -> Option<&str> {
    let header = response.headers().get("sec-websocket-extensions");
    header.map(|value| value.to_str().expect("text"))
}

/// Asserts how a server with these settings responds to an offer, and which directions are negotiated.
#[track_caller]
fn answers(settings: &Deflate, offer: &[&str], expected: Option<(&str, Direction, Direction)>) {
    let mut upgrade = upgrade(&offering(offer));
    let agreed = upgrade.accept_deflate(settings);
    let response = upgrade.response(None).expect("an answer");
    let answer = agreed.map(|agreed| {
        let outgoing = agreed.outgoing().expect("a server always can");
        (extensions(&response).expect("an answer"), outgoing, agreed.incoming())
    });
    assert_eq!(answer, expected, "{offer:?}");
    assert_eq!(extensions(&response).is_some(), expected.is_some());
}

fn with_window(direction: Direction, bits: u8) -> Direction {
    Direction { window: window(bits), ..direction }
}

const BOTH: &str = "; server_no_context_takeover; client_no_context_takeover";

#[test]
fn response_contains_nothing_that_was_not_offered() {
    let settings = Deflate::default();
    answers(&settings, &[], None);
    answers(&settings, &["x-webkit-deflate-frame, permessage-bzip2; level=9"], None);
}

#[test]
fn offer_that_is_not_accepted_is_not_answered() {
    let upgrade = upgrade(&offering(&["permessage-deflate"]));
    assert_eq!(extensions(&upgrade.response(None).expect("an answer")), None);
}

#[test]
fn server_without_takeover_says_so() {
    let answer = format!("permessage-deflate{BOTH}");
    let expected = Some((&*answer, NO_TAKEOVER, NO_TAKEOVER));
    answers(&Deflate::default(), &["permessage-deflate"], expected);
    answers(&Deflate::default(), &["permessage-deflate; client_max_window_bits"], expected);
    answers(&Deflate::default(), &[&answer], expected);
}

#[test]
fn context_takeover_is_refused_by_either_side_for_either_direction() {
    let settings = Deflate::with_context_takeover();
    for (offer, outgoing, incoming) in [
        ("permessage-deflate", TAKEOVER, TAKEOVER),
        ("permessage-deflate; server_no_context_takeover", NO_TAKEOVER, TAKEOVER),
        ("permessage-deflate; client_no_context_takeover", TAKEOVER, NO_TAKEOVER),
    ] {
        answers(&settings, &[offer], Some((offer, outgoing, incoming)));
        let settings = Deflate { outgoing, incoming, ..settings };
        answers(&settings, &["permessage-deflate"], Some((offer, outgoing, incoming)));
    }
}

#[test]
fn window_of_the_server_is_the_narrower_one() {
    for (ours, offered, agreed) in [(15, 15, 15), (15, 9, 9), (9, 15, 9), (12, 10, 10)] {
        let outgoing = with_window(TAKEOVER, ours);
        let settings = Deflate { outgoing, ..Deflate::with_context_takeover() };
        let offer = format!("permessage-deflate; server_max_window_bits={offered}");
        let answer = format!("permessage-deflate; server_max_window_bits={agreed}");
        let expected = Some((&*answer, with_window(TAKEOVER, agreed), TAKEOVER));
        answers(&settings, &[&offer], expected);
        let expected = Some(("permessage-deflate", outgoing, TAKEOVER));
        answers(&settings, &["permessage-deflate"], expected);
    }
}

#[test]
fn window_of_the_client_is_limited_only_if_it_offers_that() {
    let narrow = with_window(TAKEOVER, 10);
    let settings = Deflate { incoming: narrow, ..Deflate::with_context_takeover() };
    let limit = |bits| format!("permessage-deflate; client_max_window_bits={bits}");
    let offer = "permessage-deflate; client_max_window_bits";
    answers(&settings, &[offer], Some((&limit(10), TAKEOVER, narrow)));
    answers(&settings, &[&limit(15)], Some((&limit(10), TAKEOVER, narrow)));
    answers(&settings, &[&limit(9)], Some((&limit(9), TAKEOVER, with_window(TAKEOVER, 9))));
    let wide = Deflate::with_context_takeover();
    answers(&wide, &[offer], Some(("permessage-deflate", TAKEOVER, TAKEOVER)));
    answers(&wide, &[&limit(12)], Some((&limit(12), TAKEOVER, with_window(TAKEOVER, 12))));
    // If the client does not offer a limit, its window may be wide. So the server keeps no window between messages.
    let answer = "permessage-deflate; client_no_context_takeover";
    answers(&settings, &["permessage-deflate"], Some((answer, TAKEOVER, NO_TAKEOVER)));
}

#[test]
fn window_of_8_bits_can_be_inflated_but_not_deflated() {
    let settings = Deflate::with_context_takeover();
    answers(&settings, &["permessage-deflate; server_max_window_bits=8"], None);
    let fallback = "permessage-deflate; server_max_window_bits=8, permessage-deflate";
    answers(&settings, &[fallback], Some(("permessage-deflate", TAKEOVER, TAKEOVER)));
    let offer = "permessage-deflate; client_max_window_bits=8";
    answers(&settings, &[offer], Some((offer, TAKEOVER, with_window(TAKEOVER, 9))));
}

#[test]
fn offer_with_an_invalid_parameter_is_declined_and_the_next_one_accepted() {
    let settings = Deflate::with_context_takeover();
    for wrong in [
        "unknown",
        "unknown=1",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=10",
        "server_max_window_bits=10; server_max_window_bits=10",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=09",
        "server_max_window_bits=1",
        "server_max_window_bits=10a",
        "server_max_window_bits=100",
        "server_max_window_bits=-9",
        "server_max_window_bits=+9",
        "client_max_window_bits=0",
        "client_max_window_bits=08",
        "client_max_window_bits=x",
        "Server_No_Context_Takeover",
    ] {
        let offer = format!("permessage-deflate; {wrong}");
        answers(&settings, &[&offer], None);
        let expected = Some(("permessage-deflate", TAKEOVER, TAKEOVER));
        answers(&settings, &[&format!("{offer}, permessage-deflate")], expected);
        answers(&settings, &[&offer, "permessage-deflate"], expected);
    }
}

#[test]
fn first_offer_that_can_be_fulfilled_is_accepted() {
    let offers = [
        "other; a=1, permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_no_context_takeover, permessage-deflate",
    ];
    let answer = "permessage-deflate; server_no_context_takeover";
    let expected = Some((answer, NO_TAKEOVER, TAKEOVER));
    answers(&Deflate::with_context_takeover(), &offers, expected);
}

#[test]
fn values_may_be_quoted_and_surrounded_by_space() {
    let answer = "permessage-deflate; server_max_window_bits=10";
    let expected = Some((answer, with_window(TAKEOVER, 10), TAKEOVER));
    for offer in [
        r#"permessage-deflate; server_max_window_bits="10""#,
        r#"permessage-deflate; server_max_window_bits="1\0""#,
        "permessage-deflate;server_max_window_bits=10",
        "  permessage-deflate ;\tserver_max_window_bits = 10 ,, ,other",
        ", permessage-deflate; server_max_window_bits=10,",
        r#"other; a="b", permessage-deflate; server_max_window_bits=10"#,
    ] {
        answers(&Deflate::with_context_takeover(), &[offer], expected);
    }
}

#[test]
fn empty_list_offers_nothing() {
    for empty in ["", ",", " , ,", "\t"] {
        answers(&Deflate::default(), &[empty], None);
    }
    answers(&Deflate::default(), &["", "other;a;b=c;b=d, Permessage-Deflate"], None);
}

#[test]
fn malformed_list_is_refused() {
    for malformed in [
        "permessage-deflate; ",
        "permessage-deflate;, other",
        "permessage-deflate; a=b=c",
        "permessage-deflate; a=b\u{e4}",
        "permessage-deflate; =1",
        "permessage-deflate; a=",
        "permessage-deflate; a b",
        "permessage-deflate other",
        "permessage/deflate",
        r#"a; b="c"#,
        r#"a; b="c\"#,
        r#"a; b="""#,
        r#"a; b="c d""#,
        r#"a; b="c"d"#,
        ";",
        "a;;b",
    ] {
        let request = offering(&[malformed]);
        let refused = with_rules(|_| {}, |rules| server::check(&request, rules));
        assert_eq!(refused, Err(Rejection::ExtensionsMalformed), "{malformed}");
    }
    assert_eq!(Rejection::ExtensionsMalformed.status().as_u16(), 400);
}

#[test]
fn drafts_have_no_compression() {
    let versions: Versions =
        [Version::Rfc6455, Version::Draft08, Version::Draft07].into_iter().collect();
    for number in ["7", "8"] {
        let mut request = offering(&["permessage-deflate"]);
        let number = HeaderValue::from_static(number);
        request.headers_mut().insert("sec-websocket-version", number);
        let origins = Origins::default();
        let rules =
            Rules { origins: &origins, versions: &versions, host: None, scheme: Scheme::Http };
        let mut upgrade = server::check(&request, &rules).expect("a good request");
        assert_eq!(upgrade.accept_deflate(&Deflate::default()), None);
    }
}

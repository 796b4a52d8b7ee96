//! What clients get, and when.

use std::time::Duration;

use ws_guest::testing::{Received, TestHost, TestRequest};
use ws_guest::{Cause, CloseCode, Timer};

use crate::Board;

#[test]
fn message_reaches_all_clients_and_closed_clients_get_nothing() {
    let host = TestHost::new::<Board>();
    let (ann, bob) = (host.connect("/"), host.connect("/"));
    ann.send_text("hello");
    ann.expect_text("hello");
    assert_eq!(bob.receive(), Some(Received::Text("hello".into())));
    bob.send_text("leave");
    bob.expect_closed(CloseCode::Normal, "bye");
    ann.disconnect(Cause::Lost);
    assert_eq!(ann.closed().expect("it is lost").code, CloseCode::Other(1006));
    assert!(host.clients().is_empty());
}

#[test]
fn time_passes_only_when_the_test_says_so() {
    let host = TestHost::new::<Board>();
    let ann = host.connect("/");
    ann.send_text("forget later");
    assert_eq!(host.timers(), [(Timer::new(1), Duration::from_secs(30))]);
    host.advance(Duration::from_millis(29_999));
    ann.expect_nothing();
    host.advance(Duration::from_millis(1));
    ann.expect_text("forgotten");
    assert!(host.timers().is_empty());
}

#[test]
fn client_that_does_not_read_gets_everything_later() {
    let host = TestHost::new::<Board>().max_outbound(20);
    let (ann, bob) = (host.connect("/"), host.connect("/"));
    bob.stop_reading();
    for text in ["12345678", "abcdefgh", "too much"] {
        ann.send_text(text);
    }
    assert_eq!(ann.waiting(), 3);
    bob.expect_nothing();
    bob.read_again();
    assert_eq!(bob.receive_texts(), ["12345678", "abcdefgh"]);
}

#[test]
fn request_is_what_the_test_says() {
    let host = TestHost::new::<Board>().path("/room/{id}").resource("board");
    let request = TestRequest::new("/room/blue?name=ann").header("Cookie", "a=1").secure();
    let ann = host.connect(request.client_address("192.0.2.7")).client();
    host.with_handler(|_: &mut Board| {
        let request = ann.request();
        assert_eq!(request.resource(), "board");
        assert_eq!(request.path(), "/room/blue");
        assert_eq!(request.query().as_deref(), Some("name=ann"));
        assert_eq!(request.parameter("id").as_deref(), Some("blue"));
        assert_eq!(request.header("cookie").as_deref(), Some("a=1"));
        assert_eq!(request.client_address(), "192.0.2.7");
        assert!(request.is_secure());
    });
}

#[test]
fn custom_message_is_answered() {
    let host = TestHost::new::<Board>();
    host.connect("/").send_text("hello");
    assert_eq!(host.send_custom("text/plain", "count"), Ok(br#"Some("text/plain") 1"#.to_vec()));
}

#[test]
fn lines_of_log_and_tracing_and_unhandled_errors_are_in_the_log() {
    let host = TestHost::new::<Board>();
    let ann = host.connect("/");
    ann.send_text("log");
    ann.send_text("fail");
    ann.expect_closed(CloseCode::InternalError, "the handler failed");
    let log: Vec<_> = host.log().into_iter().map(|line| (line.level, line.text)).collect();
    let expected = [
        ("warn", "a line of log"),
        ("info", "an event of tracing number=7"),
        ("error", "client 1: on purpose"),
    ];
    assert_eq!(log, expected.map(|(level, text)| (level.to_owned(), text.to_owned())));
}

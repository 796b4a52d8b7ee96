//! What a test that fails says.

use ws_guest::testing::TestHost;
use ws_guest::{CloseCode, clients};

use crate::{Board, BoardV2};

#[test]
#[should_panic(expected = r#"client 1 got the text "hello"; expected: the text "hallo""#)]
fn other_text() {
    let ann = TestHost::new::<Board>().connect("/");
    ann.send_text("hello");
    ann.expect_text("hallo");
}

#[test]
#[should_panic(expected = "client 1 got nothing; expected: the binary message [1]")]
fn nothing() {
    TestHost::new::<Board>().connect("/").expect_binary([1]);
}

#[test]
#[should_panic(
    expected = r#"client 1 was closed with 1003 and the reason "this resource takes no binary messages""#
)]
fn closed_instead() {
    let ann = TestHost::new::<Board>().connect("/");
    ann.send_binary([1]);
    ann.expect_text("hello");
}

#[test]
#[should_panic(expected = r#"client 1 is open; expected: closed with 1000 and the reason """#)]
fn open_still() {
    TestHost::new::<Board>().connect("/").expect_closed(CloseCode::Normal, "");
}

#[test]
#[should_panic(expected = "client 1 cannot send: it was closed with 1000")]
fn send_after_the_end() {
    let ann = TestHost::new::<Board>().connect("/");
    ann.close();
    ann.send_text("hello");
}

#[test]
#[should_panic(expected = "/hall does not match the path of the resource, /room/{id}")]
fn other_path() {
    TestHost::new::<Board>().path("/room/{id}").connect("/hall");
}

#[test]
#[should_panic(expected = "on purpose")]
fn panic_of_the_handler() {
    TestHost::new::<Board>().connect("/").send_text("panic");
}

#[test]
#[should_panic(expected = "a function of the host was called outside an event")]
fn host_outside_an_event() {
    clients();
}

#[test]
#[should_panic(
    expected = "takes no custom messages: implement `CustomMessages`, and name it in `export!`"
)]
fn event_that_is_not_exported() {
    let _ = TestHost::new::<BoardV2>().send_custom("text/plain", "hello");
}

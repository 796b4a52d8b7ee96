use std::time::Duration;

use ws_guest::CloseCode;
use ws_guest::testing::TestHost;

use crate::Chat;

#[test]
fn people_see_who_comes_what_is_said_and_who_leaves() {
    let host = TestHost::new::<Chat>();
    let ann = host.connect("/?name=ann");
    assert_eq!(ann.receive_texts(), ["* you are ann"]);
    let guest = host.connect("/");
    assert_eq!(guest.receive_texts(), ["* you are guest-2", "* here: ann"]);
    guest.send_text("  hello  ");
    guest.expect_text("guest-2: hello");
    assert_eq!(ann.receive_texts(), ["* guest-2 joined", "guest-2: hello"]);
    guest.close();
    ann.expect_text("* guest-2 left");
    ann.send_binary([1]);
    ann.expect_closed(CloseCode::InvalidType, "this is a chat: text only");
}

#[test]
fn names_that_are_taken_or_bad_are_refused() {
    let host = TestHost::new::<Chat>();
    let ann = host.connect("/?name=Ann+B");
    ann.expect_text("* you are Ann B");
    let refused = host.try_connect("/?name=ann%20b").expect_err("the name is taken");
    assert_eq!((refused.status, refused.text()), (409, "this name is already taken\n".into()));
    let refused = host.try_connect("/?name=").expect_err("it is empty");
    assert_eq!((refused.status, refused.text()), (400, "a name must not be empty\n".into()));
    ann.send_text("/name a:b");
    ann.expect_text("! a name cannot contain : , * ! or control characters");
    ann.send_text("/name bob");
    ann.expect_text("* Ann B is now bob");
}

#[test]
fn reminder_comes_in_time_even_after_a_reload() {
    let host = TestHost::new::<Chat>();
    let ann = host.connect("/?name=ann");
    ann.expect_text("* you are ann");
    for bad in ["/remind", "/remind 5", "/remind soon tea", "/remind 3601 tea", "/remind -1 tea"] {
        ann.send_text(bad);
        ann.expect_text("! use /remind SECONDS TEXT");
    }
    ann.send_text("/remind 1.5 drink tea");
    ann.expect_text("* in 1.5 s: drink tea");
    host.reload::<Chat>().expect("the state fits");
    host.advance(Duration::from_millis(1499));
    ann.expect_nothing();
    host.advance(Duration::from_millis(1));
    ann.expect_text("* reminder: drink tea");
    ann.send_text("hello");
    ann.expect_text("ann: hello");
}

#[test]
fn people_are_guests_again_after_a_fault() {
    let host = TestHost::new::<Chat>();
    let (ann, bob) = (host.connect("/?name=ann"), host.connect("/?name=bob"));
    host.lose_instance();
    bob.send_text("hello");
    assert_eq!(bob.receive_texts(), ["* you are bob", "* here: ann", "guest-2: hello"]);
    assert_eq!(ann.receive_texts(), ["* you are ann", "* bob joined", "guest-2: hello"]);
}

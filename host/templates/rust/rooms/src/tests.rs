use ws_guest::testing::TestHost;

use crate::Room;

#[test]
fn lines_go_to_all_and_are_kept_for_those_who_come_later() {
    let host = TestHost::new::<Room>().path("/room/{id}");
    let ann = host.connect("/room/blue");
    ann.expect_text("* room blue, 1 here");
    for number in 1..=21 {
        ann.send_text(format!(" line {number}\n"));
        ann.expect_text(format!(" line {number}\n"));
    }
    let bob = host.connect("/room/blue");
    let seen = bob.receive_texts();
    assert_eq!(seen.len(), 21);
    assert_eq!((&*seen[0], &*seen[1]), ("* room blue, 2 here", " line 2\n"));
    bob.send_text("hello");
    ann.expect_text("hello");
}

#[test]
fn lines_outlive_hibernation_and_reload() {
    let host = TestHost::new::<Room>().path("/room/{id}");
    let ann = host.connect("/room/blue");
    ann.send_text("hello");
    assert!(host.hibernate());
    host.connect("/room/blue").close();
    host.reload::<Room>().expect("the state fits");
    let bob = host.connect("/room/blue");
    assert_eq!(bob.receive_texts(), ["* room blue, 2 here", "hello"]);
}

use ws_guest::testing::TestHost;

use crate::Echo;

#[test]
fn messages_come_back() {
    let host = TestHost::new::<Echo>();
    let (ann, bob) = (host.connect("/"), host.connect("/"));
    ann.send_text("hello");
    ann.expect_text("hello");
    ann.send_binary([0, 255]);
    ann.expect_binary([0, 255]);
    bob.expect_nothing();
}

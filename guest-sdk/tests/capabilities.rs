//! What a configuration grants, in the host for tests.
#![cfg(feature = "testing")]

use ws_guest::keyvalue::{self, ErrorKind};
use ws_guest::testing::TestHost;
use ws_guest::{Client, Error, Handler, config};

#[derive(Default)]
struct Counter;

impl Handler for Counter {
    fn received_text(&mut self, client: Client, name: String) -> Result<(), Error> {
        let greeting = config::get("greeting")?.unwrap_or_else(|| "Hello".to_owned());
        let visits = keyvalue::open("visits")?.increment(&name, 1)?;
        Ok(client.send_text(format!("{greeting}, {name}: {visits}"))?)
    }
}

ws_guest::export!(Counter);

#[test]
fn values_outlive_the_instance() {
    let host = TestHost::new::<Counter>().config("greeting", "Good day");
    let client = host.connect("/");
    client.send_text("Ada");
    client.expect_text("Good day, Ada: 1");
    host.lose_instance();
    client.send_text("Ada");
    client.expect_text("Good day, Ada: 2");
}

#[test]
fn configuration_has_only_the_values_that_the_test_has_set() {
    let host = TestHost::new::<Counter>().config("b", "2").config("a", "1");
    host.with_handler(|_: &mut Counter| {
        assert_eq!(config::get("greeting"), Ok(None));
        let all = config::all().expect("granted");
        assert_eq!(all, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    });
}

#[test]
fn buckets_have_their_own_keys_in_order() {
    let host = TestHost::new::<Counter>();
    host.with_handler(|_: &mut Counter| -> Result<(), keyvalue::Error> {
        let (own, shared) = (keyvalue::open_own()?, keyvalue::open("shared")?);
        let pairs: Vec<_> = (0..1000).map(|key| (format!("{key:04}"), "x")).collect();
        own.set_many(&pairs)?;
        own.set("last", "y")?;
        assert_eq!(own.keys().collect::<Result<Vec<_>, _>>()?.len(), 1001);
        assert_eq!(shared.keys().count(), 0);
        assert_eq!(own.get_many(&["last", "none"])?, [Some(b"y".to_vec()), None]);
        own.delete_many(&["last", "none"])?;
        assert!(!own.exists("last")?);
        Ok(())
    })
    .expect("within the limits");
}

#[test]
fn value_is_swapped_only_if_it_is_the_expected_one() {
    let host = TestHost::new::<Counter>();
    host.with_handler(|_: &mut Counter| -> Result<(), keyvalue::Error> {
        let bucket = keyvalue::open("shared")?;
        assert!(!bucket.compare_and_swap("a", Some(b"one"), "two")?);
        assert!(bucket.compare_and_swap("a", None, "one")?);
        assert!(!bucket.compare_and_swap("a", None, "two")?);
        let updated =
            bucket.update("a", |value| [value.unwrap_or_default(), b"!".into()].concat())?;
        assert_eq!(updated, b"one!");
        assert_eq!(bucket.get("a")?, Some(updated));
        Ok(())
    })
    .expect("within the limits");
}

#[test]
fn limits_are_errors_with_a_kind() {
    let host = TestHost::new::<Counter>();
    host.with_handler(|_: &mut Counter| {
        let kind = |result: Result<(), keyvalue::Error>| result.map_err(|error| error.kind());
        let bucket = keyvalue::open("shared").expect("a bucket");
        assert_eq!(kind(bucket.set("k".repeat(1025), "")), Err(ErrorKind::TooLong));
        assert_eq!(kind(bucket.set("k", "v".repeat((1 << 20) + 1))), Err(ErrorKind::TooLong));
        assert_eq!(kind(bucket.delete_many(&["k"; 1001])), Err(ErrorKind::TooMany));
        bucket.set("k", "text").expect("a value");
        assert_eq!(kind(bucket.increment("k", 1).map(drop)), Err(ErrorKind::NotANumber));
    });
}

//! Clients in a state that is saved.
#![cfg(feature = "serde")]

use std::collections::{BTreeMap, HashMap, HashSet};

use ws_guest::Client;

/// The highest number that a client can have.
const HIGHEST: u64 = (1 << 53) - 1;

#[test]
fn client_is_saved_as_its_number_alone_in_lists_and_as_a_key() -> serde_json::Result<()> {
    let [first, last] = [1, HIGHEST].map(Client::from_id);
    assert_eq!(serde_json::to_string(&last)?, HIGHEST.to_string());
    let names = BTreeMap::from([(first, "ann"), (last, "bob")]);
    let saved = serde_json::to_string(&names)?;
    assert_eq!(saved, r#"{"1":"ann","9007199254740991":"bob"}"#);
    let restored: HashMap<Client, String> = serde_json::from_str(&saved)?;
    assert_eq!((&*restored[&first], &*restored[&last], restored.len()), ("ann", "bob", 2));
    let saved = serde_json::to_vec(&[last, first, last])?;
    assert_eq!(serde_json::from_slice::<HashSet<Client>>(&saved)?, HashSet::from([first, last]));
    Ok(())
}

//! Messages from outside to paths that live on one host of a cluster.

use anyhow::Result;

use super::members::{Shared, join, placement};
use crate::configured::ask_admin;

#[test]
fn message_to_a_path_of_another_host_is_refused_and_names_that_host() -> Result<()> {
    let shared = Shared::start()?;
    let [owner, other] = [shared.host()?, shared.host()?];
    let _client = join(&owner, "/room/1")?;
    let send = |admin, room| {
        let request = format!("POST /resources/guest-keeper/messages?path=/room/{room}");
        ask_admin(admin, &request, "", b"a message")
    };
    // The instance gets it, and exports no listener.
    assert_eq!(send(owner.admin, 1)?.status, 501);
    let name = owner.cluster()?["host"].as_str().unwrap_or_default().to_owned();
    let refused = send(other.admin, 1)?;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains(&name), "{refused:?} does not name {name}");
    // A message to a path without an owner starts it here, as a client does.
    assert_eq!(send(other.admin, 2)?.status, 501);
    assert_eq!(placement(&other)?["owned_actors"], 1);
    assert_eq!(send(owner.admin, 2)?.status, 503);
    Ok(())
}

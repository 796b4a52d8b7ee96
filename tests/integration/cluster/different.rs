//! Hosts that were given another component or another name of the cluster than the others.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use ws_host_test_support::{Backend, wait_until};

use super::members::{LEASE, Shared, count, is_ready, join, placement};
use crate::admin_api::expect_described;
use crate::hosts::Host;
use crate::keeper::{Keeper, post_reload};

/// Returns what a host lists as different.
fn differences(host: &Host) -> Result<Value> {
    Ok(placement(host)?["differences"].take())
}

/// Returns the hash of the component that a host publishes, as another host sees it.
fn hash_of(seen_by: &Host, name: &str) -> Result<Option<String>> {
    let placement = placement(seen_by)?;
    let hosts = placement["hosts"].as_array().context("hosts")?;
    let host = hosts.iter().find(|host| host["host"] == name);
    let hash = host.and_then(|host| host["components"]["keeper"].as_str());
    Ok(hash.map(str::to_owned))
}

#[test]
fn another_component_for_the_same_resource_is_said_until_all_hosts_have_the_same() -> Result<()> {
    let (shared, url) = (Shared::start()?, |shared: &Shared| shared.broker.url());
    let files = [Keeper::new()?, Keeper::new()?];
    files[1].replace_with(2)?;
    let start =
        |file: &Keeper| shared.starting_file(&file.file(), &url(&shared), LEASE, &["--no-watch"]);
    let [mut first, mut second] = [start(&files[0])?, start(&files[1])?];
    first.wait_until_ready()?;
    second.wait_until_ready()?;
    let names = [&first, &second].map(|host| host.cluster().map(|status| status["host"].clone()));
    let [first_name, second_name] =
        names.map(|name| name.map(|name| name.as_str().map(str::to_owned)));
    let (first_name, second_name) =
        (first_name?.context("a name")?, second_name?.context("a name")?);
    // Each host names the other one, and both components.
    for (host, other) in [(&mut first, &second_name), (&mut second, &first_name)] {
        let line = host.server.wait_for_log("has another component for this resource")?;
        for words in [
            &format!("the host {other} "),
            "resource=\"keeper\"",
            "rolled out",
            "give all hosts the same",
        ] {
            assert!(line.contains(words), "{words:?} is not in {line:?}");
        }
    }
    wait_until(|| Ok(hash_of(&second, &first_name)?.is_some()))?;
    let here = hash_of(&second, &first_name)?.context("a hash")?;
    let there = hash_of(&first, &second_name)?.context("a hash")?;
    assert_ne!(here, there);
    let expected = |host: &str, here: &str, there: &str| json!([{ "resource": "keeper", "host": host, "here": here, "there": there }]);
    assert_eq!(differences(&first)?, expected(&second_name, &here, &there));
    assert_eq!(differences(&second)?, expected(&first_name, &there, &here));
    expect_described(first.admin, "/cluster")?;
    // A difference keeps neither host from serving.
    assert_eq!(count(&mut join(&first, "/room/1")?)?, 1);
    assert_eq!(count(&mut join(&second, "/room/1")?)?, 2);
    files[1].replace_with(1)?;
    assert_eq!(post_reload(second.admin)?.status, 200);
    for host in [&mut first, &mut second] {
        let line =
            host.server.wait_for_log("the other hosts no longer have a different component")?;
        assert!(line.contains("resource=\"keeper\""), "{line}");
        assert_eq!(differences(host)?, json!([]));
    }
    Ok(())
}

#[test]
fn host_of_another_cluster_at_the_same_broker_is_said() -> Result<()> {
    let shared = Shared::start()?;
    let mut host = shared.host()?;
    let flags = ["--cluster-name", "defualt"];
    let other = shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags)?;
    let line = host.server.wait_for_log("is in another cluster")?;
    for words in ["defualt", "which is in default", "--cluster-name"] {
        assert!(line.contains(words), "{words:?} is not in {line:?}");
    }
    let name = other.cluster()?["host"].as_str().unwrap_or_default().to_owned();
    assert!(line.contains(&format!("the host {name} ")), "{line}");
    assert_eq!(host.cluster()?["other_clusters"], json!(["defualt"]));
    // It is no reason not to serve.
    assert!(is_ready(&host)?);
    Ok(())
}

#[test]
fn garbage_instead_of_the_announcement_of_a_host_is_counted() -> Result<()> {
    let shared = Shared::start()?;
    let host = shared.host()?;
    let mut backend = Backend::connect(shared.broker.address())?;
    let long = vec![b'x'; 100_000];
    for payload in [&b""[..], b"garbage", b"\xff\xfe", b"{\"host\":\"..\\u001b[2J\"}", &long] {
        backend.publish("ws.other.host", payload)?;
    }
    // The name of a cluster has no such letters.
    backend.publish("ws.a=b.host", br#"{"host":"00000000000000ff"}"#)?;
    wait_until(|| Ok(host.dropped("malformed")? == 6))?;
    assert_eq!(host.cluster()?["other_clusters"], json!([]));
    Ok(())
}

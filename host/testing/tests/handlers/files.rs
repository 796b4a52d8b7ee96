//! Files that a handler may read, and values that it stores.

use std::time::Duration;

use anyhow::Result;
use ws_host_test_support::component;

use crate::ask;
use ws_host_testing::TestHost;
use ws_host_testing::config::InstancePer;

#[test]
fn granted_files_are_read_without_time_passing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.txt"), "first")?;
    let grant = format!("folder:{}::/data", folder.path().display()).parse()?;
    let host = TestHost::component(component("guest-granted"))
        .resource(|resource| {
            resource.instance_per = InstancePer::Client;
            resource.grants = vec![grant];
        })
        .start()?;
    for _ in 0..20 {
        // An instance cannot start before its folders are open.
        let client = host.connect("/")?;
        assert_eq!(ask(&client, "list /data")?, "[\"a.txt\"]");
        assert_eq!(ask(&client, "read /data/a.txt")?, "\"first\"");
    }
    assert_eq!(host.elapsed(), Duration::ZERO);
    Ok(())
}

#[test]
fn values_are_stored_without_time_passing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let grant = format!("keyvalue:{}", folder.path().join("store").display()).parse()?;
    let host = TestHost::component(component("guest-storing"))
        .resource(|resource| resource.grants = vec![grant])
        .start()?;
    let client = host.connect("/")?;
    for number in 0..20 {
        assert_eq!(ask(&client, &format!("set shared a {number}"))?, "set");
        assert_eq!(ask(&client, "get shared a")?, number.to_string());
    }
    assert_eq!(host.elapsed(), Duration::ZERO);
    Ok(())
}

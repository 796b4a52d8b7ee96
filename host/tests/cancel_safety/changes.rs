//! Changes of settings and components while handlers are busy.

use std::time::Duration;

use ws_host::{Host, Recipient, ReloadOutcome, Server, config};

use crate::support::{
    NAME, Outcome, component, drop_after, expect_record, for_each_poll_count, host, resource,
};

/// Each change sets another environment, which needs a new instance. The old one takes its time to save its state.
#[tokio::test]
async fn change_of_settings_completes_when_its_future_is_dropped() {
    let host = host(resource("/", "sleep 20")).await;
    let mut expected = Vec::new();
    for call in ["sleep", "spin"] {
        for_each_poll_count(async |polls| {
            expected.push(send_numbered(&host, &format!("{call} {polls}")).await);
            let mut settings = resource("/", &format!("{call} 20 {polls}"));
            settings.timeouts.hibernate_after = Some(Duration::from_secs(1000 + polls as u64));
            let outcome = drop_after(polls, host.configure(vec![settings.clone()])).await;
            expect_record(&host, &expected, &format!("{call} {polls}")).await;
            // The same settings again change nothing: the dropped change was applied completely.
            let again = host.configure(vec![settings]).await.expect("good settings");
            let (changed, unchanged) = changed_if_never_polled(polls);
            assert_eq!((again.changed, again.unchanged), (changed, unchanged), "{polls} polls");
            let reloaded = host.reload(NAME).await.expect("a good component");
            assert!(matches!(reloaded, ReloadOutcome::Unchanged { .. }), "{reloaded:?}");
            expect_record(&host, &expected, &format!("{call} {polls}")).await;
            outcome
        })
        .await;
    }
}

/// The removal waits for a change that runs at the same time. While it waits, dropping its future cancels it.
#[tokio::test]
async fn removal_either_completes_or_changes_nothing() {
    for_each_poll_count(async |polls| {
        let host = host(resource("/", "sleep 20")).await;
        assert!(host.send_custom(NAME, Recipient::All, b"begin").await.is_ok());
        let change = host.configure(vec![resource("/", "other")]);
        let removal = host.remove(NAME);
        let (_, outcome) = tokio::join!(change, drop_after(polls, removal));
        match outcome {
            Outcome::Dropped => expect_record(&host, &["begin".to_owned()], "not removed").await,
            Outcome::Completed => assert!(host.resources().is_empty()),
        }
        outcome
    })
    .await;
}

#[tokio::test]
async fn reload_completes_when_its_future_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("component.wasm");
    let mut bytes = std::fs::read(component()).expect("a component");
    std::fs::write(&file, &bytes).expect("a file");
    let mut settings = resource("/", "sleep 20");
    settings.component = file.clone();
    let mut config = config::HostConfig::new(vec![settings]);
    config.watch = config::Watch::Off;
    let host = Host::start(config).await.expect("a host");
    let mut expected = Vec::new();
    for_each_poll_count(async |polls| {
        expected.push(send_numbered(&host, &polls.to_string()).await);
        // An empty custom section changes the file but not the code: id 0, one byte long, with an empty name.
        bytes.extend([0, 1, 0]);
        std::fs::write(&file, &bytes).expect("a file");
        let before = host.resources()[0].hash.clone();
        let outcome = drop_after(polls, host.reload(NAME)).await;
        let again = host.reload(NAME).await.expect("a good component");
        match again {
            ReloadOutcome::Replaced(_) => assert_eq!(polls, 0),
            _ => assert!(polls > 0, "{again:?}"),
        }
        assert_ne!(host.resources()[0].hash, before);
        expect_record(&host, &expected, &format!("{polls} polls")).await;
        outcome
    })
    .await;
}

#[tokio::test]
async fn reload_of_the_configuration_completes_when_its_future_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ws-host.toml");
    let write = |suspend: &str, hibernate_after: usize| {
        let text = format!(
            "listen = [\"127.0.0.1:0\"]\nwatch = false\n[[resource]]\nname = {NAME:?}\npath = \"/\"\n\
             component = {:?}\nenvironment = {{ SUSPEND = {suspend:?} }}\nhibernate-after = \"{hibernate_after}s\"\n",
            component()
        );
        std::fs::write(&file, text).expect("a file");
    };
    write("sleep 20", 1000);
    let config = config::read(&file, config::Mode::Production).expect("a configuration");
    let server = Server::start(config).await.expect("a server");
    let (host, reloader) = (server.host(), server.config_reloader());
    let mut expected = Vec::new();
    for_each_poll_count(async |polls| {
        expected.push(send_numbered(host, &polls.to_string()).await);
        write(&format!("sleep 20 {polls}"), 1001 + polls);
        let outcome = drop_after(polls, reloader.reload()).await;
        let again = reloader.reload().await.expect("a good configuration");
        let configured = again.configured.expect("a file");
        let (changed, unchanged) = changed_if_never_polled(polls);
        assert_eq!((configured.changed, configured.unchanged), (changed, unchanged), "{polls}");
        expect_record(host, &expected, &format!("{polls} polls")).await;
        outcome
    })
    .await;
}

/// Sends a message before a change, and returns it as the handler records it.
async fn send_numbered(host: &Host, number: &str) -> String {
    let message = format!("before {number}");
    assert!(host.send_custom(NAME, Recipient::All, message.as_bytes()).await.is_ok());
    message
}

/// Returns the names of the changed and the unchanged resources when a change is made again. A change whose future was
/// never polled was not made the first time.
fn changed_if_never_polled(polls: usize) -> (Vec<String>, Vec<String>) {
    match polls {
        0 => (vec![NAME.to_owned()], vec![]),
        _ => (vec![], vec![NAME.to_owned()]),
    }
}

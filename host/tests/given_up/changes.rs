//! Changes of the host while handlers are at work.

use std::time::Duration;

use ws_host::{Host, Recipient, ReloadOutcome, Server, config};

use crate::scene::{NAME, Outcome, component, give_up_after, host, record_becomes, resource};

/// Other environments, which need new instances, one after the other; each handler takes its time to hand over.
#[tokio::test]
async fn change_of_settings_goes_on_whoever_gives_up_waiting_for_it() {
    let host = host(resource("/", "sleep 20")).await;
    let mut expected = Vec::new();
    for call in ["sleep", "spin"] {
        for polls in 0.. {
            let message = format!("before {call} {polls}");
            let sent = host.send_custom(NAME, Recipient::All, message.as_bytes());
            assert!(sent.await.is_ok());
            expected.push(message);
            let mut changed = resource("/", &format!("{call} 20 {polls}"));
            changed.timeouts.hibernate_after = Some(Duration::from_secs(1000 + polls as u64));
            let outcome = give_up_after(polls, host.configure(vec![changed.clone()])).await;
            record_becomes(&host, &expected, &format!("{call} {polls}")).await;
            // The same again finds it changed, all of it.
            let again = host.configure(vec![changed]).await.expect("good settings");
            let (changed, unchanged) = match polls {
                0 => (vec![NAME.to_owned()], vec![]),
                _ => (vec![], vec![NAME.to_owned()]),
            };
            assert_eq!((again.changed, again.unchanged), (changed, unchanged), "{polls} polls");
            let reloaded = host.reload(NAME).await.expect("a good component");
            assert!(matches!(reloaded, ws_host::ReloadOutcome::Unchanged { .. }), "{reloaded:?}");
            record_becomes(&host, &expected, &format!("{call} {polls}")).await;
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}

/// What waits for another change is given up; what has begun is not.
#[tokio::test]
async fn resource_is_removed_or_stays() {
    for polls in 0.. {
        let host = host(resource("/", "sleep 20")).await;
        assert!(host.send_custom(NAME, Recipient::All, b"begin").await.is_ok());
        let changed = host.configure(vec![resource("/", "other")]);
        let removed = host.remove(NAME);
        let (_, outcome) = tokio::join!(changed, give_up_after(polls, removed));
        match outcome {
            Outcome::GivenUp => record_becomes(&host, &["begin".to_owned()], "still there").await,
            Outcome::Done => return assert!(host.resources().is_empty()),
        }
    }
}

#[tokio::test]
async fn reload_goes_on_whoever_gives_up_waiting_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("component.wasm");
    let mut bytes = std::fs::read(component()).expect("a component");
    std::fs::write(&file, &bytes).expect("a file");
    let mut settings = resource("/", "sleep 20");
    settings.component = file.clone();
    let mut config = config::Host::new(vec![settings]);
    config.watch = config::Watch::Off;
    let host = Host::start(config).await.expect("a host");
    let mut expected = Vec::new();
    for polls in 0.. {
        let message = format!("before {polls}");
        assert!(host.send_custom(NAME, Recipient::All, message.as_bytes()).await.is_ok());
        expected.push(message);
        // A custom section of this length, with an empty name and nothing in it, makes it another file.
        bytes.extend([0, 1, 0]);
        std::fs::write(&file, &bytes).expect("a file");
        let before = host.resources()[0].hash.clone();
        let outcome = give_up_after(polls, host.reload(NAME)).await;
        let again = host.reload(NAME).await.expect("a good component");
        match again {
            ReloadOutcome::Replaced(_) => assert_eq!(polls, 0),
            _ => assert!(polls > 0, "{again:?}"),
        }
        assert_ne!(host.resources()[0].hash, before);
        record_becomes(&host, &expected, &format!("{polls} polls")).await;
        if outcome == Outcome::Done {
            break;
        }
    }
}

#[tokio::test]
async fn renewal_goes_on_whoever_gives_up_waiting_for_it() {
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
    let (host, renewer) = (server.host(), server.config_reloader());
    let mut expected = Vec::new();
    for polls in 0.. {
        let message = format!("before {polls}");
        assert!(host.send_custom(NAME, Recipient::All, message.as_bytes()).await.is_ok());
        expected.push(message);
        write(&format!("sleep 20 {polls}"), 1001 + polls);
        let outcome = give_up_after(polls, renewer.renew()).await;
        let again = renewer.renew().await.expect("a good configuration");
        let configured = again.configured.expect("a file");
        let (changed, unchanged) = match polls {
            0 => (vec![NAME.to_owned()], vec![]),
            _ => (vec![], vec![NAME.to_owned()]),
        };
        assert_eq!((configured.changed, configured.unchanged), (changed, unchanged), "{polls}");
        record_becomes(host, &expected, &format!("{polls} polls")).await;
        if outcome == Outcome::Done {
            break;
        }
    }
}

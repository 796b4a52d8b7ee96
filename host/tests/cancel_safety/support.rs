//! A host whose handler takes its time, and futures that are dropped before they complete.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use ws_host::config::{self, InstancePer, ResourceConfig};
use ws_host::{CustomReply, Host, Recipient};

/// The name of the resource.
pub(crate) const NAME: &str = "patient";

/// Only a failing test waits this long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Whether a future completed before it was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Dropped,
    Completed,
}

/// Polls a future at most `polls` times, then drops it.
pub(crate) async fn drop_after(polls: usize, future: impl Future) -> Outcome {
    let mut future = pin!(future);
    let mut left = polls;
    let polling = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(Outcome::Dropped);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(Outcome::Completed),
            Poll::Pending if left == 0 => Poll::Ready(Outcome::Dropped),
            Poll::Pending => Poll::Pending,
        }
    });
    timeout(DEADLINE, polling).await.expect("the future is woken in time")
}

/// Runs a test with 0 polls, 1 poll and so on, until its future completes.
pub(crate) async fn for_each_poll_count(mut test: impl AsyncFnMut(usize) -> Outcome) {
    for polls in 0.. {
        if test(polls).await == Outcome::Completed {
            return;
        }
    }
}

pub(crate) fn component() -> PathBuf {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/guest-patient.wasm");
    assert!(file.is_file(), "run `make components` first");
    file
}

/// Returns the resource. `suspend` says how long its handler takes to save its state: `sleep 20` or `spin 20`, in
/// milliseconds.
pub(crate) fn resource(path: &str, suspend: &str) -> ResourceConfig {
    let mut resource = ResourceConfig::new(path, component()).expect("a path");
    resource.name = NAME.into();
    resource.environment = vec![("SUSPEND".to_owned(), suspend.to_owned())];
    if path.contains('{') {
        resource.instance_per = InstancePer::Path;
    }
    resource
}

pub(crate) async fn host(resource: ResourceConfig) -> Host {
    Host::start(config::HostConfig::new(vec![resource])).await.expect("a host")
}

/// Returns the events that the handler of a path has recorded. The question is itself an event, so all events before it
/// have ended.
pub(crate) async fn record(host: &Host, path: Option<&str>) -> Vec<String> {
    let to = path.map_or(Recipient::All, |path| Recipient::Path(path.to_owned()));
    let asked = timeout(DEADLINE, host.send_custom(NAME, to, b"record")).await;
    let replies = asked.expect("a reply in time").expect("an instance");
    let [CustomReply::Given(record)] = &replies[..] else { panic!("{replies:?}") };
    String::from_utf8_lossy(record).lines().map(str::to_owned).collect()
}

/// Waits until the record is as expected. Events in progress may not have queued for their turn yet, so one question is
/// not enough.
pub(crate) async fn expect_record(host: &Host, expected: &[String], when: &str) {
    let begin = Instant::now();
    loop {
        let record = record(host, None).await;
        if record == expected {
            return;
        }
        let is_late = begin.elapsed() > DEADLINE;
        assert!(!is_late && record.len() <= expected.len(), "{when}: {record:?}, not {expected:?}");
        tokio::task::yield_now().await;
    }
}

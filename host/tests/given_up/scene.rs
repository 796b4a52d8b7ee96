//! A host with a handler that takes its time, and futures that are given up.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use ws_host::config::{self, InstancePer, Resource};
use ws_host::{CustomAnswer, Host, Recipient};

/// The name of the resource.
pub(crate) const NAME: &str = "patient";

/// Only a test that fails waits so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Whether what was asked for was waited for to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    GivenUp,
    Done,
}

/// Drops a future after so many polls, unless it is done before.
pub(crate) async fn give_up_after(polls: usize, future: impl Future) -> Outcome {
    let mut future = pin!(future);
    let mut left = polls;
    let polling = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(Outcome::GivenUp);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(Outcome::Done),
            Poll::Pending if left == 0 => Poll::Ready(Outcome::GivenUp),
            Poll::Pending => Poll::Pending,
        }
    });
    timeout(DEADLINE, polling).await.expect("it comes to an end")
}

pub(crate) fn component() -> PathBuf {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/guest-patient.wasm");
    assert!(file.is_file(), "run `make components` first");
    file
}

/// The resource, with a handler that takes so long for its state: `sleep 20`.
pub(crate) fn resource(path: &str, suspend: &str) -> Resource {
    let mut resource = Resource::new(path, component()).expect("a path");
    resource.name = NAME.into();
    resource.environment = vec![("SUSPEND".to_owned(), suspend.to_owned())];
    if path.contains('{') {
        resource.instance_per = InstancePer::Path;
    }
    resource
}

pub(crate) async fn host(resource: Resource) -> Host {
    Host::start(config::Host::new(vec![resource])).await.expect("a host")
}

/// What the handler of a path has seen. This is an event as well: it comes after all that are under way.
pub(crate) async fn record(host: &Host, path: Option<&str>) -> Vec<String> {
    let to = path.map_or(Recipient::All, |path| Recipient::Path(path.to_owned()));
    let asked = timeout(DEADLINE, host.send_custom(NAME, to, b"record")).await;
    let answers = asked.expect("an answer in time").expect("an instance");
    let [CustomAnswer::Given(record)] = &answers[..] else { panic!("{answers:?}") };
    String::from_utf8_lossy(record).lines().map(str::to_owned).collect()
}

/// Asks for the record until that is as expected: what is under way may not have asked for its turn yet.
pub(crate) async fn record_becomes(host: &Host, expected: &[String], when: &str) {
    let begin = std::time::Instant::now();
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

//! The newest faults and reloads of a resource, for monitoring.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::Serialize;

/// How many occurrences a resource keeps. This is more than fits on a screen, and takes about 30 KiB.
const KEPT: usize = 100;

/// The maximum length of an instance's name in an [`Occurrence`], in characters. The name may be a path. Clients choose
/// the path, and it can be long.
const MAX_INSTANCE: usize = 200;

/// The number of the next occurrence. All resources of the process share it, so that numbers give the order of all
/// occurrences.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The newest occurrences of a resource. A new one replaces the oldest.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<Occurrence>>);

/// A fault or a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Occurrence {
    pub(crate) number: u64,
    /// The time at which it happened, in milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) what: What,
    /// The kind of the fault or the outcome of the reload, as it is named in the metrics.
    pub(crate) kind: &'static str,
    /// The handler's event that failed.
    pub(crate) event: Option<&'static str>,
    /// The instance that failed.
    pub(crate) instance: Option<String>,
}

/// The kind of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// An event of a handler failed.
    Fault,
    /// A component was read again.
    Reload,
}

impl Recent {
    pub(crate) fn fault(&self, kind: &'static str, event: Option<&'static str>, instance: &str) {
        let instance = instance.chars().take(MAX_INSTANCE).collect();
        self.add(What::Fault, kind, event, Some(instance));
    }

    pub(crate) fn reload(&self, kind: &'static str) {
        self.add(What::Reload, kind, None, None);
    }

    fn add(
        &self,
        what: What,
        kind: &'static str,
        event: Option<&'static str>,
        instance: Option<String>,
    ) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let mut kept = self.0.lock();
        // The number is taken under the lock. So a reader that has seen a number has seen all lower numbers of this
        // resource.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Occurrence { number, at, what, kind, event, instance });
    }

    /// Returns the occurrences with a number above `number`, oldest first.
    pub(crate) fn since(&self, number: u64) -> Vec<Occurrence> {
        let kept = self.0.lock();
        kept.iter().filter(|occurrence| occurrence.number > number).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_hundred_are_kept_and_only_newer_ones_are_returned() {
        let recent = Recent::default();
        for _ in 0..150 {
            recent.fault("trap", Some("received"), &"é".repeat(300));
        }
        recent.reload("replaced");
        let all = recent.since(0);
        assert_eq!(all.len(), KEPT);
        assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!(all[0].instance.as_ref().map(|name| name.chars().count()), Some(200));
        let newest = recent.since(all[KEPT - 2].number);
        assert_eq!(newest, [all[KEPT - 1].clone()]);
        assert_eq!((newest[0].what, newest[0].kind), (What::Reload, "replaced"));
    }
}

//! The limit on the number of images that are mapped at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

/// How many mappings an image costs. It has its own mapping, and it splits the mapping around it into two.
const EACH: usize = 2;

/// Mappings that are reserved for other uses: two for each slot with huge pages, and those of threads, files and the
/// allocator.
const OTHERS: usize = 25_530;

/// The value that is assumed for `vm.max_map_count` if the system does not report it.
const DEFAULT_MAX: usize = 65_530;

/// The mappings that images may use. A process may have 65,530 mappings by default, and cannot continue when it needs
/// one more.
#[derive(Debug)]
pub(in crate::guest) struct Mappings {
    /// How many images may be mapped.
    most: usize,
    used: AtomicUsize,
    has_warned: AtomicBool,
}

/// A permit to map an image.
#[derive(Debug)]
pub(in crate::guest) struct Mapping(Arc<Mappings>);

impl Mappings {
    /// Returns the mappings of this process.
    pub(in crate::guest) fn of_process() -> Arc<Self> {
        static MAPPINGS: LazyLock<Arc<Mappings>> = LazyLock::new(|| {
            let max = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
            let max = max.and_then(|max| max.trim().parse().ok()).unwrap_or(DEFAULT_MAX);
            Mappings::new(max.saturating_sub(OTHERS) / EACH)
        });
        Arc::clone(&MAPPINGS)
    }

    pub(in crate::guest) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicUsize::new(0), has_warned: AtomicBool::new(false) })
    }

    /// Returns a permit, or `None` if none is left. Without a permit, the content of the image must be copied.
    pub(in crate::guest) fn take(self: &Arc<Self>) -> Option<Mapping> {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            (used < self.most).then_some(used + 1)
        });
        match taken {
            Ok(_) => Some(Mapping(Arc::clone(self))),
            Err(_) => {
                self.warn();
                None
            }
        }
    }

    fn warn(&self) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                shared = self.most,
                "the kernel allows too few mappings for more instances to share their component's data: further \
                 instances get a copy of the data, and need more memory; raise vm.max_map_count, and restart the host"
            );
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_run_out_and_come_back() {
        let mappings = Mappings::new(2);
        let taken = [mappings.take(), mappings.take(), mappings.take()];
        assert_eq!(taken.each_ref().map(Option::is_some), [true, true, false]);
        drop(taken);
        assert!(mappings.take().is_some());
    }

    #[test]
    fn process_with_default_settings_may_map_twenty_thousand_images() {
        assert_eq!((DEFAULT_MAX - OTHERS) / EACH, 20_000);
        assert!(Mappings::of_process().take().is_some());
    }
}

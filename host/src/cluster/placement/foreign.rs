//! Counts records that were not written by a host. Something else may publish to their subjects.

use std::sync::atomic::{AtomicU64, Ordering};

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Lease,
    Claim,
    State,
    /// The marker record. If it exists, the other records can be relied on.
    Open,
}

impl RecordKind {
    const ALL: [(Self, &str); 4] = [
        (Self::Lease, "lease"),
        (Self::Claim, "claim"),
        (Self::State, "state"),
        (Self::Open, "open"),
    ];
}

/// For each kind of record, how many reads found a record not written by a host.
#[derive(Debug, Default)]
pub(crate) struct ForeignRecords([AtomicU64; RecordKind::ALL.len()]);

impl ForeignRecords {
    pub(super) fn count(&self, kind: RecordKind) {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the count for each kind.
    pub(crate) fn all(&self) -> [(&'static str, u64); RecordKind::ALL.len()] {
        RecordKind::ALL.map(|(kind, name)| (name, self.0[kind as usize].load(Ordering::Relaxed)))
    }
}

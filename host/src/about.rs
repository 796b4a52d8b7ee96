//! The description of this build.

use std::sync::LazyLock;

/// The version of the crate.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of wasmtime.
pub(crate) use crate::guest::WASMTIME_VERSION as WASMTIME;

/// The features of the crate that can be turned off, and whether each is on.
const FEATURES: [(&str, bool); 4] = [
    ("cli", cfg!(feature = "cli")),
    ("nats", cfg!(feature = "nats")),
    ("otlp", cfg!(feature = "otlp")),
    ("testing", cfg!(feature = "testing")),
];

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let features = FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name);
    let features: Vec<&str> = features.collect();
    format!(
        "{VERSION}\ncommit: {}\nfeatures: {}\nwasmtime: {WASMTIME}",
        commit(),
        features.join(", ")
    )
});

/// Returns the commit that was built, or `unknown` (see `build.rs`).
pub(crate) fn commit() -> &'static str {
    option_env!("WS_HOST_BUILT_COMMIT").unwrap_or("unknown")
}

/// Returns the text that `ws-host --version` prints: the version, the commit if it was known when the program was
/// built, the features, and the version of wasmtime.
pub fn build_description() -> &'static str {
    &DESCRIPTION
}

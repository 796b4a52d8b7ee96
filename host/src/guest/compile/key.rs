//! The key of a compiled component.

use std::fmt::{Display, Formatter, Result};
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

/// A hash of everything that determines the compiled code: the component, the engine's settings, and the version of the
/// compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(engine: &Engine, component: &[u8]) -> Self {
        let mut hasher = EngineHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let EngineHasher(hasher) = hasher;
        Self(hasher.chain_update(component).finalize().into())
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Hashes settings with SHA-256, because the hash must be the same in later runs.
struct EngineHasher(Sha256);

impl Hasher for EngineHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the hash of an engine is not asked for in between")
    }
}

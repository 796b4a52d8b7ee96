//! The languages that `ws-host new` offers.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Result;
use libtest_mimic::Failed;
use ws_host_test_support::root;

use crate::build::Components;

/// What becomes of an exception, or the language's counterpart of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceptions {
    /// The SDK catches it: the instance lives on.
    Caught,
    /// It traps: the next event gets a new instance.
    Trap,
}

/// A language.
pub(crate) struct Language {
    /// Its name for `ws-host new --lang`.
    pub(crate) name: &'static str,
    pub(crate) exceptions: Exceptions,
    /// What the log says of an exception in `faults`.
    pub(crate) words: &'static str,
    /// A file that `tests/languages/install` has made if the tools are there, relative to [`tools`].
    tool: &'static str,
    components: OnceLock<Result<Components, String>>,
}

impl Language {
    /// A language whose SDK catches exceptions.
    const fn catching(name: &'static str, words: &'static str, tool: &'static str) -> Self {
        Self { name, exceptions: Exceptions::Caught, words, tool, components: OnceLock::new() }
    }

    /// A language whose exceptions, or counterparts of them, trap.
    const fn trapping(name: &'static str, words: &'static str, tool: &'static str) -> Self {
        Self { name, exceptions: Exceptions::Trap, words, tool, components: OnceLock::new() }
    }

    pub(crate) fn is_installed(&self) -> bool {
        tools().join(self.tool).exists()
    }

    /// Returns the folder of the handler that uses capabilities.
    pub(crate) fn capabilities(&self) -> PathBuf {
        sources().join("capabilities").join(self.name)
    }

    /// Returns whether there is such a handler. That in Rust is `examples/capabilities`, which has tests of its own.
    pub(crate) fn has_capabilities(&self) -> bool {
        self.capabilities().exists()
    }

    /// Builds the language's projects, once.
    ///
    /// # Errors
    ///
    /// What the build printed. Every scenario of the language then fails with it.
    pub(crate) fn components(&'static self) -> Result<&'static Components, Failed> {
        let built = self
            .components
            .get_or_init(|| Components::build(self).map_err(|error| format!("{error:#}")));
        built.as_ref().map_err(Failed::from)
    }
}

pub(crate) static LANGUAGES: [Language; 8] = [
    Language::trapping("rust", "stderr=\"on purpose (src/lib.rs:", ".."),
    Language::catching("js", "on purpose, in", "js/node_modules/.bin/componentize-js"),
    Language::catching("ts", "on purpose, in", "ts/node_modules/.bin/componentize-js"),
    Language::catching("js-small", "on purpose, in", "js-small/node_modules/.bin/componentize-qjs"),
    Language::catching("python", "RuntimeError: on purpose", "venv/bin/componentize-py"),
    Language::catching("go", "assignment to entry in nil map", "venv/bin/go"),
    // `abort` says nothing.
    Language::trapping("c", "the handler trapped", "venv/bin/python-zig"),
    Language::trapping("cpp", "the handler trapped", "venv/bin/python-zig"),
];

/// Returns the folder for everything that this program makes.
pub(crate) fn work() -> PathBuf {
    root().join("target/languages")
}

/// Returns the folder that `tests/languages/install` installs the tools into.
pub(crate) fn tools() -> PathBuf {
    work().join("tools")
}

/// Returns the folder of the handlers that are written for these tests only.
pub(crate) fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

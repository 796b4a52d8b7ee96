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

/// Who writes an exception to the log.
#[derive(Clone, Copy, Debug)]
enum Reporter {
    /// The SDK of JavaScript or Python.
    Sdk,
    /// The SDK of Go.
    Go,
    /// The host, because the exception traps.
    Host,
}

/// Whose event it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// That of the client with this number.
    Client(&'a str),
    /// That of a client whose number the test does not know.
    SomeClient,
    /// The event belongs to no client.
    Nobody,
}

/// How the log and the clients learn of an exception in `faults`.
#[derive(Debug)]
pub(crate) struct Report {
    reporter: Reporter,
    /// What the line that names the event says of the exception.
    pub(crate) head: &'static str,
    /// What later lines say: the place in the handler's source, or its function.
    pub(crate) stack: &'static [&'static str],
    /// What the close reason says with `--dev`.
    pub(crate) reason: &'static str,
    /// What the sender of a custom message gets, where the exception is caught.
    pub(crate) reply: &'static str,
}

/// A recursion without end.
#[derive(Debug)]
pub(crate) struct Recursion {
    pub(crate) exceptions: Exceptions,
    /// What the log says of it.
    pub(crate) words: &'static str,
}

/// A language.
pub(crate) struct Language {
    /// Its name for `ws-host new --lang`.
    pub(crate) name: &'static str,
    /// Its name in `ws-host check --json`.
    pub(crate) checked_as: &'static str,
    /// The file of the handler in a project.
    pub(crate) handler: &'static str,
    pub(crate) exceptions: Exceptions,
    pub(crate) report: Report,
    pub(crate) recursion: Recursion,
    /// How much memory of the host an instance of `echo` with its client may take, in KiB.
    pub(crate) resident: usize,
    /// How much they may take when they are idle, in KiB.
    pub(crate) idle: usize,
    /// A file that `tests/languages/install` has made if the tools are there, relative to [`tools`].
    tool: &'static str,
    components: OnceLock<Result<Components, String>>,
}

impl Report {
    /// Returns the texts of the line that names an event of the contract. All of them are in one line.
    pub(crate) fn head_of(&self, event: &str, whose: Whose<'_>) -> Vec<String> {
        let mut head = match (self.reporter, whose) {
            (Reporter::Sdk, Whose::Client(id)) => {
                vec![format!("guest: client {id}, {}:", in_sdk(event))]
            }
            (Reporter::Sdk, Whose::SomeClient) => vec![format!(", {}:", in_sdk(event))],
            (Reporter::Sdk, Whose::Nobody) => vec![format!("guest: {}:", in_sdk(event))],
            (Reporter::Go, Whose::Client(id)) => {
                vec![format!("guest: {}, client {id}:", in_go(event))]
            }
            (Reporter::Go, Whose::SomeClient) => vec![format!("guest: {}, client ", in_go(event))],
            (Reporter::Go, Whose::Nobody) => vec![format!("guest: {}:", in_go(event))],
            (Reporter::Host, Whose::Client(id)) => {
                vec![format!("event={event:?}"), format!(" client={id}")]
            }
            (Reporter::Host, _) => vec![format!("event={event:?}")],
        };
        head.push(self.head.to_owned());
        head
    }
}

/// Returns the name of an event in the SDKs of JavaScript and Python.
fn in_sdk(event: &str) -> &str {
    match event {
        "fired" => "timer",
        other => other.strip_prefix("received-").unwrap_or(other),
    }
}

/// Returns the name of an event in Go: `ReceivedText`.
fn in_go(event: &str) -> String {
    event.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

impl Language {
    /// Returns the language itself. Two of the kinds of `ws-host new --lang` are JavaScript.
    pub(crate) fn programming_language(&self) -> &'static str {
        match self.name {
            "js-small" => "js",
            other => other,
        }
    }

    pub(crate) fn is_installed(&self) -> bool {
        tools().join(self.tool).exists()
    }

    /// Returns whether the language's tools are installed. If not, prints that the language is left out.
    pub(crate) fn check_installed(&self) -> bool {
        let is_installed = self.is_installed();
        if !is_installed {
            eprintln!(
                "SKIPPED: {}: its tools are not installed (tests/languages/install)",
                self.name
            );
        }
        is_installed
    }

    /// Returns the folder of the handler that uses capabilities.
    pub(crate) fn capabilities(&self) -> PathBuf {
        sources().join("capabilities").join(self.name)
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

/// An exception in JavaScript.
const JAVASCRIPT: Report = Report {
    reporter: Reporter::Sdk,
    head: "Error: on purpose, in ",
    stack: &["handler.js:"],
    reason: "Error: on purpose, in text",
    reply: "on purpose, in custom",
};

/// What C and C++ have in place of an exception.
const TRAP_REPORT: Report = Report {
    reporter: Reporter::Host,
    head: "the handler trapped",
    stack: &["throw_now"],
    reason: "the handler trapped",
    reply: "",
};

/// The log has the name of a function of C++ as it is written in the source.
const CPP_REPORT: Report = Report { stack: &["throw_now()"], ..TRAP_REPORT };

/// A recursion that traps.
const TRAP: Recursion =
    Recursion { exceptions: Exceptions::Trap, words: "event=\"received-text\"" };

/// A recursion in StarlingMonkey.
const INTERNAL_ERROR: Recursion =
    Recursion { exceptions: Exceptions::Caught, words: "InternalError: too much recursion" };

pub(crate) static LANGUAGES: [Language; 8] = [
    Language {
        name: "rust",
        checked_as: "rust",
        handler: "src/lib.rs",
        exceptions: Exceptions::Trap,
        report: Report {
            reporter: Reporter::Host,
            head: "stderr=\"on purpose (src/lib.rs:",
            stack: &["wasm backtrace", "faults.wasm!"],
            reason: "on purpose (src/lib.rs:",
            reply: "",
        },
        recursion: TRAP,
        resident: 64,
        idle: 32,
        tool: "..",
        components: OnceLock::new(),
    },
    Language {
        name: "js",
        checked_as: "javascript",
        handler: "src/handler.js",
        exceptions: Exceptions::Caught,
        report: JAVASCRIPT,
        recursion: INTERNAL_ERROR,
        resident: 700,
        idle: 280,
        tool: "js/node_modules/.bin/componentize-js",
        components: OnceLock::new(),
    },
    Language {
        name: "ts",
        checked_as: "javascript",
        handler: "src/handler.ts",
        exceptions: Exceptions::Caught,
        report: JAVASCRIPT,
        recursion: INTERNAL_ERROR,
        resident: 700,
        idle: 280,
        tool: "ts/node_modules/.bin/componentize-js",
        components: OnceLock::new(),
    },
    Language {
        name: "js-small",
        checked_as: "javascript-quickjs",
        handler: "src/handler.js",
        exceptions: Exceptions::Caught,
        report: JAVASCRIPT,
        recursion: TRAP,
        resident: 400,
        idle: 140,
        tool: "js-small/node_modules/.bin/componentize-qjs",
        components: OnceLock::new(),
    },
    Language {
        name: "python",
        checked_as: "python",
        handler: "src/handler.py",
        exceptions: Exceptions::Caught,
        report: Report {
            reporter: Reporter::Sdk,
            head: "",
            stack: &["handler.py\", line ", "RuntimeError: on purpose, in "],
            reason: "RuntimeError: on purpose, in text",
            reply: "on purpose, in custom",
        },
        recursion: Recursion {
            exceptions: Exceptions::Caught,
            words: "RecursionError: maximum recursion depth exceeded",
        },
        resident: 1200,
        idle: 700,
        tool: "venv/bin/componentize-py",
        components: OnceLock::new(),
    },
    Language {
        name: "go",
        checked_as: "go",
        handler: "main.go",
        exceptions: Exceptions::Caught,
        report: Report {
            reporter: Reporter::Go,
            head: "panic: assignment to entry in nil map",
            stack: &["main.throw(", "main.go:"],
            reason: "panic: assignment to entry in nil map",
            reply: "panic: assignment to entry in nil map",
        },
        recursion: TRAP,
        resident: 1024,
        idle: 200,
        tool: "venv/bin/go",
        components: OnceLock::new(),
    },
    // `abort` says nothing. The log has its stack at the level debug.
    Language {
        name: "c",
        checked_as: "c",
        handler: "src/main.c",
        exceptions: Exceptions::Trap,
        report: TRAP_REPORT,
        recursion: TRAP,
        resident: 64,
        idle: 34,
        tool: "venv/bin/python-zig",
        components: OnceLock::new(),
    },
    Language {
        name: "cpp",
        checked_as: "cpp",
        handler: "src/main.cpp",
        exceptions: Exceptions::Trap,
        report: CPP_REPORT,
        recursion: TRAP,
        resident: 64,
        idle: 34,
        tool: "venv/bin/python-zig",
        components: OnceLock::new(),
    },
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

//! Inspects the file of a component: its content, its needs, its cost, and why it would not be served.

mod advice;
mod interfaces;
mod language;
mod load;
mod sections;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

pub use self::language::Language;
use self::load::Failure;
use self::sections::{ImportedItem, Sections};
use crate::blocking::off_the_workers;
use crate::error_chain::with_causes;
use crate::guest::{LoadError, read_file};

/// How to load the component.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InspectOptions {
    /// The maximum number of bytes of memory that one instance may have.
    pub max_memory: usize,
    /// An empty folder to which only this user can write. If this is set, the time to load the component from a cache
    /// is measured.
    pub cache: Option<PathBuf>,
    /// The program that compiles the component, as in [`Compile::program`](crate::config::Compile::program). `None`:
    /// this process.
    pub compiler: Option<PathBuf>,
}

/// The facts about the file of a component. Sizes are in bytes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// Whether the component would be served.
    pub is_served: bool,
    /// Why the component would not be served.
    pub problem: Option<Problem>,
    /// The language of the handler, and the tool that made the component, if they can be recognized.
    pub language: Option<Language>,
    /// The tools that left their names in the file.
    pub producers: Vec<Producer>,
    /// The versions of the contract with which the component was built.
    pub contract: Vec<String>,
    /// The version of the contract that this host serves.
    pub served_contract: &'static str,
    /// The interfaces that the component exports.
    pub exports: Vec<String>,
    /// The interfaces that the component imports.
    pub imports: Vec<Import>,
    /// The size of the file.
    pub size: usize,
    /// The parts of the file.
    pub parts: Parts,
    /// The cost of loading the component, if it can be loaded.
    pub cost: Option<Cost>,
}

/// Why a component would not be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Problem {
    /// The error with which the host would refuse the component.
    pub message: String,
    /// The solution, in the terms of the component's language.
    pub advice: Option<String>,
}

/// A tool that was used to build the component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Producer {
    /// The role of the tool: `language`, `processed-by` or `sdk`.
    pub role: String,
    /// The name of the tool.
    pub name: String,
    /// The version of the tool, or an empty string.
    pub version: String,
}

/// An interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Import {
    /// The name of the interface, with the version.
    pub name: String,
    /// What the host does with the interface.
    pub provided: Provision,
}

/// What the host does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Provision {
    /// The import belongs to the contract.
    Contract,
    /// The import belongs to WASI, and the host provides it.
    Wasi,
    /// The component can be loaded, but calls are refused unless the resource has a grant. Of
    /// `ws-host:socket/timers`, this concerns `set-durable` only.
    Capability,
    /// The import belongs to WASI. The component can be loaded, but calls are always refused.
    Denied,
    /// The host does not have the import.
    Unknown,
}

/// The parts of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Parts {
    /// Functions.
    pub code: usize,
    /// The initial content of memories. It consists of constants, and of the snapshot of an initialized interpreter.
    pub data: usize,
    /// Names and debugging information, which the host does not need.
    pub custom: usize,
    /// The initial size of all memories.
    pub memory: u64,
    /// The initial number of elements in all tables.
    pub table_elements: u64,
}

/// The cost of a component on this machine.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Cost {
    /// The time to load the component for the first time. Most of this time is compilation.
    #[serde(rename = "first-load-seconds", serialize_with = "seconds")]
    pub first_load: Duration,
    /// The time to load the component from the cache.
    #[serde(rename = "cached-load-seconds", serialize_with = "optional_seconds")]
    pub cached_load: Option<Duration>,
    /// The size of an instance's memories and tables after its start, as `max-memory` counts it.
    pub instance_memory: usize,
    /// The limit on `instance_memory`.
    pub max_memory: usize,
}

impl InspectOptions {
    /// Returns options with a limit on the memory of an instance, and without a cache.
    pub fn new(max_memory: usize) -> Self {
        Self { max_memory, cache: None, compiler: None }
    }
}

/// Reads a component, compiles it, and starts one instance. Errors are part of the result.
///
/// # Cancel safety
///
/// If the future is dropped, the compilation continues, but its result is lost.
pub async fn inspect(file: &Path, options: &InspectOptions) -> Inspection {
    let path = file.to_owned();
    let (size, sections, language) = off_the_workers(move || {
        let (bytes, sections, language) = read(&path);
        (bytes.len(), sections, language)
    })
    .await;
    let loaded = load::load(file, options).await;
    let (cost, problem) = match loaded {
        Ok(cost) => (Some(cost), None),
        Err(failure) => {
            let advice = match &failure {
                Failure::Load(error) => advice::about(error, language, &sections),
                _ => None,
            };
            let advice = advice.map(str::to_owned);
            (None, Some(Problem { message: failure.message(), advice }))
        }
    };
    let import = |import: ImportedItem| Import {
        provided: interfaces::provision(&import),
        name: import.name,
    };
    let imported = sections.imports.iter().map(|import| &import.name);
    Inspection {
        file: file.to_owned(),
        is_served: problem.is_none(),
        problem,
        language,
        contract: interfaces::contract_versions(sections.exports.iter().chain(imported)),
        served_contract: interfaces::SERVED,
        exports: sections.exports,
        imports: sections.imports.into_iter().map(import).collect(),
        producers: sections.producers,
        size,
        parts: sections.parts,
        cost,
    }
}

/// Returns the messages of an error and of its causes, with advice in the terms of the component's language. Reads the
/// file.
pub(crate) fn explained(error: &LoadError, file: &Path) -> String {
    let message = with_causes(error);
    let (_, sections, language) = read(file);
    match (advice::about(error, language, &sections), language) {
        (Some(advice), Some(language)) => format!("{message}; advice for {language}: {advice}"),
        (Some(advice), None) => format!("{message}; advice: {advice}"),
        (None, _) => message,
    }
}

/// Reads what is known about a file without loading it. A file that cannot be read counts as empty, because loading it
/// reports the error.
fn read(file: &Path) -> (Vec<u8>, Sections, Option<Language>) {
    let bytes = read_file(file).unwrap_or_default();
    let sections = Sections::read(&bytes);
    let language = Language::of(&sections, &bytes);
    (bytes, sections, language)
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn optional_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

//! What a handler in every language is held to.

mod capabilities;
mod chat;
mod check;
mod closing;
mod developing;
mod echo;
mod errors;
mod events;
mod everything;
mod faults;
mod garbage;
mod leak;
mod limits;
mod load;
mod memory;
mod mistakes;
mod own_tests;
mod plain;
mod rooms;
mod scripts;
mod system;
mod texts;
mod types;
mod unpaired;

use std::path::Path;

use anyhow::{Result, ensure};
use ws_host_test_support::Client;

use crate::build::Components;
use crate::language::Language;

/// The languages whose components contain an interpreter. That of TypeScript is the one of JavaScript.
const INTERPRETED: [&str; 3] = ["js", "js-small", "python"];

/// The languages in which an event fails only by an exception, and whose handlers may handle it.
const DYNAMIC: [&str; 4] = ["js", "ts", "js-small", "python"];

/// The languages that read files with their standard library.
const FILES: [&str; 5] = ["rust", "python", "go", "c", "cpp"];

/// The languages whose SDK has functions and values only, and no objects of an interpreter.
const COMPILED: [&str; 3] = ["go", "c", "cpp"];

/// The languages with `fetch`.
const FETCH: [&str; 2] = ["js", "ts"];

/// The languages whose engine is StarlingMonkey.
const STARLINGMONKEY: [&str; 2] = ["js", "ts"];

/// A scenario, with its name as a sentence.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Components) -> Result<()>,
}

/// Returns the scenarios for a language.
pub(crate) fn of(language: &Language) -> impl Iterator<Item = &'static Scenario> {
    let only = |languages: &[&str], scenarios: &'static [Scenario]| -> &[Scenario] {
        if languages.contains(&language.name) { scenarios } else { &[] }
    };
    let unless = |languages: &[&str], scenarios: &'static [Scenario]| -> &[Scenario] {
        if languages.contains(&language.name) { &[] } else { scenarios }
    };
    [
        echo::ALL,
        chat::ALL,
        rooms::ALL,
        check::ALL,
        faults::ALL,
        events::ALL,
        closing::ALL,
        unless(&["rust"], unpaired::ALL),
        unless(&["rust"], everything::ALL),
        only(&STARLINGMONKEY, faults::ASYNC),
        only(&DYNAMIC, faults::OWN),
        unless(&DYNAMIC, errors::ALL),
        limits::ALL,
        load::ALL,
        memory::ALL,
        only(&STARLINGMONKEY, garbage::ALL),
        only(&STARLINGMONKEY, texts::ALL),
        own_tests::ALL,
        only(&["rust"], own_tests::SHARED),
        developing::ALL,
        only(&INTERPRETED, scripts::ALL),
        only(&["python"], types::ALL),
        only(&["python"], leak::ALL),
        only(&["js"], plain::ALL),
        only(&["js", "python"], mistakes::ALL),
        capabilities::ALL,
        only(&FILES, system::FILES),
        only(&FETCH, system::FETCH),
    ]
    .into_iter()
    .flatten()
}

/// Receives these texts, in this order.
fn expect(client: &mut Client, lines: &[&str]) -> Result<()> {
    for line in lines {
        let got = client.receive_text()?;
        ensure!(got == *line, "expected {line:?}, got {got:?}");
    }
    Ok(())
}

/// Returns whether a component imports an interface whose name begins like this. The names are texts in a component.
fn imports(component: &Path, name: &str) -> Result<bool> {
    let bytes = std::fs::read(component)?;
    Ok(bytes.windows(name.len()).any(|part| part == name.as_bytes()))
}

/// Declares the scenarios of a file: `scenarios! { name, name }`.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        pub(super) const ALL: &[super::Scenario] =
            &[$(super::Scenario { name: stringify!($name), run: $name }),+];
    };
}
use scenarios;

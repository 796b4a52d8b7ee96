//! What a handler in every language is held to.

mod capabilities;
mod chat;
mod echo;
mod faults;
mod limits;
mod own_tests;
mod plain;
mod rooms;
mod scripts;

use anyhow::{Result, ensure};
use ws_host_test_support::Client;

use crate::build::Components;
use crate::language::Language;

/// The languages whose components contain an interpreter. That of TypeScript is the one of JavaScript.
const INTERPRETED: [&str; 3] = ["js", "js-small", "python"];

/// A scenario, with its name as a sentence.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Components) -> Result<()>,
}

/// Returns the scenarios for a language.
pub(crate) fn of(language: &Language) -> impl Iterator<Item = &'static Scenario> {
    let scripts = if INTERPRETED.contains(&language.name) { scripts::ALL } else { &[] };
    let plain = if language.name == "js" { plain::ALL } else { &[] };
    let capabilities = if language.has_capabilities() { capabilities::ALL } else { &[] };
    [
        echo::ALL,
        chat::ALL,
        rooms::ALL,
        faults::ALL,
        limits::ALL,
        own_tests::ALL,
        scripts,
        plain,
        capabilities,
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

/// Declares the scenarios of a file: `scenarios! { name, name }`.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        pub(super) const ALL: &[super::Scenario] =
            &[$(super::Scenario { name: stringify!($name), run: $name }),+];
    };
}
use scenarios;

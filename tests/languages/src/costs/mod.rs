//! What each language costs: `ws-host-languages --costs [LANGUAGE]...` prints the table of docs/languages.md.

#![expect(clippy::print_stdout, reason = "the table is the purpose")]

mod checked;
mod echoes;
mod rebuild;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::checked::Checked;
use self::echoes::Echoes;
use crate::build::{build, create};
use crate::language::{LANGUAGES, Language};
use crate::resident;

/// What was measured of a language, apart from its speed.
struct Costs {
    name: &'static str,
    /// The component of the template `echo`.
    echo: PathBuf,
    echo_size: u64,
    chat_size: u64,
    rebuild: Duration,
    checked: Checked,
    resident: usize,
}

/// Measures the languages with these names, or all of them, and prints a row of the table for each.
///
/// # Errors
///
/// What failed, and in which language. A language whose tools are not installed is left out, with a message.
pub(crate) fn print(names: &[String]) -> Result<()> {
    let mut rows = Vec::new();
    for language in chosen(names)?.into_iter().filter(|language| language.check_installed()) {
        eprintln!("{}: builds, loads and starts", language.name);
        rows.push(measure(language).context(language.name)?);
    }
    ensure!(!rows.is_empty(), "no tools are installed: run tests/languages/install");
    eprintln!("echoes of these languages, in turns");
    let echoes = Echoes::measure(&rows)?;
    println!("{}", table::HEAD);
    for row in &rows {
        println!("{}", table::row(row, &echoes)?);
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Language>> {
    let named = |name: &String| LANGUAGES.iter().find(|language| language.name == name);
    if names.is_empty() {
        return Ok(LANGUAGES.iter().collect());
    }
    let known: Vec<_> = LANGUAGES.iter().map(|language| language.name).collect();
    let unknown = |name| format!("no language {name:?}; the languages are {}", known.join(", "));
    names.iter().map(|name| named(name).with_context(|| unknown(name))).collect()
}

fn measure(language: &'static Language) -> Result<Costs> {
    let echo = build(&create(language, "echo", "echo")?)?;
    let chat = create(language, "chat", "chat")?;
    let built = build(&chat)?;
    Ok(Costs {
        name: language.name,
        echo_size: echo.metadata()?.len(),
        chat_size: built.metadata()?.len(),
        rebuild: rebuild::median(&chat, &built, language.handler)?,
        checked: Checked::of(&echo)?,
        resident: resident::of_an_instance(&echo)?,
        echo,
    })
}

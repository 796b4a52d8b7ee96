//! Holds the templates of every language to the same scenarios: `ws-host-languages [FILTER] [--exact] [--list] ...`,
//! with the arguments of `cargo test`. A test is called `LANGUAGE::SCENARIO`, so a filter may name a language.
//!
//! Each language's projects are created by `ws-host new`, built with the command in their `ws-host.toml`, and served by
//! the real host. A language whose tools are not installed (`tests/languages/install`) is ignored, and says so. With
//! fewer than [`ENOUGH`] of the seven languages, the run fails.
//!
//! `ws-host-languages --costs [LANGUAGE]...` measures the languages instead.

#![expect(clippy::print_stderr, reason = "a report for people")]

mod build;
mod costs;
mod language;
mod resident;
mod scenarios;

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::language::{LANGUAGES, Language};

/// With fewer languages, a run must not look successful. `js` and `js-small` are one language.
const ENOUGH: usize = 6;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, languages @ ..] if first == "--costs" => {
            costs::print(languages)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => run_scenarios(),
    }
}

fn run_scenarios() -> Result<ExitCode> {
    let arguments = Arguments::from_args();
    let mut trials = take_turns(LANGUAGES.iter().map(trials_of).collect());
    if arguments.filter.is_none() {
        trials.push(Trial::test("enough_languages_are_installed", expect_enough));
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// Orders the trials so that the languages take turns. The first trial of a language builds its components, and its
/// other trials wait for that. In this order, the threads build the components of several languages at the same time.
fn take_turns(of_languages: Vec<Vec<Trial>>) -> Vec<Trial> {
    let mut languages: Vec<_> = of_languages.into_iter().map(Vec::into_iter).collect();
    let longest = languages.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
    (0..longest)
        .flat_map(|_| languages.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>())
        .collect()
}

fn trials_of(language: &'static Language) -> Vec<Trial> {
    let is_missing = !language.check_installed();
    let trial = |scenario: &'static scenarios::Scenario| {
        let name = format!("{}::{}", language.name, scenario.name);
        let run = move || (scenario.run)(language.components()?).map_err(|error| failed(&error));
        Trial::test(name, run).with_ignored_flag(is_missing)
    };
    scenarios::of(language).map(trial).collect()
}

fn expect_enough() -> Result<(), Failed> {
    let installed = LANGUAGES.iter().filter(|language| language.is_installed());
    let installed: BTreeSet<_> = installed.map(Language::programming_language).collect();
    let installed = installed.len();
    if installed >= ENOUGH {
        Ok(())
    } else {
        Err(format!("the tools of {installed} languages are installed; {ENOUGH} are needed").into())
    }
}

fn failed(error: &anyhow::Error) -> Failed {
    format!("{error:#}").into()
}

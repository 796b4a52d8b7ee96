//! Renders the contract as a page. `document WIT PAGE` checks that the page is up to date; `--write` writes it.

#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// The world that contains every interface.
const WORLD: &str = "complete-handler";

const HEAD: &str = "<!-- Generated from wit/ by `make contract`. -->\n\n";

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (wit, path, writes) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [wit, page] => (wit, page, false),
        [wit, page, "--write"] => (wit, page, true),
        _ => anyhow::bail!("usage: document WIT PAGE [--write]"),
    };
    let page = page(Path::new(wit))?;
    if writes {
        std::fs::write(path, page)?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::fs::read_to_string(path).unwrap_or_default() == page {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{path} does not match wit/: run `make contract`");
    Ok(ExitCode::FAILURE)
}

fn page(wit: &Path) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    wit_bindgen_markdown::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    let (_, page) = files
        .iter()
        .find(|(name, _)| name.ends_with(".md"))
        .context("the generator wrote no page")?;
    // The generator leaves spaces at the ends of lines.
    let text = String::from_utf8(page.to_vec())?;
    let lines = text.lines().map(|line| line.trim_end().to_owned() + "\n");
    Ok(lines.fold(HEAD.to_owned(), |page, line| page + &line))
}

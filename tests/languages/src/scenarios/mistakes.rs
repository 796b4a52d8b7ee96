//! A build that fails because of a mistake in the handler.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::build::{Components, build, create};

super::scenarios! { failed_build_names_the_line_of_the_handler_and_none_of_the_compiler }

/// Two lines come before the line with the place: one of the compiler, and one of the engine.
const LINES_BEFORE: usize = 2;

fn failed_build_names_the_line_of_the_handler_and_none_of_the_compiler(
    components: &Components,
) -> Result<()> {
    let project = create(components.language, "mistake", "echo")?;
    let handler = project.join("src/handler.js");
    let source = fs::read_to_string(&handler)?;
    let line = source.lines().count() + 1;
    fs::write(&handler, source + "const = 1;\n")?;
    let error = build(&project).err().context("a handler with a mistake was built")?.to_string();
    // The first line is that of the test.
    let mut output = error.lines().skip(1);
    let place = format!("src/handler.js:{line}:");
    ensure!(output.by_ref().take(LINES_BEFORE + 1).any(|it| it.contains(&place)), "{error}");
    ensure!(output.all(|line| !line.contains("componentize.js")), "{error}");
    Ok(())
}

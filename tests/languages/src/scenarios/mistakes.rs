//! A build that fails because of a mistake in the handler.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::build::{Components, build, create};

super::scenarios! { failed_build_names_the_line_of_the_handler_and_none_of_the_compiler }

/// At most this many lines come before the line with the place: in JavaScript, one of the compiler and one of the
/// engine; in Python, what the handler printed and the head of the traceback.
const LINES_BEFORE: usize = 2;

fn failed_build_names_the_line_of_the_handler_and_none_of_the_compiler(
    components: &Components,
) -> Result<()> {
    let language = components.language;
    let project = create(language, "mistake", "echo")?;
    let handler = project.join(language.handler);
    let source = fs::read_to_string(&handler)?;
    let line = source.lines().count() + 1;
    let (mistake, place, of_compiler) = match language.name {
        "js" => ("const = 1;", format!("src/handler.js:{line}:"), "componentize.js"),
        "python" => (
            "print('loading'); undefined",
            format!("\"src/handler.py\", line {line}"),
            "componentize",
        ),
        other => anyhow::bail!("no mistake is known for {other}"),
    };
    fs::write(&handler, format!("{source}{mistake}\n"))?;
    let error = build(&project).err().context("a handler with a mistake was built")?.to_string();
    // The first line is that of the test.
    let mut output = error.lines().skip(1);
    ensure!(output.by_ref().take(LINES_BEFORE + 1).any(|it| it.contains(&place)), "{error}");
    ensure!(output.all(|line| !line.contains(of_compiler)), "{error}");
    Ok(())
}

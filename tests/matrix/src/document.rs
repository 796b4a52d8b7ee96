//! The tables in `docs/interoperability.md`, between markers.

use std::fmt::Write;

use anyhow::{Context, Result};
use ws_host_test_support::root;

use crate::table::{Outcome, Table};

/// Writes the table of a part between its markers.
pub(crate) fn write(part: &str, table: &Table) -> Result<()> {
    let file = root().join("docs/interoperability.md");
    let old = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->"));
    let missing = || format!("{} has no {begin:?} and {end:?}", file.display());
    let start = old.find(&begin).with_context(missing)? + begin.len();
    let length = old[start..].find(&end).with_context(missing)?;
    let new = format!("{}{}{}", &old[..start], markdown(table)?, &old[start + length..]);
    std::fs::write(&file, new).with_context(|| format!("cannot write {}", file.display()))
}

fn markdown(table: &Table) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "| | version | {} |", table.scenarios.join(" | "))?;
    writeln!(text, "|---|---|{}", ":-:|".repeat(table.scenarios.len()))?;
    let mut notes = Vec::new();
    for row in &table.rows {
        write!(text, "| {} | {} |", row.name, row.version)?;
        for outcome in &row.outcomes {
            let (sign, why) = match outcome {
                Outcome::Passed => ("✓", None),
                Outcome::Failed(why) => ("✗", Some(why)),
                Outcome::NotApplicable(why) => ("–", Some(why)),
                Outcome::Skipped(why) => ("?", Some(why)),
            };
            match why {
                None => write!(text, " {sign} |")?,
                Some(why) => {
                    let known = notes.iter().position(|note| note == why);
                    let note = known.unwrap_or_else(|| {
                        notes.push(why.clone());
                        notes.len() - 1
                    });
                    write!(text, " {sign} <sup>{}</sup> |", note + 1)?;
                }
            }
        }
        writeln!(text)?;
    }
    for (index, note) in notes.iter().enumerate() {
        writeln!(text, "\n<sup>{}</sup> {note}  ", index + 1)?;
    }
    Ok(text)
}

//! The generated part of a document.

use anyhow::{Context, Result, ensure};

/// The line before it.
pub(super) const BEGIN: &str = "<!-- measured: begin -->";

/// The line after it.
pub(super) const END: &str = "<!-- measured: end -->";

/// Replaces the part between the markers. Each marker must occur exactly once.
pub(super) fn replace(text: &str, part: &str) -> Result<String> {
    for marker in [BEGIN, END] {
        let count = text.matches(marker).count();
        ensure!(
            count == 1,
            "the marker `{marker}` must occur exactly once, but occurs {count} times"
        );
    }
    let (before, _) = text.split_once(BEGIN).context("the first marker is missing")?;
    let (_, behind) = text.split_once(END).context("the second marker is missing")?;
    ensure!(!before.contains(END), "`{END}` comes before `{BEGIN}`");
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{behind}", part.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_between_the_markers_is_replaced() {
        let text = format!("prose\n\n{BEGIN}\nold\n{END}\n\nmore prose\n");
        let expected = format!("prose\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore prose\n");
        assert_eq!(replace(&text, "new\n").unwrap(), expected);
        assert_eq!(replace(&expected, "new").unwrap(), expected);
    }

    #[test]
    fn markers_must_occur_once_and_in_order() {
        for wrong in [
            "prose".to_owned(),
            format!("{BEGIN}\n"),
            format!("{END}\n{BEGIN}\n"),
            format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n"),
        ] {
            assert!(replace(&wrong, "new").is_err(), "{wrong}");
        }
    }
}

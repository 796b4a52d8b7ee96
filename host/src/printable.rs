//! Makes untrusted text safe to show in a terminal or a log.

/// What [`printable`] does with tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tabs {
    /// Leaves tab characters as they are. For lines of text.
    Kept,
    /// Escapes tabs. For text whose width must be known.
    Escaped,
}

/// Escapes control characters, and characters that hide or reorder text. Otherwise, text could control a terminal, look
/// like another line, or appear to say something else.
///
/// Combining characters, joiners and variation selectors stay as they are: they only change how the characters beside
/// them look, and many languages and emoji are not readable without them.
pub fn printable(text: &str, tabs: Tabs) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' if tabs == Tabs::Kept => printable.push('\t'),
            joining if is_joiner_or_variation(joining) => printable.push(joining),
            hidden if is_control_or_invisible(hidden) => printable.extend(hidden.escape_default()),
            visible => printable.push(visible),
        }
    }
    printable
}

/// Returns whether a character joins its neighbours or keeps them apart, or selects a variant of the character before
/// it.
fn is_joiner_or_variation(character: char) -> bool {
    matches!(
        character,
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Returns whether a character controls a terminal, or is invisible. Spaces count as visible.
///
/// The invisible characters are those that Unicode calls default-ignorable, such as U+200B (zero width space), U+202E
/// (right-to-left override) and variation selectors. Line and paragraph separators (U+2028, U+2029) and interlinear
/// annotation characters (U+FFF9 to U+FFFB) count as invisible too.
pub(crate) fn is_control_or_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        printable(text, Tabs::Escaped)
    }

    #[test]
    fn printable_text_has_no_control_characters() {
        assert_eq!(escaped("a\u{1b}[2J\n\r\t\u{9b}\u{7f}"), "a\\u{1b}[2J\\n\\r\\t\\u{9b}\\u{7f}");
        assert_eq!(printable("a\tb\n", Tabs::Kept), "a\tb\\n");
    }

    #[test]
    fn printable_text_hides_and_reorders_nothing() {
        assert_eq!(escaped("a\u{202e}b\u{200b}c"), "a\\u{202e}b\\u{200b}c");
        // One of each group: soft hyphen, directional marks and isolates, line and paragraph separators, Hangul
        // fillers, byte order mark, annotations and tags.
        for hidden in "\u{ad}\u{34f}\u{61c}\u{1160}\u{17b5}\u{180e}\u{200b}\u{200f}\u{2028}\u{2029}\u{202a}\u{2060}\
                       \u{2066}\u{2069}\u{206f}\u{3164}\u{feff}\u{ffa0}\u{fff9}\u{1bca0}\u{1d173}\u{e0041}"
            .chars()
        {
            let expected = format!("a\\u{{{:x}}}b", u32::from(hidden));
            assert_eq!(escaped(&format!("a{hidden}b")), expected);
            assert_eq!(printable(&format!("a{hidden}b"), Tabs::Kept), expected);
        }
    }

    #[test]
    fn printable_text_of_all_languages_is_unchanged() {
        for text in [
            "Räume/部屋",
            "a\u{308} नमस्ते สวัสดี שָׁלוֹם",
            "a\u{a0}b\u{3000}c",
            "می\u{200c}خواهم 👩\u{200d}👧 ❤\u{fe0f} 葛\u{e0100}",
            "😀 \u{fffd} \\ \" '",
            "",
        ] {
            assert_eq!(escaped(text), text);
        }
    }
}

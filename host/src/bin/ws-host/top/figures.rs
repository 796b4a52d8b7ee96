//! Formats figures and texts for display.

use std::time::{Duration, SystemTime};

use unicode_width::UnicodeWidthChar;

/// The text for a value that is not known yet.
pub(super) const UNKNOWN: &str = "–";

/// Formats a count, in at most four digits.
pub(super) fn count(value: f64) -> String {
    if value < 9999.5 {
        format!("{value:.0}")
    } else {
        scaled(value, 1000.0, &["", "k", "M", "G", "T"])
    }
}

/// Formats a number of bytes.
pub(super) fn bytes(value: f64) -> String {
    scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB"])
}

/// Formats a time that is given in nanoseconds.
pub(super) fn time(nanoseconds: u64) -> String {
    scaled(nanoseconds as f64, 1000.0, &[" ns", " µs", " ms", " s"])
}

/// Formats a part of a whole as a percentage.
pub(super) fn percent(part: f64) -> String {
    if part < 0.1 { format!("{:.1} %", part * 100.0) } else { format!("{:.0} %", part * 100.0) }
}

/// Formats how long something has lasted.
pub(super) fn age(age: Duration) -> String {
    let (seconds, minutes) = (age.as_secs(), age.as_secs() / 60);
    match minutes {
        0 => format!("{seconds} s"),
        1..60 => format!("{minutes} min"),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// Formats a time, given in milliseconds since 1970, as a date in UTC.
pub(super) fn date(milliseconds: u64) -> String {
    /// The end of the year 9999, in seconds since 1970. This is the last year that can be formatted.
    const LAST: u64 = 253_402_300_799;
    let seconds = (milliseconds / 1000).min(LAST);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

fn scaled(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut index = 0;
    while value >= step && index + 1 < units.len() {
        value /= step;
        index += 1;
    }
    if value < 9.95 && index > 0 {
        format!("{value:.1}{}", units[index])
    } else {
        format!("{value:.0}{}", units[index])
    }
}

/// Returns how many terminal columns a printable text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// Cuts a printable text to this number of columns. If the text is longer, the result ends with `…`.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    // One column is for the ellipsis.
    let mut left = columns.saturating_sub(1);
    for character in text.chars() {
        let Some(rest) = left.checked_sub(character.width().unwrap_or(0)) else { break };
        cut.push(character);
        left = rest;
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(
            [count(0.4), count(9999.4), count(12_345.0), count(2e9)],
            ["0", "9999", "12k", "2.0G"]
        );
        assert_eq!([bytes(0.0), bytes(1023.0), bytes(1536.0)], ["0 B", "1023 B", "1.5 KiB"]);
        assert_eq!([time(950), time(1500), time(25_000_000)], ["950 ns", "1.5 µs", "25 ms"]);
        assert_eq!([percent(0.0), percent(0.0123), percent(1.0)], ["0.0 %", "1.2 %", "100 %"]);
        let ages = [59, 61, 3660, 172_800].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(ages, ["59 s", "1 min", "1 h 1 min", "2 days"]);
        assert_eq!(date(1_000), "1970-01-01T00:00:01Z");
        assert_eq!(date(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn cut_text_fits_in_columns_whatever_the_width_of_its_characters() {
        assert_eq!(cut("部屋部屋", 8), "部屋部屋");
        assert_eq!(cut("部屋部屋", 7), "部屋部…");
        assert_eq!(cut("部屋部屋", 6), "部屋…");
        assert_eq!(cut("abc", 2), "a…");
        assert_eq!([cut("a\u{308}b", 2), cut("a\u{308}bc", 2)], ["a\u{308}b", "a\u{308}…"]);
        assert_eq!([cut("abc", 1), cut("abc", 0)], ["…", ""]);
    }
}

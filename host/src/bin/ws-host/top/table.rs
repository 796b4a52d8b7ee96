//! Tables of texts and figures. They are made to fit into a given number of terminal columns.

use ws_host::{Tabs, printable};

use super::figures::{cut, width};

/// The number of spaces between two columns.
const GAP: usize = 2;

/// The width that a column of text keeps when there is little room. It is enough to recognize a path by its beginning.
const NARROWEST: usize = 8;

/// The alignment of the cells in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Aligned to the left. For text. Such a column may be narrowed.
    Left,
    /// Aligned to the right. For numbers. Such a column is never narrowed.
    Right,
}

/// A table. Its cells may contain any text, because characters that could control the terminal are escaped.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<(String, Align)>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns the titles and the first rows, as lines that are at most `columns` terminal columns wide.
    pub(super) fn lines(&self, columns: usize, rows: usize) -> Vec<String> {
        let escaped = |text: &String| printable(text, Tabs::Escaped);
        let titles = self.columns.iter().map(|(title, _)| escaped(title)).collect::<Vec<_>>();
        let rows = self.rows.iter().take(rows);
        let cells: Vec<Vec<String>> = std::iter::once(titles)
            .chain(rows.map(|row| row.iter().map(escaped).collect()))
            .collect();
        let widths = self.widths(&cells, columns);
        cells.iter().map(|cells| cut(&self.line(cells, &widths), columns)).collect()
    }

    /// Returns the widths of the columns. Each column gets the width that its cells need. If there is too little room
    /// for that, the widest texts get less.
    fn widths(&self, cells: &[Vec<String>], columns: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|index| cells.iter().map(|row| width(&row[index])).max().unwrap_or(0))
            .collect();
        let gaps = GAP * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(columns);
        let is_text = |index: &usize| self.columns[*index].1 == Align::Left;
        while excess > 0
            && let Some(widest) =
                (0..widths.len()).filter(is_text).max_by_key(|index| widths[*index])
            && widths[widest] > NARROWEST
        {
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, (_, align)), columns) in cells.iter().zip(&self.columns).zip(widths) {
            if !line.is_empty() {
                line += &" ".repeat(GAP);
            }
            let cell = cut(cell, *columns);
            let padding = " ".repeat(columns - width(&cell));
            line += &match align {
                Align::Left => cell + &padding,
                Align::Right => padding + &cell,
            };
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(path: &str) -> Table {
        Table {
            columns: vec![("PATH".to_owned(), Align::Left), ("CLIENTS".to_owned(), Align::Right)],
            rows: vec![
                vec![path.to_owned(), "7".to_owned()],
                vec!["/".to_owned(), "1234567".to_owned()],
            ],
        }
    }

    #[test]
    fn text_is_cut_before_figures() {
        let lines = table("/a/long/path/that/does/not/fit").lines(24, 9);
        assert_eq!(
            lines,
            ["PATH             CLIENTS", "/a/long/path/t…        7", "/                1234567"]
        );
        assert!(table("/a/long/path").lines(12, 9).iter().all(|line| width(line) <= 12));
        assert_eq!(table("/a").lines(usize::MAX, 1), ["PATH  CLIENTS", "/a          7"]);
    }

    #[test]
    fn cells_cannot_command_the_terminal() {
        let text = table("/\u{1b}[2J\r\n\t\u{202e}").lines(usize::MAX, 9).concat();
        assert!(text.contains("/\\u{1b}[2J\\r\\n\\t\\u{202e}"), "{text}");
        assert!(!text.contains(char::is_control));
    }
}

//! The chart: for each workload, a bar per server relative to ws-host.

use std::fmt::Write;

use crate::figure::{Certainty, grouped};
use crate::row::{Ratio, Row, host};
use crate::servers::Server;

/// The workloads in the chart: one of each kind. The tables contain all of them.
const DRAWN: [&str; 9] = [
    "echo-20",
    "echo-1KiB",
    "echo-64KiB",
    "pipelined-16",
    "connect-echo-close",
    "broadcast-1000",
    "tls-1KiB",
    "deflate-1KiB",
    "http2-1000",
];

// Lengths in units of the drawing, which are pixels unless it is scaled.
const WIDTH: f64 = 840.0;
const NAMES: f64 = 190.0;
const FIGURES: f64 = 220.0;
const BAR: f64 = 14.0;
const LINE: f64 = 20.0;
const TITLE: f64 = 30.0;
const MARGIN: f64 = 12.0;

/// Readable on light and on dark pages.
const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.figure { text-anchor: end; }
.bar { fill: #8c959f; }
.ours { fill: #0969da; }
.one { stroke: #57606a; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.bar { fill: #6e7681; }
.ours { fill: #2f81f7; }
.one { stroke: #8b949e; }
}
";

/// A bar of the chart.
struct Bar<'a> {
    row: &'a Row,
    /// Messages per second divided by those of ws-host.
    share: f64,
    /// How certain `share` is.
    certainty: Certainty,
}

/// Draws the results as SVG.
pub(super) fn draw(rows: &[Row]) -> String {
    let groups: Vec<_> = rows
        .chunk_by(|one, other| one.workload == other.workload)
        .filter(|rows| rows.first().is_some_and(|row| DRAWN.contains(&row.workload.name)))
        .filter_map(bars)
        .collect();
    let most = groups.iter().flatten().map(|bar| bar.share).fold(1.0, f64::max);
    let unit = (WIDTH - NAMES - FIGURES - 2.0 * MARGIN) / most;
    let mut body = String::new();
    let mut top = MARGIN;
    for group in &groups {
        top = draw_group(&mut body, group, unit, top);
    }
    let height = top + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>Throughput of each server relative to ws-host</title>\n\
         <style>\n{STYLE}</style>\n{body}</svg>\n"
    )
}

fn bars(rows: &[Row]) -> Option<Vec<Bar<'_>>> {
    let ours = host(rows).filter(|row| !row.runs.is_empty())?;
    let bar = |row| {
        let Ratio { per_second, certainty, .. } = Row::ratio_to(row, ours)?;
        Some(Bar { row, share: per_second, certainty })
    };
    Some(rows.iter().filter_map(bar).collect())
}

/// Draws the bars of one workload and returns where the next one begins.
fn draw_group(body: &mut String, bars: &[Bar<'_>], unit: f64, top: f64) -> f64 {
    let left = MARGIN + NAMES;
    if let Some(Bar { row, .. }) = bars.first() {
        let title = format!("{}: {}", row.workload.name, row.workload.description());
        text(body, MARGIN, top + 18.0, Class::Title, &title);
    }
    let first = top + TITLE;
    for (index, bar) in bars.iter().enumerate() {
        let Bar { row, share, .. } = bar;
        let y = first + LINE * index as f64;
        let class = if row.server == Server::HOST { "bar ours" } else { "bar" };
        line(
            body,
            format_args!(
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" \
                 height=\"{BAR}\" rx=\"2\"/>",
                share * unit
            ),
        );
        text(body, MARGIN, y + 11.0, Class::Label, row.server.name());
        text(body, WIDTH - MARGIN, y + 11.0, Class::Figure, &figure(bar));
    }
    let end = first + LINE * bars.len() as f64;
    line(
        body,
        format_args!(
            "<line class=\"one\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            first - 3.0,
            end - 3.0,
            x = left + unit
        ),
    );
    end + MARGIN
}

/// Returns the label of a bar. If one of the two values is a lower bound, the label has no ratio.
fn figure(Bar { row, share, certainty }: &Bar<'_>) -> String {
    let share = match certainty {
        Certainty::Exact => format!(" ({share:.2})"),
        _ => String::new(),
    };
    let (median, unit) = (grouped(row.per_second().median()), row.workload.unit());
    format!("{}{median} {unit}/s{share}", row.certainty().sign())
}

#[derive(Clone, Copy, Debug)]
enum Class {
    Title,
    Label,
    /// Ends at its position.
    Figure,
}

fn text(body: &mut String, x: f64, y: f64, class: Class, text: &str) {
    let class = match class {
        Class::Title => " class=\"title\"",
        Class::Label => "",
        Class::Figure => " class=\"figure\"",
    };
    line(body, format_args!("<text{class} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text)));
}

fn line(body: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(body, "{line}").expect("writing to a string cannot fail");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::run::tests::FULL_RUN;
    use crate::runtimes::Runtime;
    use crate::workload::{MAIN, Workload};

    fn row(server: Server, workload: Workload, per_second: f64) -> Row {
        Row { runs: vec![Run { per_second, ..FULL_RUN }], ..Row::new(server, workload) }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }

    #[test]
    fn bars_are_relative_to_ws_host() {
        let svg = draw(&[
            row(Server::HOST, MAIN[0], 1000.0),
            row(Server::Runtime(Runtime::Bun), MAIN[0], 2000.0),
            Row::new(Server::Runtime(Runtime::Workerd), MAIN[0]),
        ]);
        // The longest bar takes the full width.
        assert!(svg.contains("width=\"406.0\"") && svg.contains("width=\"203.0\""), "{svg}");
        assert!(svg.contains(">2,000 messages/s (2.00)</text>"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("prefers-color-scheme"));
    }

    #[test]
    fn lower_bound_is_marked() {
        let mut behind = row(Server::Runtime(Runtime::Bun), MAIN[0], 500.0);
        behind.runs[0].backlog = 0.9;
        let svg = draw(&[row(Server::HOST, MAIN[0], 1000.0), behind]);
        assert!(svg.contains(">≥ 500 messages/s</text>"), "{svg}");
    }

    #[test]
    fn without_ws_host_no_bars_are_drawn() {
        assert!(!draw(&[row(Server::Runtime(Runtime::Bun), MAIN[0], 1.0)]).contains("<rect"));
    }
}

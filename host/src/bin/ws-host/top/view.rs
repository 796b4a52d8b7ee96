//! The content of the screen: a head, and tables that share the lines below it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use ws_host::{Tabs, printable};

use super::ask::AskError;
use super::figures::{UNKNOWN, age, bytes, count, cut, date, percent, time};
use super::rates::{Rate, Rates, Responses, Within};
use super::status::{ResourceFigures, Status};
use super::table::{Align, Table};

/// The smallest number of lines for a table: an empty line, the title, and a row.
const SMALLEST_TABLE: usize = 3;

/// The size of a terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Everything that is to be shown about a host.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) address: SocketAddr,
    pub(super) responses: &'a Responses,
    /// Why there was no response to the last request.
    pub(super) problem: Option<&'a AskError>,
    pub(super) now: SystemTime,
}

/// A line without its line end. It contains no characters that could control the terminal.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) emphasis: Emphasis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emphasis {
    None,
    Title,
    Problem,
}

impl View<'_> {
    /// Returns everything as text.
    pub(super) fn text(&self) -> String {
        let everything = Size { columns: usize::MAX, rows: usize::MAX };
        self.lines(everything).into_iter().map(|line| line.text + "\n").collect()
    }

    /// Returns the lines that fit on a screen.
    pub(super) fn lines(&self, size: Size) -> Vec<Line> {
        let Some(status) = self.responses.newest() else { return Vec::new() };
        let rates = self.responses.rates();
        let mut lines = Vec::new();
        let mut add = |text: &str, emphasis| {
            lines.push(Line { text: cut(text, size.columns), emphasis });
        };
        for (index, line) in self.head(status, rates.as_ref()).iter().enumerate() {
            add(line, if index == 0 { Emphasis::Title } else { Emphasis::None });
        }
        if let Some(problem) = self.problem {
            let since = self.responses.newest_at().map(|at| age(at.elapsed())).unwrap_or_default();
            let text = format!("No response for {since}, trying again: {problem}");
            add(&printable(&text, Tabs::Escaped), Emphasis::Problem);
        }
        let tables = [
            resources(status, rates.as_ref()),
            occurrences(status),
            instances(status),
            clients(status),
        ];
        let tables: Vec<&Table> = tables.iter().filter(|table| !table.rows.is_empty()).collect();
        let wanted: Vec<usize> = tables.iter().map(|table| table.rows.len() + 2).collect();
        let room = size.rows.saturating_sub(lines.len());
        for (table, share) in tables.iter().zip(shares(room, &wanted)) {
            lines.push(Line { text: String::new(), emphasis: Emphasis::None });
            for (index, text) in table.lines(size.columns, share - 2).into_iter().enumerate() {
                let emphasis = if index == 0 { Emphasis::Title } else { Emphasis::None };
                lines.push(Line { text, emphasis });
            }
        }
        lines.truncate(size.rows);
        lines
    }

    fn head(&self, status: &Status, rates: Option<&Rates>) -> Vec<String> {
        let sum = |figure: fn(&ResourceFigures) -> u64| {
            status.resources.iter().map(figure).fold(0, u64::saturating_add)
        };
        let known =
            |figure: &dyn Fn(&Rates) -> String| rates.map_or_else(|| UNKNOWN.to_owned(), figure);
        let now = self.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let up = age(now.saturating_sub(Duration::from_millis(status.started)));
        let stuck = match status.workers_stuck {
            0 => String::new(),
            stuck => format!(", {stuck} stuck"),
        };
        let title = format!("ws-host {} at {}, up {up}", status.version, self.address);
        vec![
            printable(&title, Tabs::Escaped),
            format!(
                "clients {}   in {}, {}   out {}, {}   faults {}",
                whole(sum(|one| one.clients)),
                known(&|rates| format!("{}/s", count(rates.total.received))),
                known(&|rates| format!("{}/s", bytes(rates.total.received_bytes))),
                known(&|rates| format!("{}/s", count(rates.total.sent))),
                known(&|rates| format!("{}/s", bytes(rates.total.sent_bytes))),
                whole(sum(|one| one.faults)),
            ),
            format!(
                "calls {}, 99 % within {}   workers {}, {} busy{stuck}",
                known(&|rates| mean(&rates.total)),
                known(&|rates| within(&rates.total, status)),
                whole(status.workers),
                known(&|rates| percent(rates.busy)),
            ),
            format!(
                "memory {}   instances {}, {} hibernated   buffered {} of {}",
                bytes(sum(|one| one.memory_bytes) as f64),
                whole(sum(|one| one.instances_live)),
                whole(sum(|one| one.instances_hibernated)),
                bytes(status.buffered_bytes as f64),
                bytes(status.max_buffered_bytes as f64),
            ),
        ]
    }
}

/// Returns the number of lines that each table gets. `wanted` contains the number of lines that each table wants. If
/// there is too little room, some tables get none. Tables that want few lines get all of them, and the other tables
/// share the rest.
fn shares(room: usize, wanted: &[usize]) -> Vec<usize> {
    let shown = wanted.len().min(room / SMALLEST_TABLE);
    let mut shares = Vec::with_capacity(shown);
    let mut left = room;
    let mut order: Vec<usize> = (0..shown).collect();
    order.sort_by_key(|index| wanted[*index]);
    shares.resize(shown, 0);
    for (done, index) in order.iter().enumerate() {
        shares[*index] = wanted[*index].min(left / (shown - done));
        left -= shares[*index];
    }
    shares
}

fn resources(status: &Status, rates: Option<&Rates>) -> Table {
    let row = |(index, one): (usize, &ResourceFigures)| {
        let rate = rates.and_then(|rates| rates.resources.get(index));
        let known =
            |figure: &dyn Fn(&Rate) -> String| rate.map_or_else(|| UNKNOWN.to_owned(), figure);
        let trial = match &*one.trial {
            "settled" => String::new(),
            "running" => " on trial".to_owned(),
            other => format!(" {other}"),
        };
        vec![
            one.name.clone(),
            one.path.clone(),
            whole(one.clients),
            whole(one.instances_live),
            whole(one.instances_hibernated),
            known(&|rate| count(rate.received)),
            known(&|rate| count(rate.sent)),
            known(&mean),
            known(&|rate| within(rate, status)),
            known(&|rate| percent(rate.cpu)),
            bytes(one.memory_bytes as f64),
            whole(one.faults),
            one.hash.clone() + &trial,
        ]
    };
    Table {
        columns: titles(
            &["RESOURCE", "PATH"],
            &[
                "CLIENTS", "LIVE", "HIBERN.", "IN/s", "OUT/s", "CALL", "99 %", "CPU", "MEMORY",
                "FAULTS",
            ],
            &["CODE"],
        ),
        rows: status.resources.iter().enumerate().map(row).collect(),
    }
}

fn occurrences(status: &Status) -> Table {
    let rows = status.occurrences.iter().map(|one| {
        let event = one.event.as_ref().map(|event| format!(" in {event}")).unwrap_or_default();
        let instance = one.instance.clone().unwrap_or_default();
        vec![
            date(one.at),
            one.what.clone(),
            one.kind.clone() + &event,
            one.resource.clone(),
            instance,
        ]
    });
    Table {
        columns: titles(&["RELOADS AND FAULTS", "WHAT", "KIND", "RESOURCE", "INSTANCE"], &[], &[]),
        rows: rows.collect(),
    }
}

fn instances(status: &Status) -> Table {
    let rows = status.instances.iter().map(|one| {
        let name = if one.name.is_empty() { "(one for all)" } else { &one.name };
        let figures = [whole(one.clients), whole(one.timers)];
        [vec![name.to_owned(), one.resource.clone(), one.state.clone()], figures.to_vec()].concat()
    });
    Table {
        columns: titles(&["INSTANCE", "RESOURCE", "STATE"], &["CLIENTS", "TIMERS"], &[]),
        rows: rows.collect(),
    }
}

fn clients(status: &Status) -> Table {
    let rows = status.clients.iter().map(|one| {
        let waiting = match one.buffered {
            0 => UNKNOWN.to_owned(),
            waiting => bytes(waiting as f64),
        };
        let texts = [&one.path, &one.resource, &one.address].map(String::clone);
        [vec![one.id.to_string()], texts.to_vec(), vec![waiting]].concat()
    });
    let mut columns = titles(&[], &["CLIENT"], &["PATH", "RESOURCE", "ADDRESS"]);
    columns.extend(titles(&[], &["BUFFERED"], &[]));
    Table { columns, rows: rows.collect() }
}

/// Returns the columns: columns of text first, then columns of figures, and then more columns of text.
fn titles(texts: &[&str], figures: &[&str], more_texts: &[&str]) -> Vec<(String, Align)> {
    let aligned = |titles: &[&str], align| {
        titles.iter().map(|title| ((*title).to_owned(), align)).collect::<Vec<_>>()
    };
    [aligned(texts, Align::Left), aligned(figures, Align::Right), aligned(more_texts, Align::Left)]
        .concat()
}

fn whole(figure: u64) -> String {
    count(figure as f64)
}

fn mean(rate: &Rate) -> String {
    rate.mean().map_or_else(|| UNKNOWN.to_owned(), time)
}

fn within(rate: &Rate, status: &Status) -> String {
    match rate.within(&status.bounds_nanoseconds) {
        None => UNKNOWN.to_owned(),
        Some(Within::Bound(bound)) => time(bound),
        Some(Within::Above(bound)) => format!("> {}", time(bound)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_share_the_room_and_small_ones_get_what_they_want() {
        assert_eq!(shares(usize::MAX, &[3, 102]), [3, 102]);
        assert_eq!(shares(20, &[3, 102, 5, 102]), [3, 6, 5, 6]);
        assert_eq!(shares(7, &[3, 102, 5, 102]), [3, 4]);
        assert_eq!(shares(2, &[3, 102]), [0; 0]);
        assert_eq!(shares(10, &[]), [0; 0]);
    }
}

//! The clients. Each is a program in `tests/matrix/clients` that is given a plan and reports the
//! outcomes.

mod authority;
mod process;
mod program;
mod roster;
mod server;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;

use self::process::Trial;
use self::program::Program;
use self::server::{Endpoints, Server};
use crate::table::{Outcome, Row, Selection, Table};

/// The scenarios of every client, in this order. The programs know them by these names.
const SCENARIOS: [&str; 11] = [
    "text",
    "binary",
    "in flight",
    "subprotocol",
    "ping",
    CLIENT_CLOSES,
    "server closes",
    "refused",
    "compressed",
    "compressed with context",
    "wss",
];

/// The scenario after which the handler is asked what it has seen.
const CLIENT_CLOSES: &str = "client closes";

/// How long a client may produce no output. The longest scenario takes a second or two, starting a
/// browser ten.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Clients that run at the same time. Each is a process or two, besides the server.
const AT_A_TIME: usize = 2;

/// Runs the clients.
pub(crate) fn run(selection: &Selection) -> Result<Table> {
    let chosen: Vec<&Program> = roster::PROGRAMS
        .iter()
        .filter(|program| selection.has(program.name, program.is_among_some))
        .collect();
    let server = Server::start()?;
    let endpoints = &server.endpoints;
    let next = AtomicUsize::new(0);
    let in_turn = || {
        let mut rows = Vec::new();
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(program) = chosen.get(number)
        {
            rows.push((number, row(program, endpoints, number)));
        }
        rows
    };
    let mut rows = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(in_turn)).collect();
        let rows =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|it| resume_unwind(it)));
        rows.flatten().collect::<Vec<_>>()
    });
    rows.sort_by_key(|(number, _)| *number);
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Table { scenarios: SCENARIOS.to_vec(), rows })
}

/// Runs one client and returns its outcomes.
fn row(program: &Program, endpoints: &Endpoints, number: usize) -> Row {
    let mut trial = match program.command() {
        Ok(command) => process::run(&command, &SCENARIOS, &endpoints.plan(number), TIMEOUT),
        Err(missing) => Trial::skipped(&SCENARIOS, &format!("{missing:#}")),
    };
    if trial.outcome(CLIENT_CLOSES) == Some(&Outcome::Passed)
        && let Err(error) = endpoints.expect_close_of(number)
    {
        trial.set(CLIENT_CLOSES, Outcome::Failed(format!("{error:#}")));
    }
    let missing = || Outcome::Failed("the client reported no outcome".to_owned());
    let outcomes =
        SCENARIOS.iter().map(|name| trial.outcome(name).cloned().unwrap_or_else(missing));
    Row { name: program.name.to_owned(), outcomes: outcomes.collect(), version: trial.version }
}

//! The proxies: each in front of a server of its own, with the settings that `docs/behind-a-proxy.md`
//! recommends.

mod backend;
mod catalogue;
mod certificate;
mod configuration;
mod front;
mod listings;
mod network;
mod process;
mod scenarios;
mod silence;
mod trial;

use anyhow::Result;

use crate::table::{Extent, Outcome, Row, Selection, Table};
use catalogue::{PROXIES, Proxy};
use certificate::Certificate;
use network::Network;
use scenarios::{LAST, SCENARIOS, STOP, Scenario};
use trial::Trial;

/// Runs them.
pub(crate) fn run(selection: &Selection) -> Result<Table> {
    listings::check()?;
    let certificate = Certificate::make()?;
    let network = Network::start()?;
    let last: &[Scenario] = match selection.extent {
        Extent::All => &LAST,
        Extent::Some => &[STOP],
    };
    let mut tried = Vec::new();
    for proxy in PROXIES.iter().filter(|proxy| selection.has(proxy.name, proxy.in_some)) {
        let mut begun = Tried::begin(proxy, &certificate, &network);
        begun.run(&SCENARIOS);
        if selection.extent == Extent::All {
            begun.begin_silence();
        }
        tried.push(begun);
    }
    let scenarios = SCENARIOS.iter().chain(last).map(|scenario| scenario.name).collect();
    let rows = tried.into_iter().map(|tried| tried.end(last)).collect();
    Ok(Table { scenarios, rows })
}

/// A proxy that is tried, or why it is not.
struct Tried {
    proxy: &'static Proxy,
    version: String,
    trial: Result<Trial, Outcome>,
    outcomes: Vec<Outcome>,
}

impl Tried {
    fn begin(proxy: &'static Proxy, certificate: &Certificate, network: &Network) -> Self {
        let begun = |version, trial| Self { proxy, version, trial, outcomes: Vec::new() };
        match proxy.version() {
            Ok(Some(version)) => {
                let trial = Trial::begin(proxy, certificate, network);
                begun(version, trial.map_err(|why| Outcome::Failed(in_one_line(&why))))
            }
            Ok(None) => {
                begun(String::new(), Err(Outcome::Skipped("it is not installed".to_owned())))
            }
            Err(why) => begun(String::new(), Err(Outcome::Skipped(in_one_line(&why)))),
        }
    }

    fn run(&mut self, scenarios: &[Scenario]) {
        for scenario in scenarios {
            let outcome = match &mut self.trial {
                // The first column says why.
                Err(_) if !self.outcomes.is_empty() => {
                    Outcome::NotApplicable("it did not run".to_owned())
                }
                Err(why) => why.clone(),
                Ok(trial) => match scenario.run(trial) {
                    Ok(()) => Outcome::Passed,
                    Err(why) => Outcome::Failed(in_one_line(&why)),
                },
            };
            self.outcomes.push(outcome);
        }
    }

    fn begin_silence(&mut self) {
        if let Ok(trial) = &mut self.trial {
            trial.begin_silence();
        }
    }

    fn end(mut self, last: &[Scenario]) -> Row {
        self.run(last);
        Row { name: self.proxy.title.to_owned(), version: self.version, outcomes: self.outcomes }
    }
}

/// An error and its causes, as a table can hold them.
fn in_one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
}

//! The proxies. Each is in front of a server of its own, with the settings that
//! `docs/behind-a-proxy.md` recommends.

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

/// Runs the proxies.
pub(crate) fn run(selection: &Selection) -> Result<Table> {
    listings::check()?;
    let certificate = Certificate::make()?;
    let network = Network::start()?;
    let last: &[Scenario] = match selection.extent {
        Extent::All => &LAST,
        Extent::Some => &[STOP],
    };
    let mut attempts = Vec::new();
    for proxy in PROXIES.iter().filter(|proxy| selection.has(proxy.name, proxy.in_some)) {
        let mut begun = Attempt::begin(proxy, &certificate, &network);
        begun.run(&SCENARIOS);
        if selection.extent == Extent::All {
            begun.begin_silence();
        }
        attempts.push(begun);
    }
    let scenarios = SCENARIOS.iter().chain(last).map(|scenario| scenario.name).collect();
    let rows = attempts.into_iter().map(|attempt| attempt.end(last)).collect();
    Ok(Table { scenarios, rows })
}

/// A proxy under test, or why it is not tested.
struct Attempt {
    proxy: &'static Proxy,
    version: String,
    trial: Result<Trial, Outcome>,
    outcomes: Vec<Outcome>,
}

impl Attempt {
    fn begin(proxy: &'static Proxy, certificate: &Certificate, network: &Network) -> Self {
        let begun = |version, trial| Self { proxy, version, trial, outcomes: Vec::new() };
        match proxy.version() {
            Ok(Some(version)) => {
                let trial = Trial::begin(proxy, certificate, network);
                begun(version, trial.map_err(|why| Outcome::Failed(in_one_line(&why))))
            }
            Ok(None) => begun(String::new(), Err(Outcome::Skipped("not installed".to_owned()))),
            Err(why) => begun(String::new(), Err(Outcome::Skipped(in_one_line(&why)))),
        }
    }

    fn run(&mut self, scenarios: &[Scenario]) {
        for scenario in scenarios {
            let outcome = match &mut self.trial {
                // The first column has the reason.
                Err(_) if !self.outcomes.is_empty() => {
                    Outcome::NotApplicable("the proxy did not run".to_owned())
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

/// Formats an error and its causes for a table cell.
fn in_one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
}

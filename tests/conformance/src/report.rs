//! The outcome of each case.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cases::Cases;

/// The outcome of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    /// `OK`, `NON-STRICT`, `INFORMATIONAL`, `FAILED`, …
    behavior: String,
    /// The outcome of the closing handshake.
    behavior_close: String,
}

/// All cases by number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Report(BTreeMap<String, Case>);

impl Report {
    /// Parses an expectation file.
    pub(crate) fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).context("cannot parse the expected outcomes")
    }

    /// Parses the suite's `index.json`, which contains the cases of each agent. Other fields are
    /// ignored.
    pub(crate) fn from_index(json: &str) -> Result<Self> {
        let mut agents: BTreeMap<String, Self> =
            serde_json::from_str(json).context("cannot parse the suite's index.json")?;
        agents
            .pop_first()
            .map(|(_, report)| report)
            .context("the suite's index.json contains no agent")
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Removes all other cases.
    pub(crate) fn retain(&mut self, cases: &Cases) {
        self.0.retain(|number, _| cases.contain(number));
    }

    /// Replaces these cases by those of another report.
    pub(crate) fn replace(&mut self, other: Self, cases: &Cases) {
        self.0.retain(|number, _| !cases.contain(number));
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns a line for each case with an unexpected outcome: different, missing, or new.
    pub(crate) fn differences(&self, actual: &Self) -> BTreeMap<String, String> {
        let numbers: BTreeSet<&String> = self.0.keys().chain(actual.0.keys()).collect();
        let outcome = |case: Option<&Case>| match case {
            Some(case) => format!("{} (close: {})", case.behavior, case.behavior_close),
            None => "no outcome".to_owned(),
        };
        numbers
            .into_iter()
            .map(|number| (number, self.0.get(number), actual.0.get(number)))
            .filter(|(_, expected, actual)| expected != actual)
            .map(|(number, expected, actual)| {
                let line = format!("expected {}, got {}", outcome(expected), outcome(actual));
                (number.clone(), line)
            })
            .collect()
    }

    /// Counts the cases by outcome.
    pub(crate) fn outcomes(&self) -> BTreeMap<&str, usize> {
        let mut outcomes = BTreeMap::new();
        for case in self.0.values() {
            *outcomes.entry(case.behavior.as_str()).or_default() += 1;
        }
        outcomes
    }
}

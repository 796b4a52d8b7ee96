//! The results: a row for each client or proxy, a column for each scenario.

/// Which clients and proxies are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    All,
    /// Those that install and run within a few minutes, chosen for variety.
    Some,
}

/// The selected clients and proxies.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) extent: Extent,
    /// If not empty, only these.
    pub(crate) names: Vec<String>,
}

impl Selection {
    /// Returns whether a client or proxy is selected.
    pub(crate) fn has(&self, name: &str, is_among_some: InSome) -> bool {
        if !self.names.is_empty() {
            return self.names.iter().any(|chosen| chosen == name);
        }
        self.extent == Extent::All || is_among_some == InSome::Yes
    }
}

/// Whether a client or proxy is run with `--some`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InSome {
    Yes,
    No,
}

/// The outcome of one scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// The reason, in one line.
    Failed(String),
    /// By design, the client or proxy cannot do it. The reason, in a few words.
    NotApplicable(String),
    /// Something is not installed on this machine.
    Skipped(String),
}

/// One client or proxy.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The tested version, as the program reports it.
    pub(crate) version: String,
    /// An outcome for each scenario of the table, in that order.
    pub(crate) outcomes: Vec<Outcome>,
}

/// The results of a part.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) scenarios: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// The number of scenarios by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Table {
    /// Prints a line for each client or proxy, and one for each failure.
    pub(crate) fn print(&self) -> Counts {
        let mut counts = Counts::default();
        for row in &self.rows {
            let mut line = Counts::default();
            for (scenario, outcome) in self.scenarios.iter().zip(&row.outcomes) {
                match outcome {
                    Outcome::Passed => line.passed += 1,
                    Outcome::NotApplicable(why) => {
                        println!("–       {} {scenario}: {why}", row.name)
                    }
                    Outcome::Skipped(why) => {
                        line.skipped += 1;
                        println!("SKIPPED {} {scenario}: {why}", row.name);
                    }
                    Outcome::Failed(why) => {
                        line.failed += 1;
                        println!("FAILED  {} {scenario}: {why}", row.name);
                    }
                }
            }
            println!(
                "{} {}: {} passed, {} failed",
                row.name, row.version, line.passed, line.failed
            );
            counts.passed += line.passed;
            counts.failed += line.failed;
            counts.skipped += line.skipped;
        }
        counts
    }
}

//! What came of it: a row for each client or proxy, a column for each scenario.

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    All,
    /// What installs and runs within a few minutes, chosen for variety.
    Some,
}

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) extent: Extent,
    /// Only these, if there are any.
    pub(crate) names: Vec<String>,
}

impl Selection {
    /// Whether a client or proxy of this name takes part.
    pub(crate) fn has(&self, name: &str, is_among_some: InSome) -> bool {
        if !self.names.is_empty() {
            return self.names.iter().any(|chosen| chosen == name);
        }
        self.extent == Extent::All || is_among_some == InSome::Yes
    }
}

/// Whether a client or proxy takes part where time is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InSome {
    Yes,
    No,
}

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// Why, in one line.
    Failed(String),
    /// The client or proxy cannot do it, by design; why, in a few words.
    NotApplicable(String),
    /// Something is not installed here.
    Skipped(String),
}

/// One client or proxy.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The version that was tried, as the program itself says.
    pub(crate) version: String,
    /// One for each scenario of the table, in that order.
    pub(crate) outcomes: Vec<Outcome>,
}

/// What came of all.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) scenarios: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// How often what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Table {
    /// Prints a line for each client or proxy, and one more for each failure.
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

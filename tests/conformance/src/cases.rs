//! The cases of the suite to run.

/// The cases whose 1,000 messages have 64 KiB or more, in each group of cases that compress. They take three quarters
/// of the suite's time.
const LONG: [u8; 8] = [9, 10, 13, 14, 15, 16, 17, 18];

/// The groups that compress, except `12.1` and `13.1`. They differ from these in the data and in the negotiated
/// settings.
const OTHER_GROUPS: [&str; 10] =
    ["12.2", "12.3", "12.4", "12.5", "13.2", "13.3", "13.4", "13.5", "13.6", "13.7"];

/// The cases that match one of the patterns and are not excluded. A pattern is a number, or the beginning of one
/// followed by `*`.
#[derive(Clone, Debug)]
pub(crate) struct Cases {
    patterns: Vec<String>,
    excluded: Vec<String>,
}

impl Cases {
    pub(crate) fn all() -> Self {
        Self::matching(vec!["*".to_owned()])
    }

    /// Returns the cases that continuous integration runs.
    pub(crate) fn some() -> Self {
        let long = |group: &&str| LONG.map(|number| format!("{group}.{number}"));
        Self { excluded: OTHER_GROUPS.iter().flat_map(long).collect(), ..Self::all() }
    }

    pub(crate) fn matching(patterns: Vec<String>) -> Self {
        Self { patterns, excluded: Vec::new() }
    }

    /// Returns the patterns in the syntax of the suite's specification.
    pub(crate) fn patterns(&self) -> &[String] {
        &self.patterns
    }

    pub(crate) fn excluded(&self) -> &[String] {
        &self.excluded
    }

    pub(crate) fn contain(&self, number: &str) -> bool {
        let matches = self.patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => number.starts_with(beginning),
            None => number == pattern,
        });
        matches && !self.excluded.iter().any(|excluded| excluded == number)
    }
}

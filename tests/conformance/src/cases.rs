//! The cases of the suite to run.

/// All cases, or those that match a pattern: a number, or the beginning of one followed by `*`.
#[derive(Clone, Debug)]
pub(crate) struct Cases(Vec<String>);

impl Cases {
    /// Creates a selection. Without patterns, it contains all cases.
    pub(crate) fn new(patterns: Vec<String>) -> Self {
        Self(if patterns.is_empty() { vec!["*".to_owned()] } else { patterns })
    }

    /// Returns the patterns in the syntax of the suite's specification.
    pub(crate) fn patterns(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn contain(&self, number: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => number.starts_with(beginning),
            None => number == pattern,
        })
    }
}

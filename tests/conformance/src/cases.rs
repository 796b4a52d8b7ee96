//! Which cases of the suite are run.

/// All cases, or those that a pattern names: a number, or the beginning of one and `*`.
#[derive(Clone, Debug)]
pub(crate) struct Cases(Vec<String>);

impl Cases {
    /// Without patterns: all.
    pub(crate) fn new(patterns: Vec<String>) -> Self {
        Self(if patterns.is_empty() { vec!["*".to_owned()] } else { patterns })
    }

    /// As the suite's specification has them.
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

//! The paths of resources: one, or all that a pattern describes.

use matchit::{InsertError, Router};

/// A pattern of paths: `/chat`, `/room/{id}`, `/files/*`.
///
/// `{name}` stands for one segment that is not empty, and `/*` at the end for all that may follow. Paths
/// are compared as they come: percent-encoding is left alone, and upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A path is absolute.
    #[error("{0:?} must begin with /")]
    NoSlash(String),
    /// A path ends before query and fragment.
    #[error("{0:?} must be a path alone, without query or fragment")]
    NotAlone(String),
    /// What cannot stand in a URL, or a parameter that is not well-formed.
    #[error("{0:?} is no path: {1}")]
    Invalid(String, String),
}

/// What the router calls the part of a path that `/*` stands for; no name that can stand in a pattern.
const REST: &str = "rest of it";

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') {
            return Err(PatternError::NoSlash(text.to_owned()));
        }
        let invalid = |why: String| PatternError::Invalid(text.to_owned(), why);
        let plain = text.replace(['{', '}'], "");
        match plain.parse::<http::Uri>() {
            Ok(uri) if uri.path() == plain => {}
            Ok(_) => return Err(PatternError::NotAlone(text.to_owned())),
            Err(error) => return Err(invalid(error.to_string())),
        }
        let pattern = Self(text.to_owned());
        Router::new().insert(pattern.route(), ()).map_err(|error| invalid(error.to_string()))?;
        Ok(pattern)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one path.
    pub fn has_parameters(&self) -> bool {
        self.0.contains('{') || self.0.ends_with("/*")
    }

    /// The pattern as the router has it.
    fn route(&self) -> String {
        match self.0.strip_suffix("/*") {
            Some(folder) => format!("{folder}/{{*{REST}}}"),
            None => self.0.clone(),
        }
    }
}

/// Values by the patterns of their paths. Where several describe a path, the one decides that says
/// more of it: `/room/lobby` before `/room/{id}` before `/*`.
#[derive(Clone, Debug)]
pub(crate) struct Patterns<T>(Router<T>);

/// There is a pattern between which and the new one nothing decides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{new} describes the same paths as {old}: nothing decides between the two")]
pub(crate) struct Conflict {
    new: String,
    old: String,
}

/// A path that was found.
pub(crate) struct Found<'a, T> {
    pub(crate) value: &'a T,
    /// What the parameters of the pattern stand for.
    pub(crate) parameters: Vec<(String, String)>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self(Router::new())
    }
}

impl<T> Patterns<T> {
    /// # Errors
    ///
    /// [`Conflict`]; nothing was inserted then.
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: T) -> Result<(), Conflict> {
        self.0.insert(pattern.route(), value).map_err(|error| {
            let old = match error {
                InsertError::Conflict { with } => with,
                other => other.to_string(),
            };
            let old = old.replace(&format!("{{*{REST}}}"), "*");
            Conflict { new: pattern.as_str().to_owned(), old }
        })
    }

    pub(crate) fn find(&self, path: &str) -> Option<Found<'_, T>> {
        let found = self.0.at(path).ok()?;
        let name = |name: &str| if name == REST { "*".to_owned() } else { name.to_owned() };
        let parameters =
            found.params.iter().map(|(key, value)| (name(key), value.to_owned())).collect();
        Some(Found { value: found.value, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parameters(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        let mut patterns = Patterns::default();
        patterns.insert(&Pattern::parse(pattern).expect("a pattern"), ()).expect("no conflict");
        patterns.find(path).map(|found| found.parameters)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn path_without_parameters_is_that_path_alone() {
        assert_eq!(parameters("/chat", "/chat"), Some(vec![]));
        assert_eq!(parameters("/", "/"), Some(vec![]));
        for other in ["/", "/chat/", "/Chat", "/chat/a", "/cha"] {
            assert_eq!(parameters("/chat", other), None, "{other}");
        }
    }

    #[test]
    fn parameter_is_one_segment() {
        assert_eq!(parameters("/room/{id}", "/room/red"), Some(vec![pair("id", "red")]));
        assert_eq!(parameters("/room/{id}", "/room/%20"), Some(vec![pair("id", "%20")]));
        for other in ["/room", "/room/", "/room/red/", "/room/red/blue"] {
            assert_eq!(parameters("/room/{id}", other), None, "{other}");
        }
        let two = parameters("/{team}/room/{id}", "/a/room/b");
        assert_eq!(two, Some(vec![pair("team", "a"), pair("id", "b")]));
    }

    #[test]
    fn star_is_all_that_follows() {
        assert_eq!(parameters("/files/*", "/files/a/b.txt"), Some(vec![pair("*", "a/b.txt")]));
        assert_eq!(parameters("/files/*", "/files"), None);
    }

    #[test]
    fn pattern_that_says_more_decides() {
        let mut patterns = Patterns::default();
        for text in ["/*", "/room/{id}", "/room/lobby"] {
            patterns.insert(&Pattern::parse(text).expect("a pattern"), text).expect("no conflict");
        }
        let found = |path| patterns.find(path).map(|found| *found.value);
        assert_eq!(found("/room/lobby"), Some("/room/lobby"));
        assert_eq!(found("/room/red"), Some("/room/{id}"));
        assert_eq!(found("/room/red/1"), Some("/*"));
        let twin = Pattern::parse("/room/{name}").expect("a pattern");
        let conflict = patterns.insert(&twin, "").expect_err("a conflict");
        assert_eq!(conflict.old, "/room/{id}");
    }

    #[test]
    fn what_is_no_pattern() {
        for text in ["chat", "", "/a?b", "/a#b", "/a b", "/room/{id", "/{a}{b}", "/{}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}

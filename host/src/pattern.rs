//! The paths of a resource: one, or all that a pattern describes.

use matchit::Router;

/// A pattern of paths: `/chat`, `/room/{id}`, `/files/*`.
///
/// `{name}` stands for one segment that is not empty, and `/*` at the end for all that may follow. Paths
/// are compared as they come: percent-encoding is left alone, and upper and lower case differ.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    router: Router<()>,
}

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

/// What the part of a path is called that `/*` stands for.
const REST: &str = "*";

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
        let route = match text.strip_suffix("/*") {
            Some(folder) => format!("{folder}/{{*rest}}"),
            None => text.to_owned(),
        };
        let mut router = Router::new();
        router.insert(route, ()).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { text: text.to_owned(), router })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it stands for more than one path.
    pub fn has_parameters(&self) -> bool {
        self.text.contains('{') || self.text.ends_with("/*")
    }

    /// What its parameters stand for in this path; `None` if it does not describe the path.
    pub fn parameters(&self, path: &str) -> Option<Vec<(String, String)>> {
        let found = self.router.at(path).ok()?;
        let name = |name: &str| match self.text.ends_with("/*") && name == "rest" {
            true => REST.to_owned(),
            false => name.to_owned(),
        };
        Some(found.params.iter().map(|(key, value)| (name(key), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parameters(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        Pattern::parse(pattern).expect("a pattern").parameters(path)
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
    fn what_is_no_pattern() {
        for text in ["chat", "", "/a?b", "/a#b", "/a b", "/room/{id", "/{a}{b}", "/{}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}

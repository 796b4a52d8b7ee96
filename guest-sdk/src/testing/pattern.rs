//! The path of a resource: `/chat`, `/room/{id}`, `/files/*`.

/// A path pattern, or any path.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Option<String>);

impl Pattern {
    pub(super) fn any() -> Self {
        Self(None)
    }

    pub(super) fn new(text: &str) -> Self {
        assert!(text.starts_with('/'), "the path {text:?} must begin with /");
        Self(Some(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("/*")
    }

    /// Returns the parameters of a path, if the path matches.
    pub(super) fn parameters(&self, path: &str) -> Option<Vec<(String, String)>> {
        let Some(pattern) = &self.0 else { return Some(Vec::new()) };
        let (mut parameters, mut path) = (Vec::new(), path.split('/'));
        let mut segments = pattern.split('/').peekable();
        while let Some(segment) = segments.next() {
            if segment == "*" && segments.peek().is_none() {
                let rest: Vec<_> = path.collect();
                (!rest.is_empty()).then_some(())?;
                parameters.push(("*".to_owned(), rest.join("/")));
                return Some(parameters);
            }
            let given = path.next()?;
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if !given.is_empty() => {
                    parameters.push((name.to_owned(), given.to_owned()));
                }
                Some(_) => return None,
                None if segment == given => {}
                None => return None,
            }
        }
        path.next().is_none().then_some(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn match_of(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        Pattern::new(pattern).parameters(path)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn parameters_are_segments_and_a_star_is_the_rest() {
        assert_eq!(match_of("/", "/"), Some(vec![]));
        assert_eq!(match_of("/", "/a"), None);
        assert_eq!(match_of("/room/{id}", "/room/a%2Fb"), Some(vec![pair("id", "a%2Fb")]));
        assert_eq!(match_of("/room/{id}", "/room/"), None);
        assert_eq!(match_of("/room/{id}", "/room/a/b"), None);
        assert_eq!(match_of("/files/*", "/files/a/b"), Some(vec![pair("*", "a/b")]));
        assert_eq!(match_of("/files/*", "/files/"), Some(vec![pair("*", "")]));
        assert_eq!(match_of("/files/*", "/files"), None);
        assert_eq!(Pattern::any().parameters("/a/b"), Some(vec![]));
    }
}

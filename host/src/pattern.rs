//! The paths of resources, and the patterns that match several paths.

mod normal;

use std::collections::HashMap;

use matchit::{InsertError, Router};

pub(crate) use self::normal::normalized;

/// A path or a path pattern: `/chat`, `/room/{id}`, `/files/*`.
///
/// `{name}` matches one segment of at least one character. `/*` at the end matches everything after the slash, or
/// nothing. Patterns are case-sensitive. A pattern may be written as people read it or as browsers send it: `/räume` is
/// the same as `/r%C3%A4ume`. `%2f` is the same as `%2F`, but it is not a slash. Write literal braces as `%7B` and
/// `%7D`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// The route that is passed to the router. Its fixed parts are in the normal form of paths.
    route: String,
    /// The names of the parameters, in order.
    names: Vec<String>,
    /// The route without the part for `*`, if the pattern ends in `/*`. It is for paths where nothing follows the
    /// slash.
    folder_route: Option<String>,
}

/// Why a string is not a valid pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The pattern does not begin with a slash.
    #[error("{0:?} must begin with /")]
    NoSlash(String),
    /// The pattern contains a query or a fragment.
    #[error("{0:?} must be a path without a query or fragment")]
    NotAlone(String),
    /// The pattern contains a character that may not appear in a URL, or a malformed parameter.
    #[error("{0:?} is not a valid path: {1}")]
    Invalid(String, String),
}

/// The name of the parameter for `/*` in a route. It contains spaces, so no pattern can contain it.
const REST: &str = "rest of it";

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the string is not a valid pattern.
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
        let before_rest = text.strip_suffix('*').filter(|before| before.ends_with('/'));
        let (mut route, mut names) = parse_route(before_rest.unwrap_or(text)).map_err(&invalid)?;
        let folder_route = before_rest.map(|_| route.clone());
        if folder_route.is_some() {
            route.push_str(&format!("{{*{REST}}}"));
            names.push("*".to_owned());
        }
        for route in folder_route.iter().chain([&route]) {
            let inserted = Router::new().insert(route.as_str(), ());
            inserted.map_err(|error| invalid(error.to_string()))?;
        }
        Ok(Self { text: text.to_owned(), route, names, folder_route })
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the pattern can match more than one path.
    pub fn has_parameters(&self) -> bool {
        !self.names.is_empty()
    }
}

/// Returns the route of a pattern and the names of its parameters. The error says what is wrong with the pattern.
fn parse_route(pattern: &str) -> Result<(String, Vec<String>), String> {
    let (mut route, mut names) = (String::new(), Vec::new());
    let mut rest = pattern;
    loop {
        let (plain, parameter) = match rest.split_once('{') {
            Some((plain, parameter)) => (plain, Some(parameter)),
            None => (rest, None),
        };
        if plain.contains('}') {
            return Err("a } has no { before it; write %7D for a literal }".to_owned());
        }
        route.push_str(&normalized(plain));
        let Some(parameter) = parameter else { return Ok((route, names)) };
        let (name, after) =
            parameter.split_once('}').ok_or("a { has no } after it; write %7B for a literal {")?;
        if name.contains('{') {
            return Err("the name of a parameter contains {; write %7B for a literal {".to_owned());
        }
        if name.starts_with('*') {
            return Err(
                "a parameter matches one segment; to match the rest of a path, end with /*"
                    .to_owned(),
            );
        }
        route.push_str(&format!("{{{name}}}"));
        names.push(name.to_owned());
        rest = after;
    }
}

/// A map from patterns to values. If several patterns match a path, the most specific one wins: `/room/lobby` wins over
/// `/room/{id}`, and `/room/{id}` wins over `/*`.
#[derive(Clone, Debug)]
pub(crate) struct Patterns<T> {
    router: Router<usize>,
    slots: Vec<Slot<T>>,
    /// The index of each slot by its route. Routes that differ only in parameter names share the slot of the route that
    /// was inserted first.
    slot_by_route: HashMap<String, usize>,
}

/// The values of one route.
#[derive(Clone, Debug)]
struct Slot<T> {
    /// The entry of the pattern with this route. It takes precedence over `folder`.
    exact: Option<Entry<T>>,
    /// The entry of a pattern that ends in `/*` and has this `folder_route`.
    folder: Option<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    pattern: Pattern,
    value: T,
}

/// The error for a new pattern that matches the same paths as an existing one, if neither is more specific.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{new} matches the same paths as {old}, and neither is more specific: change or remove one of them"
)]
pub(crate) struct Conflict {
    new: String,
    old: String,
}

/// The result of a lookup.
pub(crate) struct Found<'a, T> {
    pub(crate) value: &'a T,
    /// The names of the pattern's parameters, with their values in the path.
    pub(crate) parameters: Vec<(String, String)>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self { router: Router::new(), slots: Vec::new(), slot_by_route: HashMap::new() }
    }
}

impl<T: Clone> Patterns<T> {
    /// Inserts a value for a pattern.
    ///
    /// # Errors
    ///
    /// [`Conflict`] if another pattern matches the same paths. The map must not be used afterwards, because it may
    /// contain some routes of the new pattern.
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: T) -> Result<(), Conflict> {
        let slot = self.slot(pattern, &pattern.route)?;
        if let Some(old) = &self.slots[slot].exact {
            return Err(Conflict::between(pattern, old.pattern.as_str()));
        }
        let folder_slot =
            pattern.folder_route.as_deref().map(|route| self.slot(pattern, route)).transpose()?;
        let entry = Entry { pattern: pattern.clone(), value };
        if let Some(folder_slot) = folder_slot {
            // This overwrites nothing. If another pattern had the same folder route, it would also have the same route
            // as this pattern, and the check above would have found the conflict.
            self.slots[folder_slot].folder = Some(entry.clone());
        }
        self.slots[slot].exact = Some(entry);
        Ok(())
    }

    /// Finds the value for a path in its [normal form](normalized).
    pub(crate) fn find(&self, path: &str) -> Option<Found<'_, T>> {
        let found = self.router.at(path).ok()?;
        let slot = self.slots.get(*found.value)?;
        let Entry { pattern, value } = slot.exact.as_ref().or(slot.folder.as_ref())?;
        // The names come from the pattern of this entry. The router may have the names of another pattern, because
        // patterns that differ only in these names share a slot. The router returns all values, except possibly an
        // empty value for `*`.
        let values = found.params.iter().map(|(_, value)| value).chain([""]);
        let parameters = pattern.names.iter().cloned().zip(values.map(str::to_owned)).collect();
        Some(Found { value, parameters })
    }

    /// Returns the index of a route's slot. Creates the slot if there is none.
    fn slot(&mut self, pattern: &Pattern, route: &str) -> Result<usize, Conflict> {
        let next = self.slots.len();
        match self.router.insert(route, next) {
            Ok(()) => {
                self.slot_by_route.insert(route.to_owned(), next);
                self.slots.push(Slot { exact: None, folder: None });
                Ok(next)
            }
            Err(InsertError::Conflict { with }) => self
                .slot_by_route
                .get(&with)
                .copied()
                .ok_or_else(|| Conflict::between(pattern, &with)),
            Err(other) => Err(Conflict::between(pattern, &other.to_string())),
        }
    }
}

impl Conflict {
    fn between(new: &Pattern, old: &str) -> Self {
        Self { new: new.as_str().to_owned(), old: old.to_owned() }
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
    fn path_without_parameters_matches_only_itself() {
        assert_eq!(parameters("/chat", "/chat"), Some(vec![]));
        assert_eq!(parameters("/", "/"), Some(vec![]));
        for other in ["/", "/chat/", "/Chat", "/chat/a", "/cha"] {
            assert_eq!(parameters("/chat", other), None, "{other}");
        }
    }

    #[test]
    fn parameter_matches_one_segment() {
        assert_eq!(parameters("/room/{id}", "/room/red"), Some(vec![pair("id", "red")]));
        assert_eq!(parameters("/room/{id}", "/room/%20"), Some(vec![pair("id", "%20")]));
        for other in ["/room", "/room/", "/room/red/", "/room/red/blue"] {
            assert_eq!(parameters("/room/{id}", other), None, "{other}");
        }
        let two = parameters("/{team}/room/{id}", "/a/room/b");
        assert_eq!(two, Some(vec![pair("team", "a"), pair("id", "b")]));
    }

    #[test]
    fn star_matches_everything_that_follows() {
        assert_eq!(parameters("/files/*", "/files/a/b.txt"), Some(vec![pair("*", "a/b.txt")]));
        assert_eq!(parameters("/files/*", "/files/"), Some(vec![pair("*", "")]));
        assert_eq!(parameters("/files/*", "/files"), None);
        assert_eq!(parameters("/*", "/"), Some(vec![pair("*", "")]));
        assert_eq!(parameters("/*", "/a"), Some(vec![pair("*", "a")]));
        let two = parameters("/{team}/*", "/a/");
        assert_eq!(two, Some(vec![pair("team", "a"), pair("*", "")]));
        assert_eq!(
            parameters("/a*", "/a*"),
            Some(vec![]),
            "a star after other characters of a segment is literal"
        );
    }

    #[test]
    fn all_spellings_of_a_path_match() {
        for pattern in ["/r\u{e4}ume", "/r%C3%A4ume", "/r%c3%a4ume"] {
            assert_eq!(parameters(pattern, "/r%C3%A4ume"), Some(vec![]), "{pattern}");
        }
        let room = parameters("/r\u{e4}ume/{id}/~x", "/r%C3%A4ume/%2F/~x");
        assert_eq!(room, Some(vec![pair("id", "%2F")]));
        assert_eq!(parameters("/%7bid%7D", "/%7Bid%7D"), Some(vec![]));
        assert_eq!(parameters("/%7Eme", "/~me"), Some(vec![]));
        assert_eq!(parameters("/a%2fb", "/a/b"), None);
    }

    #[test]
    fn more_specific_pattern_wins() {
        let mut patterns = Patterns::default();
        for text in ["/*", "/room/{id}", "/room/lobby", "/room/", "/files/*"] {
            patterns.insert(&Pattern::parse(text).expect("a pattern"), text).expect("no conflict");
        }
        let found = |path| patterns.find(path).map(|found| *found.value);
        assert_eq!(found("/room/lobby"), Some("/room/lobby"));
        assert_eq!(found("/room/red"), Some("/room/{id}"));
        assert_eq!(found("/room/red/1"), Some("/*"));
        assert_eq!(found("/room/"), Some("/room/"));
        assert_eq!(found("/files/"), Some("/files/*"));
        assert_eq!(found("/files"), Some("/*"));
        assert_eq!(found("/"), Some("/*"));
        let twin = Pattern::parse("/room/{name}").expect("a pattern");
        let conflict = patterns.insert(&twin, "").expect_err("a conflict");
        assert_eq!(conflict.old, "/room/{id}");
    }

    #[test]
    fn exact_pattern_wins_over_an_empty_star() {
        for texts in [["/{a}/*", "/{b}/", "/x/*", "/x/"], ["/x/", "/x/*", "/{b}/", "/{a}/*"]] {
            let mut patterns = Patterns::default();
            for text in texts {
                let pattern = Pattern::parse(text).expect("a pattern");
                patterns.insert(&pattern, text).expect("no conflict");
            }
            for (path, winner, name) in [
                ("/x/", "/x/", None),
                ("/x/1", "/x/*", Some("*")),
                ("/y/", "/{b}/", Some("b")),
                ("/y/1", "/{a}/*", Some("a")),
            ] {
                let found = patterns.find(path).expect("a match");
                assert_eq!(*found.value, winner, "{path}");
                assert_eq!(found.parameters.first().map(|(name, _)| name.as_str()), name);
            }
        }
    }

    #[test]
    fn conflict_names_both_patterns_as_they_were_written() {
        for (old, new) in [
            ("/r\u{e4}ume", "/r%c3%a4ume"),
            ("/a%2fb", "/a%2Fb"),
            ("/~me/{id}", "/%7Eme/{name}"),
            ("/files/*", "/f%69les/*"),
            ("/{a}/*", "/{b}/*"),
        ] {
            let mut patterns = Patterns::default();
            patterns.insert(&Pattern::parse(old).expect("a pattern"), ()).expect("no conflict");
            let again = patterns.insert(&Pattern::parse(new).expect("a pattern"), ());
            let conflict = again.expect_err("a conflict");
            assert_eq!((conflict.new.as_str(), conflict.old.as_str()), (new, old));
        }
    }

    #[test]
    fn invalid_patterns_are_refused() {
        for text in [
            "chat",
            "",
            "/a?b",
            "/a#b",
            "/a b",
            "/room/{id",
            "/{a}{b}",
            "/{}",
            "/{{a}}",
            "/a}",
            "/{a",
            "/{*a}",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}

//! The paths of resources: one, or all that a pattern describes.

mod normal;

use std::collections::HashMap;

use matchit::{InsertError, Router};

pub(crate) use self::normal::normalized;

/// A pattern of paths: `/chat`, `/room/{id}`, `/files/*`.
///
/// `{name}` stands for one segment that is not empty, and `/*` at the end for all that may follow the slash,
/// nothing included. Upper and lower case differ. A pattern may be written as people read it or as browsers
/// send it: `/räume` and `/r%C3%A4ume` are one, and `%2f` is `%2F` and no slash. Braces that are meant as
/// such are `%7B` and `%7D`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    written: String,
    /// As the router has it, in the normal form of paths.
    route: String,
    /// Names of the parameters, in their order.
    names: Vec<String>,
    /// If it ends in `/*`: the route of the same paths when nothing follows the slash.
    folder: Option<String>,
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
        let before_rest = text.strip_suffix('*').filter(|before| before.ends_with('/'));
        let (mut route, mut names) = read(before_rest.unwrap_or(text)).map_err(&invalid)?;
        let folder = before_rest.map(|_| route.clone());
        if folder.is_some() {
            route.push_str(&format!("{{*{REST}}}"));
            names.push("*".to_owned());
        }
        for route in folder.iter().chain([&route]) {
            let inserted = Router::new().insert(route.as_str(), ());
            inserted.map_err(|error| invalid(error.to_string()))?;
        }
        Ok(Self { written: text.to_owned(), route, names, folder })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether it stands for more than one path.
    pub fn has_parameters(&self) -> bool {
        !self.names.is_empty()
    }
}

/// The route of a pattern and the names of its parameters, or why it has none.
fn read(pattern: &str) -> Result<(String, Vec<String>), String> {
    let (mut route, mut names) = (String::new(), Vec::new());
    let mut rest = pattern;
    loop {
        let (plain, parameter) = match rest.split_once('{') {
            Some((plain, parameter)) => (plain, Some(parameter)),
            None => (rest, None),
        };
        if plain.contains('}') {
            return Err("a } has no { before it; as a letter of a path it is %7D".to_owned());
        }
        route.push_str(&normalized(plain));
        let Some(parameter) = parameter else { return Ok((route, names)) };
        let (name, behind) = parameter.split_once('}').ok_or("a { has no } behind it")?;
        if name.contains('{') {
            return Err("a { stands in a name; as a letter of a path it is %7B".to_owned());
        }
        if name.starts_with('*') {
            return Err("all that follows is /* at the end, and has no name".to_owned());
        }
        route.push_str(&format!("{{{name}}}"));
        names.push(name.to_owned());
        rest = behind;
    }
}

/// Values by the patterns of their paths. Where several describe a path, the one decides that says
/// more of it: `/room/lobby` before `/room/{id}` before `/*`.
#[derive(Clone, Debug)]
pub(crate) struct Patterns<T> {
    router: Router<usize>,
    slots: Vec<Slot<T>>,
    /// The slots by their routes, with the names of parameters that came first.
    numbers: HashMap<String, usize>,
}

/// What is found at one route.
#[derive(Clone, Debug)]
struct Slot<T> {
    /// Of the pattern that describes these paths and no others.
    own: Option<Entry<T>>,
    /// Of one that ends in `/*`, here with nothing behind the slash. It says less.
    rest: Option<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    pattern: Pattern,
    value: T,
}

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
        Self { router: Router::new(), slots: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone> Patterns<T> {
    /// # Errors
    ///
    /// [`Conflict`]; some of the paths may have been inserted then, so that nothing should be looked up any more.
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: T) -> Result<(), Conflict> {
        let slot = self.slot(pattern, &pattern.route)?;
        if let Some(old) = &self.slots[slot].own {
            return Err(Conflict::between(pattern, old.pattern.as_str()));
        }
        let folder =
            pattern.folder.as_deref().map(|folder| self.slot(pattern, folder)).transpose()?;
        let entry = Entry { pattern: pattern.clone(), value };
        if let Some(folder) = folder {
            // Whoever has the same folder has the same route, which would have been a conflict.
            self.slots[folder].rest = Some(entry.clone());
        }
        self.slots[slot].own = Some(entry);
        Ok(())
    }

    /// The value of a path in its [normal form](normalized).
    pub(crate) fn find(&self, path: &str) -> Option<Found<'_, T>> {
        let found = self.router.at(path).ok()?;
        let slot = self.slots.get(*found.value)?;
        let Entry { pattern, value } = slot.own.as_ref().or(slot.rest.as_ref())?;
        // The router may know the names of another pattern. What it has no value for is an empty rest.
        let values = found.params.iter().map(|(_, value)| value).chain([""]);
        let parameters = pattern.names.iter().cloned().zip(values.map(str::to_owned)).collect();
        Some(Found { value, parameters })
    }

    /// The number of a route's slot, which is made if there is none.
    fn slot(&mut self, pattern: &Pattern, route: &str) -> Result<usize, Conflict> {
        let next = self.slots.len();
        match self.router.insert(route, next) {
            Ok(()) => {
                self.numbers.insert(route.to_owned(), next);
                self.slots.push(Slot { own: None, rest: None });
                Ok(next)
            }
            Err(InsertError::Conflict { with }) => {
                self.numbers.get(&with).copied().ok_or_else(|| Conflict::between(pattern, &with))
            }
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
        assert_eq!(parameters("/files/*", "/files/"), Some(vec![pair("*", "")]));
        assert_eq!(parameters("/files/*", "/files"), None);
        assert_eq!(parameters("/*", "/"), Some(vec![pair("*", "")]));
        assert_eq!(parameters("/*", "/a"), Some(vec![pair("*", "a")]));
        let two = parameters("/{team}/*", "/a/");
        assert_eq!(two, Some(vec![pair("team", "a"), pair("*", "")]));
        assert_eq!(parameters("/a*", "/a*"), Some(vec![]), "a star at the end of a segment is one");
    }

    #[test]
    fn every_spelling_of_a_path_is_that_path() {
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
    fn pattern_that_says_more_decides() {
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
    fn path_of_its_own_decides_before_an_empty_rest() {
        for texts in [["/{a}/*", "/{b}/", "/x/*", "/x/"], ["/x/", "/x/*", "/{b}/", "/{a}/*"]] {
            let mut patterns = Patterns::default();
            for text in texts {
                let pattern = Pattern::parse(text).expect("a pattern");
                patterns.insert(&pattern, text).expect("no conflict");
            }
            for (path, decides, name) in [
                ("/x/", "/x/", None),
                ("/x/1", "/x/*", Some("*")),
                ("/y/", "/{b}/", Some("b")),
                ("/y/1", "/{a}/*", Some("a")),
            ] {
                let found = patterns.find(path).expect("it is described");
                assert_eq!(*found.value, decides, "{path}");
                assert_eq!(found.parameters.first().map(|(name, _)| name.as_str()), name);
            }
        }
    }

    #[test]
    fn patterns_that_become_the_same_are_told_as_they_were_written() {
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
    fn what_is_no_pattern() {
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

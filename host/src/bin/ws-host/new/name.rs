//! The name of a project. It must be valid as a name in every language and build tool.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The maximum length of a name, in bytes. crates.io does not allow longer names.
const MAX_LENGTH: usize = 64;

/// Names that a build tool or a language refuses, or confuses with names of its own: Rust keywords, crates that come
/// with Rust, cargo's folders, and names that the project itself uses.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "main",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "wit",
    "ws-guest",
    "wshost",
    "yield",
];

/// A valid project name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// Returns the name of the project in this folder. It is the last part of the folder's path.
    ///
    /// # Errors
    ///
    /// An error if the folder's name is not valid. The error suggests a valid name if there is a similar one.
    pub(super) fn of_folder(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        let last = folder.file_name().with_context(|| {
            format!("{shown} does not end in a name for the project: give the folder to create, such as hello")
        })?;
        let name = last.to_str().with_context(|| format!("the name {shown} is not UTF-8"))?;
        ensure!(
            name.len() <= MAX_LENGTH,
            "the name {name} is too long: a name may have at most {MAX_LENGTH} characters"
        );
        if RESERVED.contains(&name) {
            bail!(
                "the name {name} is reserved, because a language, a build tool or the project itself uses it: try \
                 my-{name}"
            );
        }
        if !is_valid(name) {
            let similar = similar(name);
            let advice = if is_valid(&similar) && !RESERVED.contains(&similar.as_str()) {
                format!(": try {similar}")
            } else {
                String::new()
            };
            bail!(
                "the name {name:?} is not valid: a name may contain only lower-case letters, digits and single \
                 hyphens, and must begin with a letter{advice}"
            );
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the name as it is.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as an identifier.
    pub(super) fn snake_case(&self) -> String {
        self.0.replace('-', "_")
    }
}

fn is_valid(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(is_word)
}

/// Returns the name that was probably intended: `MyChat app` becomes `my-chat-app`.
fn similar(name: &str) -> String {
    let mut words = String::new();
    let mut after_lower_case = false;
    for character in name.chars() {
        let starts_word = character.is_ascii_uppercase() && after_lower_case;
        let separates = !character.is_ascii_alphanumeric();
        if (starts_word || separates) && !words.is_empty() && !words.ends_with('-') {
            words.push('-');
        }
        if !separates {
            words.push(character.to_ascii_lowercase());
        }
        after_lower_case = character.is_ascii_lowercase();
    }
    words.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(name: &str) -> String {
        Name::of_folder(Path::new(name)).expect_err(name).to_string()
    }

    #[test]
    fn name_is_the_last_part_of_the_path() {
        for (folder, name, snake) in [
            ("chat", "chat", "chat"),
            ("../games/chess-2", "chess-2", "chess_2"),
            ("a/b/", "b", "b"),
        ] {
            let found = Name::of_folder(Path::new(folder)).expect(folder);
            assert_eq!((found.as_str(), found.snake_case().as_str()), (name, snake));
        }
    }

    #[test]
    fn invalid_name_is_refused_with_a_similar_one() {
        for (name, similar) in [
            ("MyChat", "my-chat"),
            ("my_chat", "my-chat"),
            ("my  chat!", "my-chat"),
            ("-chat", "chat"),
            ("a--b", "a-b"),
            ("HTTP", "http"),
        ] {
            let error = error(name);
            assert!(error.ends_with(&format!("begin with a letter: try {similar}")), "{error}");
        }
        for name in ["7up", "ä", "Main"] {
            assert!(error(name).ends_with("begin with a letter"), "{name}");
        }
    }

    #[test]
    fn path_without_a_name_is_refused() {
        for path in [".", "..", "/", ""] {
            assert!(error(path).contains("does not end in a name for the project"), "{path}");
        }
    }

    #[test]
    fn names_with_a_meaning_are_refused() {
        assert!(error("test").ends_with("try my-test"));
        assert!(error("x/ws-guest").ends_with("try my-ws-guest"));
        assert!(error(&"a".repeat(65)).contains("at most 64"));
    }
}

//! Finds out which language and tool a component was made with.

use std::fmt;

use memchr::memmem;
use serde::Serialize;

use super::sections::Sections;

/// Names of libraries in components. They identify tools that do not write `producers`.
const QUICKJS: &[u8] = b"componentize_qjs_runtime";
const PYTHON: &[u8] = b"libcomponentize_py_runtime";

/// The language of a handler, and the tool that made a component from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript or TypeScript, with `componentize-js`.
    #[serde(rename = "javascript")]
    JavaScript,
    /// JavaScript or TypeScript, with `componentize-qjs`.
    #[serde(rename = "javascript-quickjs")]
    JavaScriptQuickJs,
    /// Python, with `componentize-py`.
    Python,
    /// Go, with the standard compiler.
    Go,
    /// Go, with TinyGo.
    #[serde(rename = "tinygo")]
    TinyGo,
    /// C.
    C,
    /// C++.
    Cpp,
}

impl Language {
    /// Returns the language of a file. The order of the checks matters. Interpreters are themselves written in C and
    /// Rust, and the adapter for WASI 0.1 is written in Rust. So files of other languages also have traces of C and
    /// Rust.
    pub(super) fn of(sections: &Sections, bytes: &[u8]) -> Option<Self> {
        let producers = &sections.producers;
        let has = |start: &str| producers.iter().any(|producer| producer.name.starts_with(start));
        if has("ComponentizeJS") {
            return Some(Self::JavaScript);
        }
        if memmem::find(bytes, QUICKJS).is_some() {
            return Some(Self::JavaScriptQuickJs);
        }
        if memmem::find(bytes, PYTHON).is_some() {
            return Some(Self::Python);
        }
        [
            ("TinyGo", Self::TinyGo),
            ("Go", Self::Go),
            ("wit-bindgen-rust", Self::Rust),
            ("C_plus_plus", Self::Cpp),
            ("C99", Self::C),
            ("C11", Self::C),
            ("C17", Self::C),
            ("wit-bindgen-c", Self::C),
            ("clang", Self::C),
            ("Rust", Self::Rust),
        ]
        .into_iter()
        .find(|(start, _)| has(start))
        .map(|(_, language)| language)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript (componentize-js)",
            Self::JavaScriptQuickJs => "JavaScript (componentize-qjs)",
            Self::Python => "Python (componentize-py)",
            Self::Go => "Go",
            Self::TinyGo => "Go (TinyGo)",
            Self::C => "C",
            Self::Cpp => "C++",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Producer;

    #[track_caller]
    fn expect(names: &[&str], bytes: &[u8], language: Option<Language>) {
        let producer = |name: &&str| Producer {
            role: "processed-by".to_owned(),
            name: (*name).to_owned(),
            version: String::new(),
        };
        let sections =
            Sections { producers: names.iter().map(producer).collect(), ..Sections::default() };
        assert_eq!(Language::of(&sections, bytes), language, "{names:?}");
    }

    /// The names come from real components that were made with these tools.
    #[test]
    fn language_is_that_of_the_handler_not_of_its_runtime() {
        expect(&["wit-component", "wit-bindgen-rust", "wit-bindgen-c"], b"", Some(Language::Rust));
        let starlingmonkey =
            ["C11", "Rust", "C_plus_plus_14", "clang", "ComponentizeJS", "JavaScript"];
        expect(&starlingmonkey, b"", Some(Language::JavaScript));
        expect(
            &["Rust", "rustc"],
            b"\0componentize_qjs_runtime.wasm",
            Some(Language::JavaScriptQuickJs),
        );
        expect(&["Rust", "rustc"], b"\0libcomponentize_py_runtime.so", Some(Language::Python));
        expect(&["Go", "Go cmd/compile", "Rust", "rustc"], b"", Some(Language::Go));
        expect(&["C99", "TinyGo"], b"", Some(Language::TinyGo));
        expect(&["C11", "C99", "C_plus_plus_14", "clang", "Rust"], b"", Some(Language::Cpp));
        expect(&["wit-bindgen-c", "Rust", "rustc"], b"", Some(Language::C));
        expect(&["wit-component"], b"", None);
    }
}

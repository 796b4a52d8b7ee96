//! The languages and templates, and the files of each.
//!
//! The files in `templates/LANGUAGE/all` go into every project of a language. Those in `templates/LANGUAGE/TEMPLATE` go
//! into the projects of one template. Several languages may share a folder. A language's own file replaces a file with
//! the same path in a shared folder.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use toml::Table;

use super::embedded::{self, EmbeddedFile};
use super::name::Name;
use super::sdk;

/// The folder of the templates in the repository.
const FOLDER: &str = "host/templates";

/// The name of the folder with the files for all templates of a language.
const EVERY: &str = "all";

/// The shared folders, each with the languages that share it.
const SHARED: [(&str, &[&str]); 6] = [
    ("c-common", &["c", "cpp"]),
    ("capabilities", &["js", "js-small", "python", "ts"]),
    ("js-common", &["js", "js-small", "ts"]),
    ("js-programs", &["js", "js-small"]),
    ("js-starlingmonkey", &["js", "ts"]),
    ("scripts", &["c", "cpp", "go", "js", "js-small", "python", "ts"]),
];

/// The files of a project that say which path is served.
const CONFIGURATION: &str = "ws-host.toml";
const README: &str = "README.md";

/// The prefix that stands for a leading dot in the stored name of a file.
const DOT: &str = "dot-";

/// A file of a project.
pub(super) struct ProjectFile {
    pub(super) is_executable: bool,
    pub(super) content: Vec<u8>,
}

/// The files of a project, by their paths in the project.
pub(super) type Files = BTreeMap<String, ProjectFile>;

/// Returns the languages that have a template.
pub(super) fn languages() -> BTreeSet<&'static str> {
    let folders = embedded::below(FOLDER).filter_map(|(path, _)| Some(path.split_once('/')?.0));
    folders.filter(|folder| !is_shared(folder) && !templates_of(folder).is_empty()).collect()
}

/// Returns the templates that at least one language has.
pub(super) fn all() -> BTreeSet<&'static str> {
    languages().into_iter().flat_map(templates_of).collect()
}

/// Returns the files of a new project.
///
/// # Errors
///
/// An error if the language does not have this template.
pub(super) fn files(language: &str, template: &str, name: &Name) -> Result<Files> {
    let templates = templates_of(language);
    if !templates.contains(template) {
        let languages =
            languages().into_iter().filter(|other| templates_of(other).contains(template));
        bail!(
            "{language} has no template {template}: choose from {}, or choose a language that has {template}: {}",
            listed(templates),
            listed(languages)
        );
    }
    let mut files = Files::new();
    for (path, file) in [EVERY, template].into_iter().flat_map(|part| files_of(language, part)) {
        files.insert(project_path(path, name), filled_in(file, name));
    }
    fill_in_path(&mut files);
    for (path, file) in embedded::below("wit").filter(|(path, _)| is_contract(path)) {
        files.insert(format!("wit/{path}"), as_it_is(file));
    }
    if language == "rust" {
        sdk::add_to(&mut files)?;
    }
    Ok(files)
}

/// Returns a path at which clients can connect, from the project's configuration.
pub(super) fn path_to_connect(files: &Files) -> String {
    let path = files.get(CONFIGURATION).and_then(|file| {
        let configuration: Table = toml::from_slice(&file.content).ok()?;
        Some(configuration.get("resource")?.get(0)?.get("path")?.as_str()?.to_owned())
    });
    let segment = |segment: &str| {
        if segment.contains(['{', '*']) { "1".to_owned() } else { segment.to_owned() }
    };
    path.map_or_else(
        || "/".to_owned(),
        |path| path.split('/').map(segment).collect::<Vec<_>>().join("/"),
    )
}

/// Fills in the path at which clients can connect, which depends on the template.
fn fill_in_path(files: &mut Files) {
    let path = path_to_connect(files);
    if let Some(readme) = files.get_mut(README)
        && let Ok(text) = std::str::from_utf8(&readme.content)
    {
        readme.content = text.replace("{{path}}", &path).into();
    }
}

fn is_shared(folder: &str) -> bool {
    SHARED.iter().any(|(shared, _)| *shared == folder)
}

/// Returns the folders with the files of a language. A file in a later folder replaces one in an earlier folder.
fn folders_of(language: &str) -> impl Iterator<Item = String> {
    let shared = SHARED.iter().filter(move |(_, languages)| languages.contains(&language));
    let shared = shared.map(|(folder, _)| *folder);
    shared.chain([language]).map(|folder| format!("{FOLDER}/{folder}"))
}

fn templates_of(language: &str) -> BTreeSet<&'static str> {
    let parts = folders_of(language).flat_map(|folder| {
        embedded::below(&folder)
            .filter_map(|(path, _)| Some(path.split_once('/')?.0))
            .collect::<Vec<_>>()
    });
    parts.filter(|part| *part != EVERY).collect()
}

fn files_of(language: &str, part: &str) -> impl Iterator<Item = (&'static str, EmbeddedFile)> {
    folders_of(language)
        .flat_map(move |folder| embedded::below(&format!("{folder}/{part}")).collect::<Vec<_>>())
}

/// Returns whether a file of `wit/` is part of the contract. Released versions are kept only for comparison.
fn is_contract(path: &str) -> bool {
    path.ends_with(".wit") && !path.contains('/')
}

fn project_path(path: &str, name: &Name) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix(DOT) {
        Some(rest) => format!(".{rest}"),
        None => part.to_owned(),
    });
    with_names(&parts.collect::<Vec<_>>().join("/"), name)
}

/// Returns a file of the project. In a text file, the project's names are filled in.
fn filled_in(file: EmbeddedFile, name: &Name) -> ProjectFile {
    match std::str::from_utf8(file.content) {
        Ok(text) => ProjectFile { content: with_names(text, name).into(), ..as_it_is(file) },
        Err(_) => as_it_is(file),
    }
}

fn with_names(text: &str, name: &Name) -> String {
    text.replace("{{name}}", name.as_str())
        .replace("{{name_snake}}", &name.snake_case())
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

pub(super) fn as_it_is(file: EmbeddedFile) -> ProjectFile {
    ProjectFile { is_executable: file.is_executable, content: file.content.to_vec() }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the files of a new project in each language, with each of its templates.
    fn projects() -> Vec<(&'static str, &'static str, Files)> {
        let name = Name::of_folder("my-chat".as_ref()).expect("a valid name");
        let of_language =
            |language| templates_of(language).into_iter().map(move |one| (language, one));
        let with_files = |(language, template)| {
            (language, template, files(language, template, &name).expect("it exists"))
        };
        languages().into_iter().flat_map(of_language).map(with_files).collect()
    }

    const PLACEHOLDERS: [&str; 3] = ["{{name", "{{version", "{{path"];

    #[test]
    fn readme_names_the_path_of_its_template_and_no_other() {
        for (language, template, files) in projects() {
            let readme = String::from_utf8_lossy(&files["README.md"].content).into_owned();
            let is_for_rooms = template == "rooms";
            let path = if is_for_rooms { ":8080/room/" } else { ":8080/" };
            assert!(readme.contains(path), "{language} {template}");
            assert_eq!(readme.contains("/room/"), is_for_rooms, "{language} {template}");
        }
    }

    #[test]
    fn every_template_of_every_language_has_no_placeholder_left() {
        for (language, template, files) in projects() {
            for (path, file) in files {
                let text = String::from_utf8_lossy(&file.content);
                let is_filled_in =
                    !path.contains("{{") && PLACEHOLDERS.iter().all(|one| !text.contains(one));
                assert!(is_filled_in, "{language} {template}: {path}");
            }
        }
    }

    #[test]
    fn every_project_has_a_configuration_a_readme_and_the_contract() {
        for (language, template, files) in projects() {
            for path in ["ws-host.toml", "README.md", ".gitignore", "wit/world.wit"] {
                assert!(files.contains_key(path), "{language} {template} has no {path}");
            }
        }
    }

    /// Returns whether a file of a new project changes nothing about the build. A lock file changes together with its
    /// manifest, and ws-host.toml is always watched.
    fn is_no_input(language: &str, path: &str) -> bool {
        let is_wit_for_reference = ["c", "cpp", "go", "rust"].contains(&language);
        path.starts_with("tests/")
            || path.starts_with("wit/") && is_wit_for_reference
            || [
                ".gitignore",
                "Cargo.lock",
                "README.md",
                "package-lock.json",
                "pyproject.toml",
                "ws-host.toml",
            ]
            .contains(&path)
    }

    #[test]
    fn files_that_change_the_build_are_watched_and_no_others() {
        for (language, template, files) in projects() {
            let text = String::from_utf8_lossy(&files["ws-host.toml"].content);
            let configuration: toml::Table = text.parse().expect("valid TOML");
            let watch = configuration["dev"]["watch"].as_array().expect("a list");
            let watch: Vec<_> = watch.iter().filter_map(toml::Value::as_str).collect();
            let covers = |watched: &str, path: &str| match watched.strip_prefix('*') {
                Some(ending) => path.ends_with(ending),
                None => path == watched || path.starts_with(&format!("{watched}/")),
            };
            for path in files.keys() {
                let is_watched = watch.iter().any(|watched| covers(watched, path));
                let expected = !is_no_input(language, path);
                assert_eq!(is_watched, expected, "{language} {template}: {path}");
            }
            for watched in watch {
                let exists = files.keys().any(|path| covers(watched, path));
                assert!(exists, "{language} {template}: {watched} does not exist");
            }
        }
    }

    #[test]
    fn every_readme_says_how_to_deploy_and_where_the_documentation_is() {
        for (language, template, files) in projects() {
            let readme = String::from_utf8_lossy(&files["README.md"].content).into_owned();
            for text in [
                "Replace the file to deploy a new version",
                "`ws-host --config ws-host.toml --check`",
                "docs/behind-a-proxy.md",
                "`/usr/share/doc/ws-host`",
            ] {
                assert!(readme.contains(text), "{language} {template}: {text}");
            }
        }
    }

    #[test]
    fn missing_template_is_refused_with_those_that_exist() {
        let name = Name::of_folder("x".as_ref()).expect("a valid name");
        let error = files("rust", "poker", &name).err().expect("there is none").to_string();
        assert!(
            error.starts_with("rust has no template poker: choose from ") && error.contains("echo"),
            "{error}"
        );
    }
}

//! Reads a script. Errors name the line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Spanned, Table};

use super::step::{PlacedStep, Step};
use super::{Script, Test};
use crate::config::{self, FileError, Mode, schema};

/// The file with the configuration of a project.
const PROJECT: &str = "ws-host.toml";

/// Why a script cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file does not exist or cannot be read.
    #[error("cannot read the script {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The script has an error.
    #[error("{}:{line}: {what}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key, what is wrong with its value, and what is valid.
        what: String,
    },
    /// The configuration of the project has an error.
    #[error("{_0}{}", advice(.0))]
    Config(#[from] FileError),
}

/// Returns advice about an error in the configuration, if the probable cause is that nothing has been built yet.
fn advice(error: &FileError) -> &'static str {
    match error {
        FileError::Wrong { what, .. } if what.ends_with("no such file") => {
            ": build the handler first, as the README of its project says"
        }
        _ => "",
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    config: Option<Spanned<PathBuf>>,
    component: Option<Spanned<PathBuf>>,
    resource: Option<Spanned<schema::ResourceSection>>,
    #[serde(default)]
    test: Vec<Spanned<TestTable>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TestTable {
    name: String,
    steps: Vec<Spanned<Table>>,
}

struct Wrong {
    at: Range<usize>,
    what: String,
}

pub(super) fn read(path: &Path) -> Result<Script, ScriptError> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| ScriptError::Unreadable { path: path.into(), cause })?;
    let wrong = |Wrong { at, what }| {
        let line = config::line(&text, Some(at));
        ScriptError::Wrong { path: path.into(), line, what }
    };
    let file: File = toml::from_str(&text).map_err(|error| {
        let at = error.span().unwrap_or_default();
        wrong(Wrong { at, what: config::with_suggestion(error.message()) })
    })?;
    let project = project(path);
    let host = host(&file, &project, &wrong)?;
    if file.test.is_empty() {
        let what = "the script has no tests: add a [[test]]".to_owned();
        return Err(wrong(Wrong { at: 0..0, what }));
    }
    let test = |table: Spanned<TestTable>| {
        let line = config::line(&text, Some(table.span()));
        let TestTable { name, steps } = table.into_inner();
        let step = |step: Spanned<Table>| {
            let at = step.span();
            let (line, source) =
                (config::line(&text, Some(at.clone())), text[at.clone()].to_owned());
            let step = Step::read(step.into_inner()).map_err(|what| Wrong { at, what })?;
            Ok(PlacedStep { line, source, step })
        };
        let steps = steps.into_iter().map(step).collect::<Result<Vec<_>, Wrong>>()?;
        let (file, project) = (path.to_owned(), project.clone());
        Ok(Test { file, line, name, host: host.clone(), project, steps })
    };
    let tests = file.test.into_iter().map(test).collect::<Result<Vec<_>, Wrong>>();
    Ok(Script { tests: tests.map_err(wrong)? })
}

/// Returns the folder of the project. The search begins in the script's folder, goes up, and ends at the first folder
/// with a configuration. If there is none, returns the script's folder.
fn project(script: &Path) -> PathBuf {
    let folder = script.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let found = absolute.ancestors().find(|folder| folder.join(PROJECT).is_file());
    found.map_or(absolute.clone(), Path::to_owned)
}

/// Returns the settings of the host. They come from the file that `config` names, or else from `[resource]` and
/// `component`, or else from the project.
fn host(
    file: &File,
    project: &Path,
    wrong: &impl Fn(Wrong) -> ScriptError,
) -> Result<config::HostConfig, ScriptError> {
    if let Some(config) = &file.config {
        let path = project.join(config.get_ref());
        return Ok(config::read(&path, Mode::Production)?.host);
    }
    let (resource, at) = match (&file.resource, &file.component) {
        (Some(resource), None) => (resource.get_ref().clone(), resource.span()),
        (None, Some(component)) => {
            let given = Some(component.get_ref().clone());
            (
                schema::ResourceSection { component: given, ..schema::ResourceSection::default() },
                component.span(),
            )
        }
        (Some(resource), Some(component)) => {
            let given = Some(component.get_ref().clone());
            let resource =
                schema::ResourceSection { component: given, ..resource.get_ref().clone() };
            (resource, component.span())
        }
        (None, None) if project.join(PROJECT).is_file() => {
            return Ok(config::read(&project.join(PROJECT), Mode::Production)?.host);
        }
        (None, None) => {
            let what = format!(
                "nothing to test: give `component = \"FILE\"`, or put a {PROJECT} into the folder of the project"
            );
            return Err(wrong(Wrong { at: 0..0, what }));
        }
    };
    let server = schema::Server { resources: vec![resource], ..schema::Server::default() };
    let checked = server.check(project, Mode::Production);
    let config = checked.map_err(|error| wrong(Wrong { at, what: error.to_string() }))?;
    Ok(config.host)
}

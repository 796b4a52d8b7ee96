//! The settings that `ws-host dev` reads from the configuration of a project.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ws_host::config::{self, schema};

/// The name of the configuration file.
const FILE: &str = "ws-host.toml";

/// A project. All paths are relative to the working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    /// The folder in which the build runs.
    pub(super) folder: PathBuf,
    /// The configuration file.
    pub(super) file: PathBuf,
    /// The command that builds the components.
    pub(super) build: String,
    /// The files and folders that trigger a build when they change.
    pub(super) watched: Vec<PathBuf>,
    /// The endings of further files that trigger a build, in any folder of the project. They begin with a dot.
    pub(super) endings: Vec<String>,
    /// The components. Changes to them do not trigger a build.
    pub(super) components: Vec<PathBuf>,
}

impl Project {
    /// Reads the configuration in a folder.
    ///
    /// # Errors
    ///
    /// An error if there is no configuration, if it is invalid, or if it does not say how to build.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        if !file.exists() {
            bail!(
                "there is no {FILE} in {}: create a project with `ws-host new NAME`, or pass the folder of a project: \
                 ws-host dev DIR",
                folder.display()
            );
        }
        let schema::Server { dev, resources, .. } = config::read_settings(&file)?;
        let schema::Dev { build, watch, .. } = dev.unwrap_or_default();
        let build = build.with_context(|| {
            format!(
                "{} does not say how to build the project: add the table [dev] with build = \"COMMAND\"",
                file.display()
            )
        })?;
        let (mut watched, mut endings) = (Vec::new(), Vec::new());
        for path in watch.unwrap_or_else(|| vec![PathBuf::new()]) {
            match ending(&path).with_context(|| file.display().to_string())? {
                Some(ending) => endings.push(ending),
                None => watched.push(folder.join(path)),
            }
        }
        let components = resources.into_iter().filter_map(|resource| resource.component);
        Ok(Self {
            folder: folder.to_owned(),
            build,
            watched,
            endings,
            components: components.map(|path| folder.join(path)).collect(),
            file,
        })
    }
}

/// Returns the ending of the files that a pattern such as `*.go` stands for. Returns `None` for a path.
///
/// # Errors
///
/// An error if the path has an asterisk in another place.
fn ending(path: &Path) -> Result<Option<String>> {
    let text = path.to_string_lossy();
    if !text.contains('*') {
        return Ok(None);
    }
    match text.strip_prefix('*') {
        Some(ending) if ending.starts_with('.') && !ending.contains(['*', '/']) => {
            Ok(Some(ending.to_owned()))
        }
        _ => bail!(
            "`watch` in the table [dev] names {text}: write a pattern as \"*.ENDING\", which stands for the files with \
             this ending in all folders of the project"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_is_the_ending_of_files() {
        let ending = |text: &str| ending(Path::new(text)).map_err(|error| error.to_string());
        assert_eq!(ending("*.go"), Ok(Some(".go".to_owned())));
        assert_eq!(ending("src"), Ok(None));
        for text in ["*", "src/*.go", "*.g*", "*go", "**/x.go"] {
            let error = ending(text).expect_err("it is refused");
            assert!(error.contains(&format!("names {text}: write a pattern as")), "{error}");
        }
    }
}

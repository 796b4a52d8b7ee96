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
        let watched = watch.unwrap_or_else(|| vec![PathBuf::new()]);
        let components = resources.into_iter().filter_map(|resource| resource.component);
        Ok(Self {
            folder: folder.to_owned(),
            build,
            watched: watched.iter().map(|path| folder.join(path)).collect(),
            components: components.map(|path| folder.join(path)).collect(),
            file,
        })
    }
}

//! Ways in which deployments replace files that are in use.

use std::fs::{create_dir_all, remove_dir_all, rename, write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A layout of files and links, and the way in which they are replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// Kubernetes volumes: `file -> ..data/file`, `..data -> ..2026_1`. A link `..data_tmp` is renamed onto `..data`,
    /// and the old folder is removed.
    ConfigMap,
    /// `current -> releases/1`, and then `releases/2`.
    Releases,
    /// `file -> stage/live/file`, `stage/live -> ../releases/1`: the link in the middle is switched.
    Chain,
    /// Like `Releases`, but every second time the file behind the link is overwritten instead.
    Rewritten,
    /// The folder is removed and recreated, as by `cargo clean` and a build.
    Anew,
    /// The folder is renamed away, and another one is renamed into its place.
    Exchanged,
    /// The same with the parent folder.
    ExchangedAbove,
    /// The folder is renamed away, its file is replaced, and the folder is renamed back.
    PutBack,
    /// The file is overwritten.
    Overwritten,
    /// Another file is renamed onto it.
    Renamed,
}

pub(crate) const ALL: [Layout; 10] = [
    Layout::ConfigMap,
    Layout::Releases,
    Layout::Chain,
    Layout::Rewritten,
    Layout::Anew,
    Layout::Exchanged,
    Layout::ExchangedAbove,
    Layout::PutBack,
    Layout::Overwritten,
    Layout::Renamed,
];

/// Files in one of the layouts.
pub(crate) struct Laid {
    layout: Layout,
    folder: tempfile::TempDir,
    round: usize,
}

/// Names of files and their content.
pub(crate) type Files<'a> = [(&'a str, &'a [u8])];

impl Laid {
    pub(crate) fn out(layout: Layout, files: &Files<'_>) -> Result<Self> {
        let laid = Self { layout, folder: tempfile::tempdir()?, round: 0 };
        let root = laid.root();
        match layout {
            Layout::ConfigMap => {
                fill(&root.join("..2026_0"), files)?;
                symlink("..2026_0", root.join("..data"))?;
                for (name, _) in files {
                    symlink(format!("..data/{name}"), root.join(name))?;
                }
            }
            Layout::Releases | Layout::Rewritten => {
                fill(&root.join("releases/0"), files)?;
                symlink("releases/0", root.join("current"))?;
            }
            Layout::Chain => {
                fill(&root.join("releases/0"), files)?;
                create_dir_all(root.join("stage"))?;
                symlink("../releases/0", root.join("stage/live"))?;
                for (name, _) in files {
                    symlink(format!("stage/live/{name}"), root.join(name))?;
                }
            }
            Layout::Anew
            | Layout::Exchanged
            | Layout::ExchangedAbove
            | Layout::PutBack
            | Layout::Overwritten
            | Layout::Renamed => fill(&root.join("app/files"), files)?,
        }
        Ok(laid)
    }

    /// Returns the path at which a file of this name is used.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let folder = match self.layout {
            Layout::ConfigMap | Layout::Chain => "",
            Layout::Releases | Layout::Rewritten => "current",
            _ => "app/files",
        };
        self.root().join(folder).join(name)
    }

    /// Returns the path as a command-line argument.
    pub(crate) fn argument(&self, name: &str) -> Result<String> {
        self.path(name).into_os_string().into_string().ok().context("not UTF-8")
    }

    /// Replaces the files.
    pub(crate) fn replace(&mut self, files: &Files<'_>) -> Result<()> {
        let (old, new) = (self.round, self.round + 1);
        self.round = new;
        let root = self.root();
        let (release, app) = (root.join(format!("releases/{new}")), root.join("app"));
        match self.layout {
            Layout::ConfigMap => {
                fill(&root.join(format!("..2026_{new}")), files)?;
                symlink(format!("..2026_{new}"), root.join("..data_tmp"))?;
                rename(root.join("..data_tmp"), root.join("..data"))?;
                remove_dir_all(root.join(format!("..2026_{old}")))?;
            }
            Layout::Releases => {
                fill(&release, files)?;
                switch(&root.join("current"), &format!("releases/{new}"))?;
            }
            Layout::Rewritten if new % 2 == 1 => {
                fill(&release, files)?;
                switch(&root.join("current"), &format!("releases/{new}"))?;
            }
            Layout::Rewritten => fill(&root.join("current"), files)?,
            Layout::Chain => {
                fill(&release, files)?;
                switch(&root.join("stage/live"), &format!("../releases/{new}"))?;
            }
            Layout::Anew => {
                remove_dir_all(&app)?;
                fill(&app.join("files"), files)?;
            }
            Layout::Exchanged => {
                fill(&root.join("staged"), files)?;
                rename(app.join("files"), root.join(format!("old-{new}")))?;
                rename(root.join("staged"), app.join("files"))?;
            }
            Layout::ExchangedAbove => {
                fill(&root.join("staged/files"), files)?;
                rename(&app, root.join(format!("old-{new}")))?;
                rename(root.join("staged"), &app)?;
            }
            Layout::PutBack => {
                let away = root.join("away");
                rename(app.join("files"), &away)?;
                fill(&away, files)?;
                rename(&away, app.join("files"))?;
            }
            Layout::Overwritten => fill(&app.join("files"), files)?,
            Layout::Renamed => {
                fill(&root.join("staged"), files)?;
                for (name, _) in files {
                    rename(root.join("staged").join(name), app.join("files").join(name))?;
                }
            }
        }
        Ok(())
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }
}

fn fill(folder: &Path, files: &Files<'_>) -> Result<()> {
    create_dir_all(folder)?;
    for (name, bytes) in files {
        write(folder.join(name), bytes)?;
    }
    Ok(())
}

/// Replaces a link atomically.
fn switch(link: &Path, target: &str) -> Result<()> {
    let new = link.with_extension("new");
    symlink(target, &new)?;
    Ok(rename(new, link)?)
}

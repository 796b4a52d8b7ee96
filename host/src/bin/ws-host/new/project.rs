//! Writes a project into its folder.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::templates::{Files, path_to_connect};

/// The file with the exact versions of the packages that `npm ci` installs.
const NPM_LOCK: &str = "package-lock.json";

/// A project that will be created.
pub(super) struct Project<'a> {
    pub(super) folder: &'a Path,
    pub(super) files: Files,
}

impl Project<'_> {
    /// Creates the folder with all files.
    ///
    /// # Errors
    ///
    /// An error if the folder exists and is not empty, or if a file cannot be written.
    pub(super) fn write(&self) -> Result<()> {
        self.refuse_existing()?;
        for (path, file) in &self.files {
            let path = self.folder.join(path);
            let folder = path.parent().unwrap_or(self.folder);
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
            fs::write(&path, &file.content)
                .with_context(|| format!("cannot write {}", path.display()))?;
            if file.is_executable {
                let mode = fs::metadata(&path)?.permissions().mode();
                // Every user who may read the file may also run it.
                let executable = fs::Permissions::from_mode(mode | (mode & 0o444) >> 2);
                fs::set_permissions(&path, executable)
                    .with_context(|| format!("cannot make {} executable", path.display()))?;
            }
        }
        Ok(())
    }

    fn refuse_existing(&self) -> Result<()> {
        let folder = self.folder.display();
        match fs::read_dir(self.folder).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(()),
            Ok(false) => bail!(
                "the folder {folder} exists and is not empty: choose another name, or empty it first"
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                bail!(
                    "cannot create the folder {folder}, because a file has this name: choose another name, or move \
                     the file away"
                )
            }
            Err(error) => Err(error).with_context(|| format!("cannot read the folder {folder}")),
        }
    }

    /// Returns the text that says what was created, and what to type next.
    pub(super) fn next_steps(&self, language: &str, template: &str) -> String {
        let folder = self.folder.display();
        // The compilers for JavaScript are packages that must be installed in the project.
        let install = if self.files.contains_key(NPM_LOCK) { " && npm ci" } else { "" };
        format!(
            "Created {folder}: {template} in {language}, {} files. Its README.md says what to install\n  \
             cd {folder}{install}\n  \
             ws-host dev\n  \
             ws-host connect ws://localhost:8080{}\n",
            self.files.len(),
            path_to_connect(&self.files)
        )
    }
}

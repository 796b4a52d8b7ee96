//! Folders that handlers may read.

use std::fmt;
use std::path::PathBuf;

/// Separates the path of a folder from the name under which the handler sees it.
const SEPARATOR: &str = "::";

/// A folder whose files handlers may read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folder {
    /// The folder. It may be a symbolic link. Each new instance resolves it again.
    pub path: PathBuf,
    /// The path at which the handler sees the folder.
    pub name: String,
}

impl Folder {
    /// Grants the folder at `path`. The handler sees it at the path `name`.
    pub fn new(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { path: path.into(), name: name.into() }
    }

    /// Parses `PATH` or `PATH::NAME`. Without a name, the handler sees the folder at `PATH`, exactly as written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (path, name) = text.split_once(SEPARATOR).unwrap_or((text, text));
        (!path.is_empty() && !name.is_empty()).then(|| Self::new(path, name))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.path.to_str() != Some(&self.name) {
            write!(f, "{SEPARATOR}{}", self.name)?;
        }
        Ok(())
    }
}

//! Capabilities: what the handlers of a resource may use outside their sandbox.

mod folder;

use std::fmt;
use std::str::FromStr;

pub use self::folder::Folder;

/// The prefix of a grant of a folder.
const FOLDER: &str = "folder:";

/// The grant of `wasi:config`.
const CONFIG: &str = "config";

/// A capability that handlers do not have by default, written as `config` or `folder:/srv/data`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// Values of the configuration, through `wasi:config/store`.
    Config,
    /// Reading the files of a folder, through `wasi:filesystem`.
    Folder(Folder),
}

/// The error for a text that is not a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGrant {
    /// There is no such capability.
    #[error(
        "{0:?} is not a capability: there are \"config\" (wasi:config) and \"folder:PATH\" (reading the files of a \
         folder){hint}",
        hint = hint(.0)
    )]
    Unknown(String),
    /// The grant names no folder.
    #[error(
        "{0:?} must be \"folder:PATH\", or \"folder:PATH::NAME\" if the handler should see another name"
    )]
    NoFolder(String),
}

/// Returns a suggestion for a text that looks like the value of a capability.
fn hint(text: &str) -> String {
    match text {
        text if text.starts_with(['/', '.']) => format!("; did you mean \"{FOLDER}{text}\"?"),
        _ => String::new(),
    }
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        match text {
            CONFIG => Ok(Self::Config),
            _ => match text.strip_prefix(FOLDER) {
                Some(folder) => Folder::parse(folder)
                    .map(Self::Folder)
                    .ok_or_else(|| InvalidGrant::NoFolder(text.to_owned())),
                None => Err(InvalidGrant::Unknown(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str(CONFIG),
            Self::Folder(folder) => write!(f, "{FOLDER}{folder}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_as_they_are_read() {
        for text in ["config", "folder:/srv/data", "folder:data", "folder:/srv/data::/data"] {
            assert_eq!(text.parse::<Grant>().map(|grant| grant.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn unknown_capability_is_an_error_that_lists_all_of_them() {
        for text in ["", "Config", "folders:/srv", "rockets", "/srv/data"] {
            let message = text.parse::<Grant>().map_err(|error| error.to_string());
            let message = message.expect_err("it is not a capability");
            assert!(
                message.contains("\"config\"") && message.contains("\"folder:PATH\""),
                "{message}"
            );
        }
        let message = "/srv/data".parse::<Grant>().map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("mean \"folder:/srv/data\"")));
    }

    #[test]
    fn folder_needs_a_path() {
        for text in ["folder:", "folder:::/data", "folder:/srv::"] {
            let error = text.parse::<Grant>().expect_err("it has no path or no name");
            assert_eq!(error, InvalidGrant::NoFolder(text.to_owned()));
        }
    }
}

//! The configurations of the proxies. The documentation shows the same files that a run uses, with
//! other ports and directories.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ws_host_test_support::root;

// The ports in the configurations: the public one, that of a second proxy behind the first, and the
// server's.
const FRONT: &str = "443";
const INNER: &str = "6081";
const SERVER: &str = "8080";

/// The directories in the configurations: certificates, and everything else that a proxy needs.
const FOLDERS: [&str; 2] = ["/etc/ssl", "/etc/proxy"];

/// The ports and the directory of a run, which replace those of the configurations.
#[derive(Clone, Debug)]
pub(super) struct Substitutions {
    pub(super) front: u16,
    pub(super) inner: u16,
    pub(super) server: u16,
    pub(super) folder: PathBuf,
}

impl Substitutions {
    /// Chooses ports that are free now.
    pub(super) fn choose(server: u16, folder: &Path) -> Result<Self> {
        let listeners = [
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        ];
        let [front, inner] = listeners.map(|listener| listener.local_addr().map(|at| at.port()));
        Ok(Self { front: front?, inner: inner?, server, folder: folder.to_owned() })
    }

    /// Writes a file of `tests/matrix/proxies` into the directory, with its ports and directories
    /// replaced.
    pub(super) fn install(&self, file: &str) -> Result<()> {
        let name =
            Path::new(file).file_name().with_context(|| format!("{file} has no file name"))?;
        Ok(std::fs::write(self.folder.join(name), self.fill(&template(file)?))?)
    }

    /// Replaces the ports and directories in a text.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (known, port) in [(FRONT, self.front), (INNER, self.inner), (SERVER, self.server)] {
            filled = replace_number(&filled, known, port);
        }
        for known in FOLDERS {
            filled = filled.replace(known, &self.folder.display().to_string());
        }
        filled.replace("{root}", &root().display().to_string())
    }
}

/// Reads a file of `tests/matrix/proxies`.
pub(super) fn template(file: &str) -> Result<String> {
    let path = root().join("tests/matrix/proxies").join(file);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Replaces a number, unless it is part of a longer one.
fn replace_number(text: &str, known: &str, port: u16) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(known) {
        let (before, after) = (&rest[..at], &rest[at + known.len()..]);
        let is_part = before.ends_with(|letter: char| letter.is_ascii_digit())
            || after.starts_with(|letter: char| letter.is_ascii_digit());
        filled += before;
        filled += &if is_part { known.to_owned() } else { port.to_string() };
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_directories_of_the_documentation_are_replaced() {
        let substitutions = Substitutions {
            front: 50_443,
            inner: 2,
            server: 3,
            folder: PathBuf::from("/tmp/8080"),
        };
        assert_eq!(
            substitutions
                .fill("listen 443 to 127.0.0.1:8080, not 8443 nor 80801; 6081; /etc/ssl/a.pem"),
            "listen 50443 to 127.0.0.1:3, not 8443 nor 80801; 2; /tmp/8080/a.pem"
        );
    }
}

//! The versions of the libraries that this program was built with.

use anyhow::{Context, Result};

/// The lock file at compile time.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));

/// Returns the name of a library with its version.
pub(crate) fn version(library: &str) -> Result<String> {
    let version =
        find(LOCK, library).with_context(|| format!("Cargo.lock does not contain {library}"))?;
    Ok(format!("{library} {version}"))
}

fn find<'a>(lock: &'a str, library: &str) -> Option<&'a str> {
    let name = format!("name = \"{library}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_in_the_line_after_the_name() {
        let lock = "[[package]]\nname = \"fast\"\nversion = \"1.2.3\"\nsource = \"x\"\n";
        assert_eq!(find(lock, "fast"), Some("1.2.3"));
        assert_eq!(find(lock, "slow"), None);
    }

    #[test]
    fn measured_libraries_are_in_the_lock_file() {
        version("fastwebsockets").unwrap();
        version("tokio-tungstenite").unwrap();
    }
}

//! The versions of the libraries that this program was built with.

use anyhow::{Context, Result};

/// As they were when this was compiled.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));

/// A library with its version.
pub(crate) fn version(library: &str) -> Result<String> {
    let version = find(LOCK, library).with_context(|| format!("{library} in Cargo.lock"))?;
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
    fn version_stands_behind_the_name() {
        let lock = "[[package]]\nname = \"fast\"\nversion = \"1.2.3\"\nsource = \"x\"\n";
        assert_eq!(find(lock, "fast"), Some("1.2.3"));
        assert_eq!(find(lock, "slow"), None);
    }

    #[test]
    fn libraries_that_take_part_are_known() {
        version("fastwebsockets").unwrap();
        version("tokio-tungstenite").unwrap();
    }
}

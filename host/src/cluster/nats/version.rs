//! The NATS versions whose compare-and-swap can be relied on.

/// The first safe versions: one for a single server, and one for servers in a cluster. Before 2.9.21, the
/// compare-and-swap of several servers was not serializable. Versions 2.10.20 to 2.10.22 lost streams when the servers
/// were killed.
const SAFE: ([u64; 3], [u64; 3]) = ([2, 9, 0], [2, 10, 23]);

/// The NATS versions that may lose streams when the servers are killed.
const LOSING: std::ops::RangeInclusive<[u64; 3]> = [2, 10, 20]..=[2, 10, 22];

/// Checks the version of a server.
///
/// # Errors
///
/// An error that says which version is needed.
pub(super) fn check_version(version: &str, is_clustered: bool) -> Result<(), String> {
    let Some(found) = parse(version) else {
        return Err(format!("cannot read the version of the broker: {version}"));
    };
    let safe = if is_clustered { SAFE.1 } else { SAFE.0 };
    if found >= safe && !LOSING.contains(&found) {
        return Ok(());
    }
    let [major, minor, patch] = SAFE.1;
    let (kind, or) =
        if is_clustered { ("several servers", "") } else { ("one server", "2.9, or ") };
    Err(format!(
        "NATS {version} with {kind} is not safe for unique-in, because it may forget what it has acknowledged: use {or}\
         {major}.{minor}.{patch} or later"
    ))
}

/// Reads a version like `2.10.23-RC.1`.
fn parse(version: &str) -> Option<[u64; 3]> {
    let numbers = version.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_versions_are_refused() {
        for version in ["2.9.10", "2.9.25", "2.10.0", "2.10.23", "2.15.1", "3.0.0-beta.1"] {
            assert_eq!(check_version(version, false), Ok(()), "{version}");
        }
        for version in ["2.8.4", "2.10.20", "2.10.22", "new"] {
            assert!(check_version(version, false).is_err(), "{version}");
        }
        for version in ["2.10.23", "2.15.1"] {
            assert_eq!(check_version(version, true), Ok(()), "{version}");
        }
        for version in ["2.9.10", "2.9.25", "2.10.22"] {
            let why = check_version(version, true).expect_err("refused");
            assert!(why.contains(version) && why.contains("2.10.23"), "{why}");
        }
    }
}

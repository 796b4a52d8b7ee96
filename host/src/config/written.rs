//! The settings of the server as they are written in a configuration file.

use toml::{Table, Value};

/// The settings above the first `[[resource]]`. A reload of the configuration does not change them, so the log names
/// those that were edited.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WrittenSettings(Table);

impl WrittenSettings {
    /// Returns the settings in the text of a configuration file, or no settings if the text is not TOML.
    pub(super) fn of(text: &str) -> Self {
        let mut table: Table = text.parse().unwrap_or_default();
        table.remove("resource");
        Self(table)
    }

    /// Returns the keys whose values differ from those of other settings. A key in a table is written as
    /// `cluster.name`.
    pub(crate) fn differing(&self, other: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        collect_differing(&self.0, &other.0, "", &mut keys);
        keys.sort();
        keys
    }
}

fn collect_differing(one: &Table, other: &Table, outer: &str, keys: &mut Vec<String>) {
    let only_in_other = other.keys().filter(|key| !one.contains_key(*key));
    for key in one.keys().chain(only_in_other) {
        match (one.get(key), other.get(key)) {
            (Some(Value::Table(one)), Some(Value::Table(other))) => {
                collect_differing(one, other, &format!("{outer}{key}."), keys);
            }
            (one, other) if one != other => keys.push(format!("{outer}{key}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_changed_added_or_removed_differ() {
        let old = WrittenSettings::of(
            "admin = \"127.0.0.1:1\"\nworkers = 1\nhealth = \"127.0.0.1:2\"\n[cluster]\nname = \"a\"\nlisten = \"b\"\n",
        );
        let new = WrittenSettings::of(
            "admin = \"127.0.0.1:3\" # moved\nworkers = 1\nmax-clients = 5\n[cluster]\nlisten = \"b\"\nname = \"c\"\n",
        );
        assert_eq!(old.differing(&new), ["admin", "cluster.name", "health", "max-clients"]);
        assert_eq!(new.differing(&old), old.differing(&new));
    }

    #[test]
    fn resources_and_spaces_make_no_difference() {
        let old = WrittenSettings::of("workers = 1\n[[resource]]\nname = \"a\"\n");
        let new = WrittenSettings::of("workers   =   1\n[[resource]]\nname = \"b\"\n");
        assert_eq!(old.differing(&new), [""; 0]);
    }
}

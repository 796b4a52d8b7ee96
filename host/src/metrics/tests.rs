//! Checks that the catalog follows the conventions of Prometheus.

use std::collections::BTreeSet;

use super::catalog::{ALL, Kind, Metric};

#[test]
fn names_have_their_unit_and_each_is_used_once() {
    let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
    for Metric { name, kind, help, labels } in ALL {
        assert!(
            name.starts_with("ws_host_") && help.ends_with('.') && !help.contains('\\'),
            "{name}"
        );
        assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        let known = [
            "resource", "outcome", "full", "cause", "from", "code", "event", "kind", "state",
            "worker",
        ];
        let rest = ["version", "commit", "wasmtime", "why"];
        assert!(labels.iter().all(|label| known.contains(label) || rest.contains(label)), "{name}");
    }
}

/// Returns the table in `docs/metrics.md`.
fn table() -> String {
    let mut table = String::from("| metric | type | what it says |\n|---|---|---|\n");
    for Metric { name, kind, labels, help } in ALL {
        let labels = match labels {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(", ")),
        };
        let kind = format!("{kind:?}").to_lowercase();
        table += &format!("| `{name}{labels}` | {kind} | {help} |\n");
    }
    table
}

#[test]
fn documentation_lists_all_metrics() {
    let documented =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"));
    let documented = documented.expect("docs/metrics.md");
    assert!(documented.contains(&table()), "docs/metrics.md needs this table:\n\n{}", table());
}

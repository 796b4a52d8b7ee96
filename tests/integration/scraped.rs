//! What Prometheus makes of the metrics: the alert rules and the board of `examples/operating`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use ws_host_test_support::{Client, TestServer, is_installed, poll_until, root, wait_until};

use crate::prometheus::{Prometheus, promtool};

fn example(name: &str) -> Result<String> {
    let file = root().join("examples/operating").join(name);
    std::fs::read_to_string(&file).with_context(|| file.display().to_string())
}

/// Returns the labels of all series names that `docs/metrics.md` lists.
fn documented() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let text = std::fs::read_to_string(root().join("docs/metrics.md"))?;
    let mut all = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("| `ws_host_")) {
        let (metric, rest) = line.split_once("` | ").context("no type")?;
        let (name, labels) = metric.split_once('{').unwrap_or((metric, ""));
        let labels = labels.trim_end_matches('}').split(", ").filter(|label| !label.is_empty());
        let mut labels: BTreeSet<String> = labels.map(str::to_owned).collect();
        labels.extend(["instance".to_owned(), "job".to_owned()]);
        if rest.starts_with("histogram") {
            all.insert(format!("ws_host_{name}_sum"), labels.clone());
            all.insert(format!("ws_host_{name}_count"), labels.clone());
            labels.insert("le".into());
            all.insert(format!("ws_host_{name}_bucket"), labels);
        } else {
            all.insert(format!("ws_host_{name}"), labels);
        }
    }
    ensure!(all.len() > 50, "{all:?}");
    Ok(all)
}

/// Returns the parts of a text behind each `start`, up to `end`.
fn between<'a>(text: &'a str, start: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| Some(rest.split_once(end)?.0))
}

/// Checks that an expression uses only metrics that exist, with their own labels. Returns their names.
fn check_names(expression: &str) -> Result<BTreeSet<String>> {
    let documented = documented()?;
    let (mut names, mut labels) = (BTreeSet::new(), BTreeSet::new());
    for (start, _) in expression.match_indices("ws_host_") {
        let rest = &expression[start..];
        let is_part =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let (name, rest) =
            rest.split_at(rest.find(|letter| !is_part(letter)).unwrap_or(rest.len()));
        let own =
            documented.get(name).with_context(|| format!("there is no {name}: {expression}"))?;
        if let Some((selector, _)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            for matcher in selector.split(", ") {
                let label = matcher.split(['=', '!']).next().unwrap_or_default();
                ensure!(own.contains(label), "{name} has no label {label}: {expression}");
            }
        }
        names.insert(name.to_owned());
        labels.extend(own.clone());
    }
    for list in between(expression, "by (", ')') {
        for label in list.split(", ") {
            ensure!(labels.contains(label), "nothing has a label {label}: {expression}");
        }
    }
    Ok(names)
}

/// Returns the expressions of the board, with their variables replaced.
fn board() -> Result<Vec<String>> {
    let board: Value = serde_json::from_str(&example("grafana.json")?)?;
    let (mut places, mut expressions) = (BTreeSet::new(), Vec::new());
    let all = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    for panel in all(&board, "panels") {
        let number = |name: &str| panel["gridPos"][name].as_u64().context("no place");
        let (x, y, width) = (number("x")?, number("y")?, number("w")?);
        ensure!(x + width <= 24, "{panel}");
        for x in x..x + width {
            for y in y..y + number("h")? {
                ensure!(places.insert((x, y)), "panels overlap: {panel}");
            }
        }
        let targets = all(&panel, "targets");
        ensure!(panel["type"] == "row" || !targets.is_empty(), "{panel}");
        expressions.extend(targets.iter().map(|target| target["expr"].clone()));
    }
    let annotations = all(&board["annotations"], "list");
    expressions.extend(annotations.iter().map(|annotation| annotation["expr"].clone()));
    let replaced = expressions.iter().map(|expression| {
        let mut expression = expression.as_str().context("no expression")?.to_owned();
        for (variable, value) in [
            ("$__rate_interval", "5m"),
            ("$__interval", "5m"),
            ("$job", ".*"),
            ("$instance", ".*"),
            ("$resource", ".*"),
        ] {
            expression = expression.replace(variable, value);
        }
        ensure!(!expression.contains('$'), "{expression}");
        Ok(expression)
    });
    let replaced = replaced.collect::<Result<Vec<_>>>()?;
    ensure!(replaced.len() > 40, "{replaced:?}");
    for variable in all(&board["templating"], "list") {
        if let Some(query) = variable["definition"].as_str() {
            check_names(query)?;
        }
    }
    Ok(replaced)
}

#[test]
fn alert_rules_are_valid_and_use_documented_metrics() -> Result<()> {
    let (rules, tests) = (example("alerts.yml")?, example("alerts.test.yml")?);
    let mut used = 0;
    for (rule, name) in rules.split("- alert: ").skip(1).map(|rule| (rule, rule.lines().next())) {
        used += check_names(rule)?.len();
        // It fires in a test.
        let name = name.context("no name")?;
        let fires = tests.split("alertname: ").any(|test| {
            test.lines().next() == Some(name)
                && !test.contains("exp_alerts: []\n")
                && test.contains("exp_labels")
        });
        assert!(fires, "{name} fires in no test");
    }
    assert!(used >= 10, "{used}");
    check_names(&tests)?;
    promtool(&["check", "rules", "alerts.yml"], "")?;
    promtool(&["test", "rules", "alerts.test.yml"], "")
}

#[test]
fn board_uses_documented_metrics_and_shows_nearly_all() -> Result<()> {
    let mut shown = BTreeSet::new();
    let mut rules = String::from("groups:\n- name: board\n  rules:\n");
    for (number, expression) in board()?.iter().enumerate() {
        shown.append(&mut check_names(expression)?);
        rules += &format!("  - {{ record: \"board:{number}\", expr: {expression:?} }}\n");
    }
    let base = |name: &String| {
        ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name)
            .to_owned()
    };
    let shown: BTreeSet<String> = shown.iter().map(base).collect();
    let all: BTreeSet<String> = documented()?.keys().map(base).collect();
    let missing: Vec<&String> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "the board does not show {missing:?}");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), rules)?;
    promtool(&["check", "rules", file.path().to_str().context("the path is not UTF-8")?], "")
}

#[test]
fn prometheus_scrapes_a_host_and_evaluates_everything() -> Result<()> {
    if !is_installed("prometheus")? {
        return Ok(());
    }
    let (server, admin) = TestServer::with_admin("echo", &[])?;
    let mut client = Client::connect(&server)?;
    for _ in 0..3 {
        client.ask("twelve bytes")?;
    }
    let prometheus = Prometheus::scraping(admin)?;
    let is = |expression: &str, value: f64| {
        let found = poll_until(|| prometheus.query(expression), |found| found == &[value]);
        found.map(drop).with_context(|| format!("{expression} is not {value}"))
    };
    is("up{job=\"ws-host\"}", 1.0)?;
    is("ws_host_clients{resource=\"echo\"}", 1.0)?;
    is("ws_host_received_messages_total{resource=\"echo\"}", 3.0)?;
    is("ws_host_sent_bytes_total{resource=\"echo\"}", 36.0)?;
    is("ws_host_handshakes_total{resource=\"echo\",outcome=\"accepted\"}", 1.0)?;
    is("ws_host_guest_seconds_count{resource=\"echo\",event=\"connected\"}", 1.0)?;
    is("count(ws_host_close_codes_total)", 34.0)?;
    client.close()?;
    is("ws_host_clients{resource=\"echo\"}", 0.0)?;
    is("ws_host_close_codes_total{code=\"1000\",from=\"client\"}", 1.0)?;
    for expression in board()? {
        prometheus.query(&expression).with_context(|| expression.clone())?;
        for name in check_names(&expression)? {
            // A host without a broker or a collector of traces has no series for it.
            let elsewhere = [
                "cluster",
                "broker",
                "topics_joined",
                "owned",
                "claims",
                "lease",
                "relayed",
                "peers",
                "foreign",
                "spans",
            ];
            let is_elsewhere = elsewhere.iter().any(|part| name.contains(part));
            assert_eq!(
                prometheus.query(&format!("count({name}) > 0"))?.is_empty(),
                is_elsewhere,
                "{name}"
            );
        }
    }
    // Every rule was evaluated, and none has found anything.
    wait_until(|| {
        let groups = prometheus.get("rules")?["groups"].take();
        let rules = groups[0]["rules"].as_array().context("no rules")?;
        let states = rules.iter().map(|rule| (rule["health"].as_str(), rule["state"].as_str()));
        let good = states.filter(|state| *state == (Some("ok"), Some("inactive"))).count();
        Ok(good == example("alerts.yml")?.matches("- alert: ").count() && good > 5)
    })?;
    server.signal(Signal::KILL)?;
    is("count(ALERTS{alertname=\"WsHostDown\",alertstate=\"pending\"})", 1.0)
}

//! The report about a component, as text for people.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use ws_host::inspect::{Cost, Import, Inspection, Language, Parts, Problem, Provision};

use crate::documentation;

/// The prefix of the contract's interface names.
const CONTRACT: &str = "ws-host:socket/";

/// The width of the label column.
const LABEL: usize = 10;

/// The page about grants.
const CAPABILITIES: &str = "capabilities.md";

/// The page about JavaScript.
const JAVASCRIPT: &str = "languages/javascript.md";

/// The `max-memory`, in bytes, that a small handler on StarlingMonkey needs because of its garbage. New projects set
/// it.
const STARLINGMONKEY_MEMORY: usize = 128 << 20;

/// Returns the report: a line with the answer, and a line for each fact.
pub(super) fn text(inspection: &Inspection) -> String {
    let file = inspection.file.display();
    let mut text = match &inspection.problem {
        None => format!("{file} would be served\n"),
        Some(problem) => format!("{file} would not be served\n{}", explained(problem)),
    };
    let lines = [
        ("made by", made_by(inspection)),
        ("contract", contract(inspection)),
        ("exports", exports(inspection)),
        ("imports", imports(inspection)),
        ("grants", capabilities(inspection)),
        ("denied", denied(inspection)),
        ("unknown", unknown(inspection)),
        ("size", size(inspection.size, inspection.parts)),
        ("load", inspection.cost.map(load)),
        ("instance", inspection.cost.map(|cost| instance(cost, inspection.parts))),
        ("advice", advice(inspection)),
    ];
    for (label, line) in lines {
        if let Some(line) = line {
            text += &format!("  {label:LABEL$}{line}\n");
        }
    }
    text
}

/// Returns advice about a component that would be served.
pub(super) fn advice(inspection: &Inspection) -> Option<String> {
    inspection.cost.and_then(|cost| memory_advice(cost, inspection.language))
}

fn explained(Problem { message, advice, .. }: &Problem) -> String {
    let mut text = format!("  {:LABEL$}{message}\n", "why");
    if let Some(advice) = advice {
        text += &format!("  {:LABEL$}{advice}\n", "advice");
    }
    text
}

fn made_by(inspection: &Inspection) -> Option<String> {
    let is_tool = |role: &str| role != "language";
    let tools = inspection.producers.iter().filter(|producer| is_tool(&producer.role));
    let tools = tools.map(|tool| format!("{} {}", tool.name, tool.version).trim().to_owned());
    let tools: Vec<_> = tools.collect();
    match (inspection.language, tools.is_empty()) {
        (None, true) => None,
        (None, false) => Some(tools.join(", ")),
        (Some(language), true) => Some(language.to_string()),
        (Some(language), false) => Some(format!("{language}; {}", tools.join(", "))),
    }
}

fn contract(inspection: &Inspection) -> Option<String> {
    let versions = &inspection.contract;
    let served = inspection.served_contract;
    (!versions.is_empty())
        .then(|| format!("ws-host:socket@{}; this host serves {served}", versions.join(", ")))
}

fn exports(inspection: &Inspection) -> Option<String> {
    let names = inspection.exports.iter().map(|name| without_package(name));
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Lists the imports that the host provides. Those of WASI are listed by package.
fn imports(inspection: &Inspection) -> Option<String> {
    let of_contract = inspection.imports.iter().filter(|import| {
        is_of_contract(import)
            && matches!(import.provided, Provision::Contract | Provision::Capability)
    });
    let of_contract: Vec<_> = of_contract.map(|import| without_package(&import.name)).collect();
    joined([of_contract.join(", "), packages(&inspection.imports, Provision::Wasi)])
}

/// Lists the imports that need a grant: interfaces of the contract, and packages of WASI.
fn capabilities(inspection: &Inspection) -> Option<String> {
    let of_contract = inspection
        .imports
        .iter()
        .filter(|import| is_of_contract(import) && import.provided == Provision::Capability);
    let of_contract = of_contract.map(|import| match without_package(&import.name) {
        "outgoing" => "outgoing (WebSockets to other servers)",
        "timers" => "timers (only set-durable)",
        other => other,
    });
    let of_contract = of_contract.collect::<Vec<_>>().join(", ");
    let all = joined([of_contract, packages(&inspection.imports, Provision::Capability)])?;
    let page = documentation::page(CAPABILITIES);
    Some(format!("{all}: the resource needs a grant only if its code calls them ({page})"))
}

fn denied(inspection: &Inspection) -> Option<String> {
    let denied = packages(&inspection.imports, Provision::Denied);
    (!denied.is_empty()).then(|| {
        format!(
            "{denied}: calls always fail, and no grant allows them; importing them does no harm"
        )
    })
}

fn joined(lists: [String; 2]) -> Option<String> {
    let lists: Vec<_> = lists.into_iter().filter(|list| !list.is_empty()).collect();
    (!lists.is_empty()).then(|| lists.join("; "))
}

fn unknown(inspection: &Inspection) -> Option<String> {
    let unknown = inspection.imports.iter().filter(|import| import.provided == Provision::Unknown);
    let unknown: Vec<_> = unknown.map(|import| import.name.as_str()).collect();
    (!unknown.is_empty()).then(|| format!("{}: not provided by this host", unknown.join(", ")))
}

fn size(size: usize, parts: Parts) -> Option<String> {
    let Parts { code, data, custom, .. } = parts;
    (size > 0).then(|| {
        format!(
            "{}: {} of code, {} of initial data, {} of names and debugging information",
            bytes(size),
            bytes(code),
            bytes(data),
            bytes(custom)
        )
    })
}

fn load(cost: Cost) -> String {
    let first = format!("{} the first time", time(cost.first_load));
    match cost.cached_load {
        Some(cached) => format!("{first}, {} from the cache", time(cached)),
        None => first,
    }
}

fn instance(cost: Cost, parts: Parts) -> String {
    format!(
        "{} of memory after its start, of {} (max-memory); {} elements in tables",
        bytes(cost.instance_memory),
        bytes(cost.max_memory),
        parts.table_elements
    )
}

/// Returns advice about `max-memory`, if this limit is too low for the engine of the language.
fn memory_advice(cost: Cost, language: Option<Language>) -> Option<String> {
    (language == Some(Language::JavaScript) && cost.max_memory < STARLINGMONKEY_MEMORY).then(|| {
        let page = documentation::page(JAVASCRIPT);
        format!(
            "StarlingMonkey collects garbage only at about 90 MiB: the resource needs a max-memory of 128MiB, which \
             new projects set ({page})"
        )
    })
}

fn is_of_contract(import: &Import) -> bool {
    import.name.starts_with(CONTRACT)
}

/// Lists the packages of imports, except those of the contract. Each version occurs once, after its packages:
/// `wasi:cli, wasi:io @0.2.6`.
fn packages(imports: &[Import], provided: Provision) -> String {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let listed = |import: &&Import| import.provided == provided && !is_of_contract(import);
    for import in imports.iter().filter(listed) {
        let (name, version) = import.name.split_once('@').unwrap_or((&import.name, ""));
        let package = name.split('/').next().unwrap_or(name);
        let packages = packages.entry(version).or_default();
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    let listed = packages.into_iter().map(|(version, mut packages)| {
        packages.sort_unstable();
        format!("{} @{version}", packages.join(", "))
    });
    listed.collect::<Vec<_>>().join("; ")
}

/// Returns the name of a contract interface without its package and version. Returns any other name unchanged.
fn without_package(name: &str) -> &str {
    match name.strip_prefix(CONTRACT) {
        Some(rest) => rest.split('@').next().unwrap_or(rest),
        None => name,
    }
}

fn bytes(bytes: usize) -> String {
    ByteSize(bytes as u64).to_string()
}

fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

//! Whether a contract has only grown.

use wit_parser::PackageName;

use crate::surface::{Interface, Surface};

/// What components that were built for the released contract would trip over. Nothing, if it has only grown: by functions
/// in interfaces that are imported, by interfaces, by worlds, by what a world imports.
pub fn broken(released: &Surface, now: &Surface) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_compatible(&released.package, &now.package) {
        faults.push(format!(
            "the package is {} and was {}: components that ask for the one do not find the other",
            now.package, released.package
        ));
    }
    let exported = released.exported();
    for (name, before) in &released.interfaces {
        match now.interfaces.get(name) {
            None => faults.push(format!("the interface {name} is gone")),
            Some(after) => {
                faults.extend(changed(name, before, after));
                if exported.contains(name.as_str()) {
                    faults.extend(demanded(name, before, after));
                }
            }
        }
    }
    for (name, before) in &released.worlds {
        let Some(after) = now.worlds.get(name) else {
            faults.push(format!("the world {name} is gone"));
            continue;
        };
        for import in before.imports.difference(&after.imports) {
            faults.push(format!("the world {name} no longer imports {import}"));
        }
        for export in before.exports.difference(&after.exports) {
            faults.push(format!("the world {name} no longer exports {export}"));
        }
        for export in after.exports.difference(&before.exports) {
            faults.push(format!(
                "the world {name} exports {export} now, and handlers that were written for it lack that: \
                 it needs a world of its own"
            ));
        }
    }
    faults
}

/// Hosts and components find each other if they have the same major version, or the same minor one while that is 0.
fn is_compatible(released: &PackageName, now: &PackageName) -> bool {
    let track =
        |package: &PackageName| package.version.as_ref().map(PackageName::version_compat_track);
    (&released.namespace, &released.name, track(released))
        == (&now.namespace, &now.name, track(now))
        && released.version <= now.version
}

fn changed(name: &str, before: &Interface, after: &Interface) -> Vec<String> {
    let types = before
        .types
        .iter()
        .map(|(of, ty)| (format!("type {of}"), &ty.text, after.types.get(of).map(|ty| &ty.text)));
    let functions = before.functions.iter().map(|(of, function)| {
        (of.clone(), &function.text, after.functions.get(of).map(|function| &function.text))
    });
    types
        .chain(functions)
        .filter_map(|(what, was, is)| match is {
            None => Some(format!("{name}: {what} is gone")),
            Some(is) if is != was => Some(format!("{name}: {what} is {is} and was {was}")),
            Some(_) => None,
        })
        .collect()
}

/// What the host would look for and not find.
fn demanded(name: &str, before: &Interface, after: &Interface) -> Vec<String> {
    let added = after.functions.keys().filter(|of| !before.functions.contains_key(*of));
    added
        .map(|of| {
            format!(
                "{name}: {of} was added, and components that export {name} lack it: it needs an \
                 interface of its own"
            )
        })
        .collect()
}

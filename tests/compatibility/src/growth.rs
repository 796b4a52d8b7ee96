//! Checks that a contract has only been extended.

use wit_parser::PackageName;

use crate::surface::{Interface, Surface};

/// Returns the changes that break components built for the released contract.
///
/// A contract may be extended by functions in imported interfaces, by interfaces, by worlds, and by imports of a world.
pub fn broken(released: &Surface, now: &Surface) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_compatible(&released.package, &now.package) {
        faults.push(format!(
            "the package is {} and was {}: the versions are incompatible, so existing components do not find it",
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
                "the world {name} exports {export} now, which existing handlers lack: add a world for it"
            ));
        }
    }
    faults
}

/// Returns whether the host still serves components of the released version. They must have the same major version, or
/// the same minor version while the major version is 0.
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

/// Returns the functions that the host would look for in existing components, but not find.
fn demanded(name: &str, before: &Interface, after: &Interface) -> Vec<String> {
    let added = after.functions.keys().filter(|of| !before.functions.contains_key(*of));
    added
        .map(|of| {
            format!(
                "{name}: {of} was added, and existing components that export {name} lack it: add an \
                 interface for it"
            )
        })
        .collect()
}

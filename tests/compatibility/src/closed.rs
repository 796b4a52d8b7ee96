//! Types that could never gain a part.

use crate::surface::Surface;

/// Two kinds of messages there are, and RFC 6455 §5.6 knows no third.
const WHOLE: [(&str, &str); 1] = [("types", "message")];

/// More than these, and the next release wants one more. Options are a resource with setters.
const MAX_PARAMETERS: usize = 3;

/// Where a contract could not grow: a component and a host that disagree on the fields of a record, the cases of a
/// variant or the parameters of a function do not fit each other at all.
pub fn closed_types(contract: &Surface) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, interface) in &contract.interfaces {
        for (of, ty) in &interface.types {
            let is_closed = matches!(ty.kind, "record" | "enum" | "flags" | "variant");
            if is_closed && !WHOLE.contains(&(name, of)) {
                faults.push(format!(
                    "{name}: {of} is {} {}, which can never gain a part: ask for each part by a function, \
                     or take a word",
                    if ty.kind == "enum" { "an" } else { "a" },
                    ty.kind
                ));
            }
        }
        for (of, function) in &interface.functions {
            if function.parameters > MAX_PARAMETERS + usize::from(of.starts_with("[method]")) {
                faults.push(format!(
                    "{name}: {of} has {} parameters, and can never have one more: a resource with \
                     setters can",
                    function.parameters
                ));
            }
        }
    }
    faults
}

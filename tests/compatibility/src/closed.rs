//! Types that cannot be extended.

use crate::surface::Surface;

/// Closed types that are allowed. RFC 6455 §5.6 defines two kinds of messages and no third.
const WHOLE: [(&str, &str); 2] = [("types", "message"), ("burst", "messages")];

/// Functions that are allowed to return tuples. A header and a parameter of a path have a name and a value, and nothing
/// else. `next-many` returns `messages`.
const WITH_TUPLES: [(&str, &str); 3] =
    [("burst", "next-many"), ("requests", "headers"), ("requests", "parameters")];

/// The most parameters of a function. A function with more is likely to need another one in the next release. Options
/// are a resource with setters.
const MAX_PARAMETERS: usize = 3;

/// Returns where a contract could not be extended.
///
/// If a component and a host disagree on the fields of a record or a tuple, the cases of a variant or the parameters of
/// a function, they are incompatible.
pub fn closed_types(contract: &Surface) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, interface) in &contract.interfaces {
        for (of, ty) in &interface.types {
            let is_closed = matches!(ty.kind, "record" | "enum" | "flags" | "variant");
            if is_closed && !WHOLE.contains(&(name, of)) {
                faults.push(format!(
                    "{name}: {of} is {} {}, which can never gain a part: use a function for each part, or a \
                     word",
                    if ty.kind == "enum" { "an" } else { "a" },
                    ty.kind
                ));
            }
        }
        for (of, function) in &interface.functions {
            if function.text.contains("tuple<") && !WITH_TUPLES.contains(&(name, of)) {
                faults.push(format!(
                    "{name}: {of} has a tuple, which can never gain a part: use a function for each part, or a \
                     resource with setters"
                ));
            }
            if function.parameters > MAX_PARAMETERS + usize::from(of.starts_with("[method]")) {
                faults.push(format!(
                    "{name}: {of} has {} parameters, and none can be added later: use a resource with setters",
                    function.parameters
                ));
            }
        }
    }
    faults
}

//! Makes the functions of a component cheap to find.
//!
//! For each call, wasmtime 48 looks up the core function behind the exported one. If the core instance has defined that
//! function, the lookup takes about 800 instructions, which is a tenth of the cost of an echo. But a core instance has
//! a pointer to each function that it imports. If it exports such a function again, the lookup takes few instructions.
//! So a component gets one more core module, which only imports functions and exports them again. The component's
//! exports take their core functions from this module.

mod module;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use wasm_encoder::{
    Encode, ExportKind, InstanceSection, Module, ModuleArg, ModuleSection, RawSection,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentAliasSectionReader, ExternalKind, Instance, Payload,
};

use self::module::{function_types, index, reexporting_module};
use super::payloads::{any, own_payloads};

/// How deeply components may be nested. Each level is read once more for each level above it.
const MAX_DEPTH: usize = 4;

/// Returns the component with a module that exports its functions again. Nested components get such a module too.
/// Returns `None` if nothing would change: there are no functions, or the sections are in an order that leaves no place
/// for the module. Such a component works as it is.
pub(super) fn with_reexports(component: &[u8]) -> Option<Vec<u8>> {
    rewrite(component, MAX_DEPTH)
}

fn rewrite(component: &[u8], depth: usize) -> Option<Vec<u8>> {
    let outline = Outline::read(component)?;
    let addition = outline.addition();
    // If this component has no place for the module, a nested component may have one.
    let with_module = addition.and_then(|addition| write(component, Some(&addition), depth));
    with_module.or_else(|| write(component, None, depth))
}

/// The parts of a component that matter here, in the order of their indices.
#[derive(Default)]
struct Outline<'a> {
    modules: Vec<&'a [u8]>,
    /// The core instances, with their modules. `None` for an instance that only groups exports.
    instances: Vec<Option<u32>>,
    /// The core functions. For an export of a core instance: the instance, and the name of the export.
    functions: Vec<Option<(u32, &'a str)>>,
    /// The indices of the core functions behind functions of the component.
    lifted: BTreeSet<u32>,
}

impl<'a> Outline<'a> {
    fn read(component: &'a [u8]) -> Option<Self> {
        let mut outline = Self::default();
        for payload in own_payloads(component) {
            match payload? {
                Payload::ModuleSection { unchecked_range, .. } => {
                    outline.modules.push(component.get(unchecked_range)?);
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        outline.instances.push(match instance.ok()? {
                            Instance::Instantiate { module_index, .. } => Some(module_index),
                            Instance::FromExports(_) => None,
                        });
                    }
                }
                Payload::ComponentAliasSection(aliases) => {
                    for alias in aliases {
                        if let Some(export) = exported_function(&alias.ok()?) {
                            outline.functions.push(Some(export));
                        }
                    }
                }
                Payload::ComponentCanonicalSection(functions) => {
                    for function in functions {
                        match function.ok()? {
                            CanonicalFunction::Lift { core_func_index, .. } => {
                                outline.lifted.insert(core_func_index);
                            }
                            // Everything else defines a core function.
                            _ => outline.functions.push(None),
                        }
                    }
                }
                _ => {}
            }
        }
        Some(outline)
    }

    /// Returns the core instance from which the component takes its first function, and the names of all functions that
    /// it takes from this instance.
    fn lifted(&self) -> Option<(u32, BTreeSet<&'a str>)> {
        let lifted = |function: &u32| *self.functions.get(index(*function)?)?;
        let (source, _) = self.lifted.iter().find_map(lifted)?;
        let names =
            self.lifted.iter().filter_map(lifted).filter(|(instance, _)| *instance == source);
        Some((source, names.map(|(_, name)| name).collect()))
    }

    fn addition(&self) -> Option<Addition<'a>> {
        let (source, names) = self.lifted()?;
        let module = *self.instances.get(index(source)?)?.as_ref()?;
        let types = function_types(self.modules.get(index(module)?)?)?;
        let signatures =
            names.iter().map(|name| Some((*name, types.get(name)?))).collect::<Option<Vec<_>>>()?;
        Some(Addition {
            source,
            module: reexporting_module(&signatures)?,
            module_index: u32::try_from(self.modules.len()).ok()?,
            instance_index: u32::try_from(self.instances.len()).ok()?,
            names,
        })
    }
}

/// The module that is added to a component.
struct Addition<'a> {
    /// The core instance that has the functions.
    source: u32,
    names: BTreeSet<&'a str>,
    module: Module,
    module_index: u32,
    instance_index: u32,
}

impl Addition<'_> {
    /// Returns whether an alias is to take its function from the added instance.
    fn replaces(&self, alias: &ComponentAlias<'_>) -> bool {
        exported_function(alias)
            .is_some_and(|(instance, name)| instance == self.source && self.names.contains(name))
    }
}

/// Writes the component with the added module. The module's instance comes before the first alias that takes a function
/// from this instance. Returns `None` if nothing would change.
fn write(component: &[u8], addition: Option<&Addition<'_>>, depth: usize) -> Option<Vec<u8>> {
    let mut written = wasm_encoder::Component::new();
    let (mut is_added, mut is_changed) = (false, false);
    for payload in own_payloads(component) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        let bytes = component.get(range)?;
        let mut changed = None;
        match payload {
            // The indices of these later modules and instances would have to change.
            Payload::ModuleSection { .. } | Payload::InstanceSection(_) if is_added => return None,
            Payload::ComponentSection { .. } => {
                changed = depth.checked_sub(1).and_then(|depth| rewrite(bytes, depth));
            }
            Payload::ComponentAliasSection(aliases) => {
                if let Some(addition) = addition
                    && any(aliases.clone(), |alias| addition.replaces(alias))?
                {
                    if !std::mem::replace(&mut is_added, true) {
                        written.section(&ModuleSection(&addition.module));
                        let mut instances = InstanceSection::new();
                        let source = ModuleArg::Instance(addition.source);
                        instances.instantiate(addition.module_index, [("", source)]);
                        written.section(&instances);
                    }
                    changed = Some(with_replaced(aliases, component, addition)?);
                }
            }
            _ => {}
        }
        is_changed |= changed.is_some();
        written.section(&RawSection { id, data: changed.as_deref().unwrap_or(bytes) });
    }
    is_changed.then(|| written.finish())
}

/// Returns the instance and the name if this is an alias of a function that a core instance exports.
fn exported_function<'a>(alias: &ComponentAlias<'a>) -> Option<(u32, &'a str)> {
    match alias {
        ComponentAlias::CoreInstanceExport {
            kind: ExternalKind::Func | ExternalKind::FuncExact,
            instance_index,
            name,
        } => Some((*instance_index, name)),
        _ => None,
    }
}

/// Returns the content of a section of aliases, changed so that the replaced aliases take their functions from the
/// added instance.
fn with_replaced(
    aliases: ComponentAliasSectionReader<'_>,
    component: &[u8],
    addition: &Addition<'_>,
) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    aliases.count().encode(&mut data);
    let section_end = aliases.range().end;
    let mut aliases = aliases.into_iter_with_offsets().peekable();
    while let Some(alias) = aliases.next() {
        let (offset, alias) = alias.ok()?;
        let end = match aliases.peek() {
            Some(Ok((next, _))) => *next,
            Some(Err(_)) => return None,
            None => section_end,
        };
        match exported_function(&alias) {
            Some((_, name)) if addition.replaces(&alias) => {
                let alias = wasm_encoder::Alias::CoreInstanceExport {
                    instance: addition.instance_index,
                    kind: ExportKind::Func,
                    name,
                };
                alias.encode(&mut data);
            }
            _ => data.extend_from_slice(component.get(offset..end)?),
        }
    }
    Some(data)
}

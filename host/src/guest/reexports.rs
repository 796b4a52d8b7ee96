//! Makes the functions of a component cheap to find.
//!
//! For each call, wasmtime 48 looks up the core function behind the exported one. This takes some 800 instructions, a tenth
//! of an echo, if the core instance has defined the function. It takes few if the core instance has imported the function
//! and exports it again, because then the instance holds a pointer to it. So a component gets one more core module,
//! which does only this, and its exports take their core functions from there.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::{
    Encode, EntityType, ExportKind, ExportSection, ImportSection, InstanceSection, Module,
    ModuleArg, ModuleSection, RawSection, TypeSection,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentAliasSectionReader, CompositeInnerType,
    ExternalKind, FuncType, Instance, Parser, Payload, TypeRef, ValType,
};

use super::payloads::own_payloads;

/// Returns the component with a module that exports its functions again. Returns `None` if the component has no
/// functions, or if its sections are in an order that leaves no place for the module. Such a component works as it is.
pub(super) fn with_reexports(component: &[u8]) -> Option<Vec<u8>> {
    let outline = Outline::read(component)?;
    let (source, names) = outline.lifted()?;
    let source_module =
        outline.modules.get(index(*outline.instances.get(index(source)?)?.as_ref()?)?)?;
    let types = function_types(source_module)?;
    let signatures =
        names.iter().map(|name| Some((*name, types.get(name)?))).collect::<Option<Vec<_>>>()?;
    outline.write(component, source, &names, &reexporting_module(&signatures)?)
}

/// The parts of a component that matter here, in the order of their indices.
#[derive(Default)]
struct Outline<'a> {
    modules: Vec<&'a [u8]>,
    /// The core instances, with their modules. `None` for an instance that only groups exports.
    instances: Vec<Option<u32>>,
    /// The core functions. Those that are exports of a core instance come with this instance and their name.
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

    /// Writes the component with the module. Its instance comes before the first alias of a function that it exports.
    fn write(
        &self,
        component: &[u8],
        source: u32,
        names: &BTreeSet<&str>,
        module: &Module,
    ) -> Option<Vec<u8>> {
        let (added_module, added_instance) =
            (u32::try_from(self.modules.len()).ok()?, u32::try_from(self.instances.len()).ok()?);
        let is_moved = |alias: &ComponentAlias<'_>| {
            exported_function(alias)
                .is_some_and(|(instance, name)| instance == source && names.contains(name))
        };
        let mut written = wasm_encoder::Component::new();
        let mut is_added = false;
        for payload in own_payloads(component) {
            let payload = payload?;
            let Some((id, range)) = payload.as_section() else { continue };
            let bytes = component.get(range)?;
            match payload {
                // The indices of these would have to change.
                Payload::ModuleSection { .. } | Payload::InstanceSection(_) if is_added => {
                    return None;
                }
                Payload::ComponentAliasSection(aliases) => {
                    if !is_added && any(aliases.clone(), is_moved)? {
                        written.section(&ModuleSection(module));
                        let mut instances = InstanceSection::new();
                        instances.instantiate(added_module, [("", ModuleArg::Instance(source))]);
                        written.section(&instances);
                        is_added = true;
                    }
                    let data = with_moved(aliases, component, is_moved, added_instance)?;
                    written.section(&RawSection { id, data: &data });
                }
                _ => {
                    written.section(&RawSection { id, data: bytes });
                }
            }
        }
        is_added.then(|| written.finish())
    }
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

fn any(
    aliases: ComponentAliasSectionReader<'_>,
    is_such: impl Fn(&ComponentAlias<'_>) -> bool,
) -> Option<bool> {
    for alias in aliases {
        if is_such(&alias.ok()?) {
            return Some(true);
        }
    }
    Some(false)
}

/// Returns the content of a section of aliases, in which the moved ones take the exports of the instance `to`.
fn with_moved(
    aliases: ComponentAliasSectionReader<'_>,
    component: &[u8],
    is_moved: impl Fn(&ComponentAlias<'_>) -> bool,
    to: u32,
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
            Some((_, name)) if is_moved(&alias) => {
                let alias = wasm_encoder::Alias::CoreInstanceExport {
                    instance: to,
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

/// Returns the types of the functions that a module exports.
fn function_types(module: &[u8]) -> Option<BTreeMap<&str, FuncType>> {
    let (mut types, mut functions, mut exported) = (Vec::new(), Vec::new(), BTreeMap::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::TypeSection(groups) => {
                for group in groups {
                    types.extend(group.ok()?.into_types().map(|sub| sub.composite_type.inner));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import.ok()?.ty {
                        functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(defined) => {
                for ty in defined {
                    functions.push(ty.ok()?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.ok()?;
                    if export.kind == ExternalKind::Func
                        && let ty = functions.get(index(export.index)?)?
                        && let CompositeInnerType::Func(ty) = types.get(index(*ty)?)?
                    {
                        exported.insert(export.name, ty.clone());
                    }
                }
            }
            _ => {}
        }
    }
    Some(exported)
}

/// Returns a module that imports functions from an instance without a name, and exports them again.
fn reexporting_module(functions: &[(&str, &FuncType)]) -> Option<Module> {
    let (mut types, mut imports, mut exports) =
        (TypeSection::new(), ImportSection::new(), ExportSection::new());
    for (number, (name, ty)) in (0..).zip(functions) {
        let encoded = |types: &[ValType]| types.iter().map(value_type).collect::<Option<Vec<_>>>();
        types.ty().function(encoded(ty.params())?, encoded(ty.results())?);
        imports.import("", name, EntityType::Function(number));
        exports.export(name, ExportKind::Func, number);
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&exports);
    Some(module)
}

/// Returns the type as it is encoded. `None`: functions behind those of a component have no parameters of this type.
fn value_type(ty: &ValType) -> Option<wasm_encoder::ValType> {
    match ty {
        ValType::I32 => Some(wasm_encoder::ValType::I32),
        ValType::I64 => Some(wasm_encoder::ValType::I64),
        ValType::F32 => Some(wasm_encoder::ValType::F32),
        ValType::F64 => Some(wasm_encoder::ValType::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

fn index(index: u32) -> Option<usize> {
    usize::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use wasmtime::component::{Component, Linker};
    use wasmtime::{Config, Engine, Store};

    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {text})")).expect("well-formed text")
    }

    /// Returns the result of an exported function `add`.
    fn added(component: &[u8], left: u32, right: u64) -> u64 {
        let engine = Engine::new(&Config::new()).expect("an engine");
        let component = Component::from_binary(&engine, component).expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).expect("it starts");
        let add = instance.get_typed_func::<(u32, u64), (u64,)>(&mut store, "add").expect("there");
        add.call(&mut store, (left, right)).expect("it returns").0
    }

    const MODULE: &str = r#"
        (core module $m
          (import "" "unused" (func (param f64)))
          (memory (export "memory") 1)
          (func (export "id") (param i64) (result i64) (local.get 0))
          (func (export "add") (param i32 i64) (result i64)
            (i64.add (i64.extend_i32_u (local.get 0)) (local.get 1))))
        (core module $unused (func (export "unused") (param f64)))
        (core instance $unused (instantiate $unused))
        (core instance $i (instantiate $m (with "" (instance $unused))))"#;

    #[test]
    fn functions_are_those_of_the_component_and_come_from_the_added_instance() {
        let whole = component(&format!(
            r#"{MODULE}
            (alias core export $i "memory" (core memory $memory))
            (alias core export $i "add" (core func $add))
            (func (export "add") (param "left" u32) (param "right" u64) (result u64)
              (canon lift (core func $add)))
            (alias core export $i "id" (core func $id))
            (func (export "id") (param "it" u64) (result u64) (canon lift (core func $id)))"#
        ));
        let rewritten = with_reexports(&whole).expect("there are functions");
        assert_eq!((added(&whole, 3, 4), added(&rewritten, 3, 4)), (7, 7));
        let outline = Outline::read(&rewritten).expect("well-formed");
        let (source, names) = outline.lifted().expect("there are functions");
        assert_eq!((source, outline.instances[2]), (2, Some(2)));
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["add", "id"]);
    }

    #[test]
    fn component_without_a_place_for_the_module_stays_as_it_is() {
        let lift = r#"(func (export "add") (param "left" u32) (param "right" u64) (result u64)
            (canon lift (core func $add)))"#;
        for text in [
            String::new(),
            MODULE.to_owned(),
            format!(
                "{MODULE} (alias core export $i \"add\" (core func $add)) {lift} (core module)"
            ),
            format!(
                "{MODULE} (alias core export $i \"add\" (core func $add)) {lift}
                (core instance (instantiate $unused))"
            ),
            format!(
                "{MODULE} (core instance $group (export \"add\" (func $i \"add\")))
                (alias core export $group \"add\" (core func $add)) {lift}"
            ),
        ] {
            assert_eq!(with_reexports(&component(&text)), None, "{text}");
        }
    }

    #[test]
    fn cut_component_is_left_to_the_compiler() {
        let whole = component(&format!(
            "{MODULE} (func (export \"add\") (param \"left\" u32) (param \"right\" u64) (result u64)
            (canon lift (core func $i \"add\")))"
        ));
        assert!(with_reexports(&whole).is_some());
        for length in 0..whole.len() {
            // It must not panic. Where a cut is a whole component, there is nothing to move.
            let _ = with_reexports(&whole[..length]);
        }
    }
}

//! The module that is added to a component, and the types of its functions.

use std::collections::BTreeMap;

use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, Module, TypeSection};
use wasmparser::{CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};

/// Returns the types of the functions that a module exports.
pub(super) fn function_types(module: &[u8]) -> Option<BTreeMap<&str, FuncType>> {
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

/// Returns a module that imports functions under an empty module name, and exports them again.
pub(super) fn reexporting_module(functions: &[(&str, &FuncType)]) -> Option<Module> {
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

/// Returns a type as the encoder represents it. Returns `None` for types that never occur in the core functions that
/// implement a component's functions.
fn value_type(ty: &ValType) -> Option<wasm_encoder::ValType> {
    match ty {
        ValType::I32 => Some(wasm_encoder::ValType::I32),
        ValType::I64 => Some(wasm_encoder::ValType::I64),
        ValType::F32 => Some(wasm_encoder::ValType::F32),
        ValType::F64 => Some(wasm_encoder::ValType::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

pub(super) fn index(index: u32) -> Option<usize> {
    usize::try_from(index).ok()
}

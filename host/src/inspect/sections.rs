//! Reads the sections of a component or module, up to the first error in the file.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentImport, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, InstanceTypeDeclaration, KnownCustom, Parser, Payload,
    ProducersSectionReader,
};

use super::{Parts, Producer};

/// The size of a memory page. The host refuses memories that declare another page size.
const PAGE: u64 = 64 << 10;

/// The maximum number of names that are listed from one section, and of tools that are listed from one file. A file
/// with more is a mistake or an attack.
const MAX_LISTED: usize = 1_000;

/// The information in the sections of a file.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// The names of everything that the component exports.
    pub(super) exports: Vec<String>,
    /// Everything that the component imports.
    pub(super) imports: Vec<ImportedItem>,
    /// The modules that a core module imports from.
    pub(super) core_imports: Vec<String>,
    pub(super) producers: Vec<Producer>,
    pub(super) parts: Parts,
}

/// An import of a component.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImportedItem {
    pub(super) name: String,
    /// The names in the imported interface: its functions and types. Many tools leave out those that are not used.
    pub(super) members: Vec<String>,
}

/// The types of a component so far. For the type of an instance, its names. An instance is an interface.
type Types = Vec<Vec<String>>;

impl Sections {
    /// Reads a file up to its first error.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut sections = Self::default();
        let mut types = Types::new();
        // How deeply the current section is nested in components and modules.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload => {
                    if depth == 0 {
                        sections.add_interfaces(&payload, &mut types);
                    }
                    sections.add(payload, depth);
                }
            }
        }
        sections
    }

    /// Adds a section that defines types, imports or exports of the outermost component. Four kinds of sections define
    /// types, and all of these types are numbered together.
    fn add_interfaces(&mut self, payload: &Payload<'_>, types: &mut Types) {
        match payload {
            Payload::ComponentTypeSection(reader) => {
                types.extend(reader.clone().into_iter().map_while(Result::ok).map(names_in));
            }
            Payload::ComponentAliasSection(reader) => {
                let aliases = reader.clone().into_iter().map_while(Result::ok);
                types.extend(aliases.filter(is_type).map(|_| Vec::new()));
            }
            Payload::ComponentImportSection(reader) => {
                for import in reader.clone().into_iter().map_while(Result::ok) {
                    self.add_import(import, types);
                }
            }
            Payload::ComponentExportSection(reader) => {
                for export in reader.clone().into_iter().map_while(Result::ok) {
                    if self.exports.len() < MAX_LISTED {
                        self.exports.push(export.name.name.to_owned());
                    }
                    if export.kind == ComponentExternalKind::Type {
                        types.push(Vec::new());
                    }
                }
            }
            _ => {}
        }
    }

    fn add_import(&mut self, import: ComponentImport<'_>, types: &mut Types) {
        let members = match import.ty {
            ComponentTypeRef::Instance(index) => types.get(index as usize).cloned(),
            ComponentTypeRef::Type(_) => {
                types.push(Vec::new());
                None
            }
            _ => None,
        };
        if self.imports.len() < MAX_LISTED {
            let name = import.name.name.to_owned();
            self.imports.push(ImportedItem { name, members: members.unwrap_or_default() });
        }
    }

    fn add(&mut self, payload: Payload<'_>, depth: usize) {
        let is_outermost = depth == 0;
        match payload {
            Payload::ImportSection(reader) if is_outermost => {
                let imports = reader.into_imports().map_while(Result::ok);
                self.core_imports
                    .extend(imports.map(|import| import.module.to_owned()).take(MAX_LISTED));
            }
            Payload::CodeSectionStart { size, .. } => self.parts.code += size as usize,
            Payload::DataSection(reader) => {
                let data = reader.into_iter().map_while(Result::ok);
                self.parts.data += data.map(|data| data.data.len()).sum::<usize>();
            }
            Payload::MemorySection(reader) => {
                for memory in reader.into_iter().map_while(Result::ok) {
                    let bytes = memory.initial.saturating_mul(PAGE);
                    self.parts.memory = self.parts.memory.saturating_add(bytes);
                }
            }
            Payload::TableSection(reader) => {
                for table in reader.into_iter().map_while(Result::ok) {
                    let elements = &mut self.parts.table_elements;
                    *elements = elements.saturating_add(table.ty.initial);
                }
            }
            Payload::CustomSection(section) => {
                self.parts.custom += section.data().len();
                if let KnownCustom::Producers(producers) = section.as_known() {
                    self.add_producers(producers);
                }
            }
            _ => {}
        }
    }

    fn add_producers(&mut self, producers: ProducersSectionReader<'_>) {
        for field in producers.into_iter().map_while(Result::ok) {
            for value in field.values.into_iter().map_while(Result::ok) {
                let producer = Producer {
                    role: field.name.to_owned(),
                    name: value.name.to_owned(),
                    version: value.version.to_owned(),
                };
                // Each module of a component has its own list, so a tool may occur several times.
                if self.producers.len() < MAX_LISTED && !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
    }
}

/// Returns the names in an interface, if the type is that of an interface.
fn names_in(ty: ComponentType<'_>) -> Vec<String> {
    let ComponentType::Instance(declarations) = ty else { return Vec::new() };
    let exports = declarations.iter().filter_map(|declaration| match declaration {
        InstanceTypeDeclaration::Export { name, .. } => Some(name.name.to_owned()),
        _ => None,
    });
    exports.take(MAX_LISTED).collect()
}

fn is_type(alias: &ComponentAlias<'_>) -> bool {
    matches!(
        alias,
        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Type, .. }
            | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(imports: &[ImportedItem]) -> Vec<&str> {
        imports.iter().map(|import| &*import.name).collect()
    }

    #[test]
    fn members_of_an_interface_are_found_whatever_other_types_there_are() {
        let component = wat::parse_str(
            r#"(component
                (type (func))
                (import "a" (instance $a (export "t" (type (sub resource)))))
                (alias export $a "t" (type $t))
                (import "u" (type (eq $t)))
                (import "f" (func))
                (export "v" (type $t))
                (import "b" (instance (export "set" (func)) (export "cancel" (func)))))"#,
        );
        let sections = Sections::read(&component.expect("a component"));
        assert_eq!(names(&sections.imports), ["a", "u", "f", "b"]);
        assert_eq!(sections.imports[0].members, ["t"]);
        assert_eq!(sections.imports[2].members, [""; 0]);
        assert_eq!(sections.imports[3].members, ["set", "cancel"]);
    }

    #[test]
    fn parts_of_nested_modules_are_added_up() {
        let component = wat::parse_str(
            r#"(component
                (import "wasi:io/poll@0.2.0" (instance))
                (core module (memory 2) (table 10 funcref) (data (i32.const 0) "12345"))
                (core module (import "inner" "f" (func)) (memory 1) (data (i32.const 0) "678"))
                (component (import "inner" (func)))
                (func $f (import "f"))
                (export "g" (func $f)))"#,
        )
        .expect("a component");
        let Sections { exports, imports, core_imports, parts, .. } = Sections::read(&component);
        assert_eq!(exports, ["g"]);
        assert_eq!(names(&imports), ["wasi:io/poll@0.2.0", "f"]);
        assert_eq!(core_imports, [""; 0]);
        assert_eq!((parts.memory, parts.table_elements, parts.data), (3 * PAGE, 10, 8));
    }

    #[test]
    fn file_that_is_cut_off_is_read_up_to_there() {
        let component =
            wat::parse_str(r#"(component (import "a" (func)) (core module (memory 1)))"#);
        let component = component.expect("a component");
        for length in 0..component.len() {
            let sections = Sections::read(&component[..length]);
            assert!(sections.imports.len() <= 1 && sections.parts.memory <= PAGE);
        }
    }

    #[test]
    fn modules_of_a_core_module_are_its_imports() {
        let module =
            wat::parse_str(r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)))"#);
        let sections = Sections::read(&module.expect("a module"));
        assert_eq!(sections.core_imports, ["wasi_snapshot_preview1"]);
    }
}

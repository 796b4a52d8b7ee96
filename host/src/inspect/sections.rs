//! Reads the sections of a component or module, up to the first error in the file.

use wasmparser::{KnownCustom, Parser, Payload, ProducersSectionReader};

use super::{Parts, Producer};

/// The size of a memory page. The host refuses memories that declare another page size.
const PAGE: u64 = 64 << 10;

/// The maximum number of names that are listed from one section, and of tools that are listed from one file. A file
/// with more is a mistake or an attack.
const MAX_LISTED: usize = 1_000;

/// The information in the sections of a file.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// The names of everything that the component exports and imports.
    pub(super) exports: Vec<String>,
    pub(super) imports: Vec<String>,
    /// The modules that a core module imports from.
    pub(super) core_imports: Vec<String>,
    pub(super) producers: Vec<Producer>,
    pub(super) parts: Parts,
}

impl Sections {
    /// Reads a file up to its first error.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut sections = Self::default();
        // How deeply the current section is nested in components and modules.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload => sections.add(payload, depth),
            }
        }
        sections
    }

    fn add(&mut self, payload: Payload<'_>, depth: usize) {
        let is_outermost = depth == 0;
        match payload {
            Payload::ComponentImportSection(reader) if is_outermost => {
                let imports = reader.into_iter().map_while(Result::ok);
                self.imports
                    .extend(imports.map(|import| import.name.name.to_owned()).take(MAX_LISTED));
            }
            Payload::ComponentExportSection(reader) if is_outermost => {
                let exports = reader.into_iter().map_while(Result::ok);
                self.exports
                    .extend(exports.map(|export| export.name.name.to_owned()).take(MAX_LISTED));
            }
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            (exports, imports),
            (vec!["g".into()], vec!["wasi:io/poll@0.2.0".into(), "f".into()])
        );
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

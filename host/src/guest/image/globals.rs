//! Takes the initial values of global variables out of a core module.
//!
//! In a snapshot of an interpreter, the initial values of the variables, such as the stack pointer, may differ between
//! components whose code is the same. So the values are turned into data. When the module starts, it reads them from
//! the beginning of its memory, and then clears that part of the memory.
//!
//! A module that only imports a memory, such as the adapter from WASI 0.1, gets a private memory for the values.

use std::ops::Range;

use wasm_encoder::{Encode, RawSection, SectionId};
use wasmparser::{BinaryReader, ConstExpr, Global, Operator, Parser, Payload, ValType};

use super::WASM_PAGE;

/// The maximum number of variables whose initial values are taken out of a module. Each variable costs some
/// instructions whenever an instance starts.
const MAX_GLOBALS: usize = 1024;

/// The sections that may follow the start section.
const BEHIND_START: [SectionId; 4] =
    [SectionId::Element, SectionId::DataCount, SectionId::Code, SectionId::Data];

/// The sections that may come directly after the memory section in a module that defines global variables. Such a
/// module has a global section, and only a tag section may come between the memory section and the global section.
const BEHIND_MEMORY: [SectionId; 2] = [SectionId::Tag, SectionId::Global];

/// The code of a constant expression with the value 0.
const ZERO: [u8; 3] = [0x41, 0, 0x0b];

/// The memory from which a module reads the values of its variables at start. The values begin at address 0.
#[derive(Clone, Copy)]
enum ValuesMemory {
    /// The module's first memory. The module clears the values in it.
    FirstMemory,
    /// A memory of one page, with this index. Only the start function uses it. No other code sees the values, so they
    /// need not be cleared. (A module whose own code uses this index is invalid, but the added memory makes it valid.
    /// Its code can then read the values, but they are only the module's own.)
    PrivateMemory(u32),
}

/// A module without the initial values of its variables, and the bytes of these values. The bytes belong at address 0
/// of a memory.
pub(super) struct Moved {
    pub(super) module: Vec<u8>,
    pub(super) values: Vec<u8>,
}

/// Takes out the initial values of a module's variables. The first `free` bytes of the module's first memory have no
/// data. Returns `None` if the module is malformed, has a start function of its own, has no values that can be taken
/// out, has too many of them, or has no room for them.
pub(super) fn move_to_memory(module: &[u8], free: usize) -> Option<Moved> {
    let outline = Outline::read(module)?;
    let values = outline.values(free)?;
    let module = outline.rewrite(module, ValuesMemory::FirstMemory)?;
    Some(Moved { module, values })
}

/// Takes out the initial values of a module's variables, and adds a private memory of one page. The caller must put the
/// values into this memory before the module starts. `imported` is the number of memories that the module imports. The
/// module must define none itself. Returns `None` in the same cases as [`move_to_memory`], and also if all values are
/// zero. In modules that are not snapshots, the values are usually all zero, and such modules should not pay the price
/// of a memory.
pub(super) fn move_to_private_memory(module: &[u8], imported: u32) -> Option<Moved> {
    let outline = Outline::read(module)?;
    let values = outline.values(WASM_PAGE)?;
    if values.iter().all(|byte| *byte == 0) {
        return None;
    }
    let module = outline.rewrite(module, ValuesMemory::PrivateMemory(imported))?;
    Some(Moved { module, values })
}

/// The parts of a module that matter here.
#[derive(Default)]
struct Outline {
    types: u32,
    functions: u32,
    moved: Vec<MovedGlobal>,
}

/// A variable whose value is taken out.
struct MovedGlobal {
    index: u32,
    value: i32,
    /// The range of the variable's initial value in the module.
    initial: Range<usize>,
}

impl Outline {
    fn read(module: &[u8]) -> Option<Self> {
        let mut outline = Self::default();
        let mut globals = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload.ok()? {
                Payload::TypeSection(types) => {
                    for group in types {
                        // A group of several types would count as one item of the section, so it is not supported.
                        let [_] = group.ok()?.into_types().collect::<Vec<_>>()[..] else {
                            return None;
                        };
                        outline.types += 1;
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        match import.ok()?.ty {
                            wasmparser::TypeRef::Func(_) => outline.functions += 1,
                            wasmparser::TypeRef::Global(_) => globals += 1,
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(functions) => outline.functions += functions.count(),
                Payload::GlobalSection(section) => {
                    for global in section {
                        outline.add(globals, &global.ok()?);
                        globals += 1;
                    }
                }
                Payload::StartSection { .. } => return None,
                _ => {}
            }
        }
        Some(outline)
    }

    fn add(&mut self, index: u32, global: &Global<'_>) {
        let is_variable = global.ty.mutable && global.ty.content_type == ValType::I32;
        if let Some(value) = constant(&global.init_expr).filter(|_| is_variable) {
            let initial = global.init_expr.get_binary_reader().range();
            self.moved.push(MovedGlobal { index, value, initial });
        }
    }

    /// Returns the initial values, as the bytes that the module finds in the memory when it starts. Returns `None` if
    /// there are no values to take out, or too many.
    fn values(&self, free: usize) -> Option<Vec<u8>> {
        let values: Vec<u8> =
            self.moved.iter().flat_map(|moved| moved.value.to_le_bytes()).collect();
        let fits = values.len() <= free && self.moved.len() <= MAX_GLOBALS;
        (fits && !values.is_empty()).then_some(values)
    }

    fn rewrite(&self, module: &[u8], memory: ValuesMemory) -> Option<Vec<u8>> {
        let mut rewritten = wasm_encoder::Module::new();
        let mut has_memory = matches!(memory, ValuesMemory::FirstMemory);
        let mut has_start = false;
        let mut has_code = false;
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload.ok()?;
            let Some((id, range)) = payload.as_section() else { continue };
            if is_one_of(id, BEHIND_MEMORY) && !has_memory {
                rewritten.section(&one_page());
                has_memory = true;
            }
            if is_one_of(id, BEHIND_START) && !has_start {
                let mut start = Vec::new();
                self.functions.encode(&mut start);
                rewritten.section(&RawSection { id: SectionId::Start.into(), data: &start });
                has_start = true;
            }
            let content = module.get(range.clone())?;
            let changed = match payload {
                Payload::TypeSection(_) => with_item(content, &[0x60, 0, 0])?,
                Payload::FunctionSection(_) => {
                    let mut ty = Vec::new();
                    self.types.encode(&mut ty);
                    with_item(content, &ty)?
                }
                Payload::CodeSectionStart { .. } => {
                    has_code = true;
                    with_item(content, &self.start_function(memory))?
                }
                Payload::GlobalSection(_) => self.without_values(module, range)?,
                // The module needs a private memory, but it already has a memory section.
                Payload::MemorySection(_) if !has_memory => return None,
                _ => content.to_vec(),
            };
            rewritten.section(&RawSection { id, data: &changed });
        }
        (has_memory && has_start && has_code).then(|| rewritten.finish())
    }

    /// Returns the section of global variables, with 0 in place of the initial values.
    fn without_values(&self, module: &[u8], section: Range<usize>) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let mut from = section.start;
        for MovedGlobal { initial, .. } in &self.moved {
            content.extend(module.get(from..initial.start)?);
            content.extend(ZERO);
            from = initial.end;
        }
        content.extend(module.get(from..section.end)?);
        Some(content)
    }

    /// Returns the function that sets the variables. The function also clears the memory that holds the values, unless
    /// the memory is private.
    fn start_function(&self, memory: ValuesMemory) -> Vec<u8> {
        let mut function = wasm_encoder::Function::new([]);
        let memory_index = match memory {
            ValuesMemory::FirstMemory => 0,
            ValuesMemory::PrivateMemory(index) => index,
        };
        let at = wasm_encoder::MemArg { offset: 0, align: 2, memory_index };
        for (address, moved) in (0..).step_by(4).zip(&self.moved) {
            let mut code = function.instructions();
            code.i32_const(address).i32_load(at).global_set(moved.index);
            if let ValuesMemory::FirstMemory = memory {
                code.i32_const(address).i32_const(0).i32_store(at);
            }
        }
        function.instructions().end();
        let mut encoded = Vec::new();
        function.encode(&mut encoded);
        encoded
    }
}

fn is_one_of<const N: usize>(id: u8, sections: [SectionId; N]) -> bool {
    sections.map(u8::from).contains(&id)
}

/// Returns a section with one memory that has one page and cannot grow.
fn one_page() -> wasm_encoder::MemorySection {
    let mut memories = wasm_encoder::MemorySection::new();
    memories.memory(wasm_encoder::MemoryType {
        minimum: 1,
        maximum: Some(1),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    memories
}

/// Returns the value of an expression that consists of a single number.
fn constant(expression: &ConstExpr<'_>) -> Option<i32> {
    let mut operators = expression.get_operators_reader();
    let Operator::I32Const { value } = operators.read().ok()? else { return None };
    matches!(operators.read().ok()?, Operator::End).then_some(value)
}

/// Returns the content of a section with one item added.
fn with_item(section: &[u8], item: &[u8]) -> Option<Vec<u8>> {
    let mut reader = BinaryReader::new(section, 0);
    let count = reader.read_var_u32().ok()?;
    let mut content = Vec::new();
    count.checked_add(1)?.encode(&mut content);
    content.extend(section.get(reader.current_position()..)?);
    content.extend(item);
    Some(content)
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Instance, Module, Store};

    use super::*;

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).expect("it is valid")
    }

    const TWO: &str = r#"(module
        (import "host" "f" (func $imported))
        (import "host" "g" (global $imported i32))
        (memory (export "memory") 1)
        (global (export "a") (mut i32) (i32.const -7))
        (global (export "b") i32 (i32.const 8))
        (global (export "c") (mut i64) (i64.const 9))
        (global (export "d") (mut i32) (i32.const 1000000))
        (table 1 funcref) (elem (i32.const 0) $own)
        (func $own (export "own") (result i32) global.get 1))"#;

    #[test]
    fn variables_have_their_values_again_and_the_memory_is_clear() -> wasmtime::Result<()> {
        let Moved { module, values } = move_to_memory(&module(TWO), 8).expect("two variables");
        assert_eq!(values, [(-7_i32).to_le_bytes(), 1_000_000_i32.to_le_bytes()].concat());
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let text = with_data(&module, 0, &values);
        let compiled = Module::new(&engine, text)?;
        let f = wasmtime::Func::wrap(&mut store, || ());
        let i32 = wasmtime::GlobalType::new(wasmtime::ValType::I32, wasmtime::Mutability::Const);
        let g = wasmtime::Global::new(&mut store, i32, 5.into())?;
        let instance = Instance::new(&mut store, &compiled, &[f.into(), g.into()])?;
        let mut value = |name: &str| {
            let global = instance.get_global(&mut store, name).expect("it is exported");
            global.get(&mut store)
        };
        assert_eq!(value("a").i32(), Some(-7));
        assert_eq!(value("b").i32(), Some(8));
        assert_eq!(value("c").i64(), Some(9));
        assert_eq!(value("d").i32(), Some(1_000_000));
        let memory = instance.get_memory(&mut store, "memory").expect("it is exported");
        assert!(memory.data(&store).iter().all(|byte| *byte == 0));
        Ok(())
    }

    /// Adds the data that would be in an image.
    fn with_data(module: &[u8], memory: usize, values: &[u8]) -> Vec<u8> {
        let memories = "(memory 1)".repeat(memory + 1);
        let data = values.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let segment =
            format!("(module {memories} (data (memory {memory}) (i32.const 0) \"{data}\"))");
        let segment = wat::parse_str(segment).expect("it is valid");
        let mut bytes = module.to_vec();
        for payload in Parser::new(0).parse_all(&segment) {
            if let Payload::DataSection(section) = payload.expect("it is valid") {
                let content = &segment[section.range()];
                bytes.push(SectionId::Data.into());
                content.len().encode(&mut bytes);
                bytes.extend(content);
            }
        }
        bytes
    }

    const ADAPTER: &str = r#"(module
        (import "env" "one" (memory 1))
        (import "env" "two" (memory 1))
        (global $stack_pointer (export "a") (mut i32) (i32.const 11709904))
        (global (export "b") (mut i32) (i32.const 0))
        (global (export "c") i32 (i32.const 2))
        (global (export "d") (mut i32) (i32.const -1))
        (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (export "f") (result i32)
          (i32.store8 1 (i32.const 0) (i32.load8_u (i32.const 0)))
          (i32.load 1 (i32.const 0))))"#;

    #[test]
    fn variables_of_module_with_imported_memories_come_from_a_memory_that_nobody_else_sees()
    -> wasmtime::Result<()> {
        let Moved { module, values } =
            move_to_private_memory(&module(ADAPTER), 2).expect("three variables");
        assert_eq!(values, [11_709_904_i32, 0, -1].map(i32::to_le_bytes).concat());
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let compiled = Module::new(&engine, with_data(&module, 2, &values))?;
        let ty = wasmtime::MemoryType::new(1, None);
        let one = wasmtime::Memory::new(&mut store, ty.clone())?;
        let two = wasmtime::Memory::new(&mut store, ty)?;
        one.data_mut(&mut store)[..4].copy_from_slice(b"abcd");
        two.data_mut(&mut store)[..4].copy_from_slice(b"efgh");
        let instance = Instance::new(&mut store, &compiled, &[one.into(), two.into()])?;
        let mut value = |name: &str| {
            let global = instance.get_global(&mut store, name).expect("it is exported");
            global.get(&mut store).i32()
        };
        let values = ["a", "b", "c", "d"].map(&mut value);
        assert_eq!(values, [11_709_904, 0, 2, -1].map(Some));
        assert_eq!(one.data(&store)[..4], *b"abcd", "the module wrote to an imported memory");
        assert_eq!(two.data(&store)[..4], *b"efgh", "the module wrote to an imported memory");
        let f = instance.get_typed_func::<(), i32>(&mut store, "f")?;
        assert_eq!(f.call(&mut store, ())?.to_le_bytes(), *b"afgh");
        Ok(())
    }

    #[test]
    fn modules_with_imported_memories_that_differ_only_in_values_become_the_same() {
        let other = ADAPTER.replace("11709904", "1").replace("-1", "0");
        let [one, other] = [ADAPTER, &other]
            .map(|text| move_to_private_memory(&module(text), 2).expect("variables"));
        assert!(one.module == other.module && one.values != other.values);
        let engine = Engine::default();
        Module::new(&engine, &one.module).expect("it is valid");
    }

    #[test]
    fn modules_that_gain_nothing_from_a_private_memory_stay_as_they_are() {
        let moved = |text: &str| move_to_private_memory(&module(text), 2).is_some();
        assert!(moved(ADAPTER));
        assert!(!moved(&ADAPTER.replace("11709904", "0").replace("-1", "0")), "not a snapshot");
        let started = ADAPTER.replace("(table", "(func $start) (start $start) (table");
        assert!(!moved(&started));
        assert!(!moved(&ADAPTER.replace("(mut i32)", "i32")));
    }

    #[test]
    fn modules_that_differ_only_in_values_become_the_same() {
        let other = TWO.replace("-7", "123456").replace("1000000", "1");
        let [one, other] =
            [TWO, &other].map(|text| move_to_memory(&module(text), 8).expect("variables"));
        assert!(one.module == other.module && one.values != other.values);
        let constant = TWO.replace("i32.const 8", "i32.const 9");
        let constant = move_to_memory(&module(&constant), 8).expect("variables");
        assert!(one.module != constant.module, "compiled code may contain the value of a constant");
    }

    #[test]
    fn modules_without_variables_or_room_stay_as_they_are() {
        let moved = |text: &str, free| move_to_memory(&module(text), free).is_some();
        assert!(!moved(TWO, 7));
        assert!(!moved("(module (memory 1) (func) (global i32 (i32.const 1)))", 8));
        let started = TWO.replace("(table 1 funcref)", "(start $imported) (table 1 funcref)");
        assert!(!moved(&started, 8));
        assert!(!moved("(module (memory 1) (global (mut i32) (i32.const 1)))", 8), "no function");
    }

    #[test]
    fn no_module_makes_this_panic() {
        let whole = module(TWO);
        for length in 0..whole.len() {
            let _ = move_to_memory(&whole[..length], 8);
            let _ = move_to_private_memory(&whole[..length], 1);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = move_to_memory(&changed, 8);
                let _ = move_to_private_memory(&changed, 1);
            }
        }
    }
}

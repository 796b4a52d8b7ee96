//! Takes the initial values of global variables out of a core module.
//!
//! A snapshot of an interpreter has these values, such as the stack pointer, and they can differ although the code does
//! not. Here they become data: at its start, the module reads them from the beginning of its memory, and clears that.

use std::ops::Range;

use wasm_encoder::{Encode, RawSection, SectionId};
use wasmparser::{BinaryReader, ConstExpr, Global, Operator, Parser, Payload, ValType};

/// How many variables are taken out at most. Each costs some instructions for each instance.
const MAX_GLOBALS: usize = 1024;

/// The code of a constant expression with the value 0.
const ZERO: [u8; 3] = [0x41, 0, 0x0b];

/// A module without the initial values of its variables, and the values: the content of its memory from address 0 on.
pub(super) struct Moved {
    pub(super) module: Vec<u8>,
    pub(super) values: Vec<u8>,
}

/// Takes out the initial values of a module's variables. `free` is the size of the part of its first memory, from
/// address 0 on, that has no data. Returns `None` if the module has no such variables or no room for them, if it starts
/// with code of its own, or if it is malformed.
pub(super) fn move_to_memory(module: &[u8], free: usize) -> Option<Moved> {
    let outline = Outline::read(module)?;
    let values: Vec<u8> =
        outline.moved.iter().flat_map(|moved| moved.value.to_le_bytes()).collect();
    if values.is_empty() || values.len() > free || outline.moved.len() > MAX_GLOBALS {
        return None;
    }
    let module = outline.rewrite(module)?;
    Some(Moved { module, values })
}

/// What matters of a module.
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
    /// Where its initial value is in the module.
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
                        // A group of several types is one item of the section.
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

    fn rewrite(&self, module: &[u8]) -> Option<Vec<u8>> {
        let mut rewritten = wasm_encoder::Module::new();
        let mut has_start = false;
        let mut has_code = false;
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload.ok()?;
            let Some((id, range)) = payload.as_section() else { continue };
            let behind_start =
                [SectionId::Element, SectionId::DataCount, SectionId::Code, SectionId::Data]
                    .map(u8::from)
                    .contains(&id);
            if behind_start && !has_start {
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
                    with_item(content, &self.start_function())?
                }
                Payload::GlobalSection(_) => self.without_values(module, range)?,
                _ => content.to_vec(),
            };
            rewritten.section(&RawSection { id, data: &changed });
        }
        (has_start && has_code).then(|| rewritten.finish())
    }

    /// Returns the section of global variables with 0 in place of their values.
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

    /// Returns the function that sets the variables, and clears the memory that they come from.
    fn start_function(&self) -> Vec<u8> {
        let mut function = wasm_encoder::Function::new([]);
        let at = wasm_encoder::MemArg { offset: 0, align: 2, memory_index: 0 };
        for (address, moved) in (0..).step_by(4).zip(&self.moved) {
            let mut code = function.instructions();
            code.i32_const(address).i32_load(at).global_set(moved.index);
            code.i32_const(address).i32_const(0).i32_store(at);
        }
        function.instructions().end();
        let mut encoded = Vec::new();
        function.encode(&mut encoded);
        encoded
    }
}

/// Returns the value of an expression that is only a number.
fn constant(expression: &ConstExpr<'_>) -> Option<i32> {
    let mut operators = expression.get_operators_reader();
    let Operator::I32Const { value } = operators.read().ok()? else { return None };
    matches!(operators.read().ok()?, Operator::End).then_some(value)
}

/// Returns the content of a section with one more item.
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
        // The data that an image would hold.
        let data = values.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let text = with_data(&module, &data);
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

    /// Adds the data that an image would hold.
    fn with_data(module: &[u8], data: &str) -> Vec<u8> {
        let segment =
            wat::parse_str(format!("(module (memory 1) (data (i32.const 0) \"{data}\"))"));
        let segment = segment.expect("it is valid");
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
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = move_to_memory(&changed, 8);
            }
        }
    }
}

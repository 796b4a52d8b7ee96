//! Takes the data out of a core module.

use wasm_encoder::RawSection;
use wasmparser::{
    Data, DataKind, DataSectionReader, Encoding, MemoryType, Operator, Parser, Payload, TypeRef,
};

use super::globals::{self, Moved};
use super::{Contents, THRESHOLD, WASM_PAGE};

/// The parts of a core module that matter here.
pub(super) struct Module<'a> {
    bytes: &'a [u8],
    /// The memories that an instance creates, in the order of creation. They are those that the module defines,
    /// followed by its private memory.
    pub(super) memories: Vec<Memory<'a>>,
    is_separable: bool,
    /// The module without data and without the initial values of its variables.
    moved: Option<Moved>,
    /// Whether the last of `memories` exists only to hold the initial values of the variables.
    has_private_memory: bool,
}

/// A memory that a module defines.
pub(super) struct Memory<'a> {
    /// The initial size, in bytes.
    pub(super) minimum: usize,
    contents: Contents<'a>,
}

impl<'a> Module<'a> {
    /// Reads a module. Returns `None` if it is malformed. In that case the compiler reports the reason.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut module = Self {
            bytes,
            memories: Vec::new(),
            is_separable: true,
            moved: None,
            has_private_memory: false,
        };
        let mut imported_memories = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.ok()? {
                Payload::Version { encoding: Encoding::Component, .. } => return None,
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let is_memory = matches!(import.ok()?.ty, TypeRef::Memory(_));
                        imported_memories += u32::from(is_memory);
                    }
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        module.memories.push(Memory::of_type(memory.ok()?)?);
                    }
                }
                Payload::DataSection(data) => {
                    let read = module.read_data(data, imported_memories);
                    module.is_separable = read.is_some();
                }
                _ => {}
            }
        }
        let data = module.memories.iter().map(|memory| memory.contents.size()).sum::<usize>();
        module.is_separable &= data >= THRESHOLD;
        if module.is_separable && imported_memories == 0 {
            module.moved = module
                .memories
                .first()
                .map(|memory| memory.contents.start().unwrap_or(memory.minimum))
                .and_then(|free| globals::move_to_memory(&module.strip()?, free));
        }
        if imported_memories > 0
            && module.memories.is_empty()
            && let Some(moved) = globals::move_to_private_memory(bytes, imported_memories)
        {
            module.moved = Some(moved);
            module.has_private_memory = true;
            module.memories.push(Memory { minimum: WASM_PAGE, contents: Contents::default() });
        }
        Some(module)
    }

    /// Returns whether the module gets a private memory for the initial values of its variables.
    pub(super) fn has_private_memory(&self) -> bool {
        self.has_private_memory
    }

    /// Gives up the private memory, if there is one. The initial values that it would hold stay inside the module.
    pub(super) fn without_private_memory(mut self) -> Self {
        if self.has_private_memory {
            self.has_private_memory = false;
            self.moved = None;
            self.memories.clear();
        }
        self
    }

    /// Collects the data of the memories. At its start, the module must copy all its data to fixed places in its own
    /// memories. Returns `None` for any other module, because an image would not have the same effect.
    fn read_data(&mut self, data: DataSectionReader<'a>, imported_memories: u32) -> Option<()> {
        for segment in data {
            let Data { kind: DataKind::Active { memory_index, offset_expr }, data, .. } =
                segment.ok()?
            else {
                return None;
            };
            let mut offset = offset_expr.get_operators_reader();
            let Operator::I32Const { value } = offset.read().ok()? else { return None };
            let Operator::End = offset.read().ok()? else { return None };
            let offset = usize::try_from(value.cast_unsigned()).ok()?;
            let index = usize::try_from(memory_index.checked_sub(imported_memories)?).ok()?;
            let memory = self.memories.get_mut(index)?;
            if offset.checked_add(data.len())? > memory.minimum {
                return None;
            }
            if !data.is_empty() {
                memory.contents.segments.push((offset, data));
            }
        }
        Some(())
    }

    /// Returns whether the module has enough data for an image, and only data that an image can hold.
    pub(super) fn is_separable(&self) -> bool {
        self.is_separable
    }

    /// Returns whether [`without_data`](Self::without_data) may replace the module.
    pub(super) fn is_replaceable(&self) -> bool {
        self.is_separable || self.has_private_memory
    }

    /// Returns the content of a memory's image, if there is any.
    pub(super) fn contents(&self, memory: usize) -> Option<Contents<'_>> {
        let mut segments = self.memories.get(memory)?.contents.segments.clone();
        if let Some(moved) = self.moved.as_ref().filter(|_| memory == 0) {
            segments.push((0, &moved.values));
        }
        Some(Contents { segments }).filter(|contents| self.is_replaceable() && contents.size() > 0)
    }

    /// Returns the module without the content of its images.
    pub(super) fn without_data(&self) -> Option<Vec<u8>> {
        match &self.moved {
            Some(moved) => Some(moved.module.clone()),
            None => self.strip(),
        }
    }

    /// Returns the module without its data. If an instruction uses data, the module becomes invalid and is refused.
    /// Even in the original module, such an instruction would find no data: when the module starts, all its data is
    /// copied to memory and then dropped.
    fn strip(&self) -> Option<Vec<u8>> {
        let mut module = wasm_encoder::Module::new();
        for payload in Parser::new(0).parse_all(self.bytes) {
            match payload.ok()? {
                Payload::DataSection(_) | Payload::DataCountSection { .. } => {}
                payload => {
                    if let Some((id, range)) = payload.as_section() {
                        module.section(&RawSection { id, data: self.bytes.get(range)? });
                    }
                }
            }
        }
        Some(module.finish())
    }
}

impl<'a> Memory<'a> {
    /// Returns an empty memory. Returns `None` for kinds of memory that the engine refuses.
    fn of_type(ty: MemoryType) -> Option<Self> {
        let MemoryType { memory64: false, shared: false, initial, page_size_log2: None, .. } = ty
        else {
            return None;
        };
        let minimum = usize::try_from(initial).ok()?.checked_mul(WASM_PAGE)?;
        Some(Self { minimum, contents: Contents::default() })
    }
}

impl Contents<'_> {
    /// Returns the lowest offset that contains data.
    fn start(&self) -> Option<usize> {
        self.segments.iter().map(|(offset, _)| *offset).min()
    }

    fn size(&self) -> usize {
        self.segments.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

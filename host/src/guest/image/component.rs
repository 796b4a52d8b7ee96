//! Takes the data out of a component.

use std::io::Result;
use std::sync::Arc;

use wasm_encoder::RawSection;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Payload,
};

use super::module::Module;
use super::{Image, Images};
use crate::guest::payloads::{any, own_payloads};

/// How deeply components may be nested. Parsing a component also parses everything nested in it, so a component that is
/// nested in `n` others is parsed `n` + 1 times.
const MAX_DEPTH: usize = 4;

/// How many modules an instance may create. `limits.rs` sets the same limit on core instances, apart from those that
/// the host adds.
const MAX_CREATED: usize = 64;

/// How many private memories an instance may have. Each takes a page or two of memory that is charged to nobody.
/// Components from real toolchains need one, for their adapter from WASI 0.1.
const MAX_PRIVATE_MEMORIES: usize = 4;

/// A component without its data, and the data.
pub(in crate::guest) struct Separated {
    pub(in crate::guest) component: Vec<u8>,
    pub(in crate::guest) images: Arc<Images>,
}

/// Takes the data out of a component. Returns `None` if the component has little data, or data that cannot be shared.
/// Also returns `None`, and logs why, if no file in memory can be created for the data. In all these cases the
/// component remains unchanged.
pub(in crate::guest) fn separate(component: &[u8]) -> Option<Separated> {
    let mut outline = Outline::read(component, MAX_DEPTH)?;
    let mut created = outline.created()?;
    if !created.iter().any(|module| module.is_separable()) {
        return None;
    }
    if private_memories(&created) > MAX_PRIVATE_MEMORIES {
        outline = outline.without_private_memories();
        created = outline.created()?;
    }
    let component = outline.without_data(component)?;
    match images(&created) {
        Ok(images) => Some(Separated { component, images: Arc::new(images) }),
        Err(error) => {
            tracing::warn!(
                "cannot share a component's data among its instances ({error}): each instance gets a copy of the data, \
                 and needs more memory"
            );
            None
        }
    }
}

/// Returns how many private memories an instance creates.
fn private_memories(created: &[&Module<'_>]) -> usize {
    created.iter().filter(|module| module.has_private_memory()).count()
}

/// Writes the data of the modules into files.
fn images(created: &[&Module<'_>]) -> Result<Images> {
    let mut memories = Vec::new();
    for module in created {
        for (index, memory) in module.memories.iter().enumerate() {
            let contents = module.contents(index);
            let image = contents.map(|contents| Image::new(memory.minimum, &contents));
            memories.push(image.transpose()?);
        }
    }
    Ok(Images::new(memories, private_memories(created)))
}

/// What a component contains, and what it does when it is instantiated.
#[derive(Default)]
struct Outline<'a> {
    /// The modules, in the order of their indices.
    modules: Vec<Module<'a>>,
    components: Vec<Outline<'a>>,
    /// The instances, in the order in which they are created.
    instances: Vec<Instantiated>,
}

/// The index of a module or component that is instantiated.
enum Instantiated {
    Module(usize),
    Component(usize),
}

impl<'a> Outline<'a> {
    /// Reads a component. Returns `None` if it is malformed, is nested more deeply than `depth`, or uses modules or
    /// components from elsewhere. If it used those, the order in which memories are created would be unknown.
    fn read(component: &'a [u8], depth: usize) -> Option<Self> {
        let mut outline = Self::default();
        for payload in own_payloads(component) {
            match payload? {
                Payload::Version { encoding: Encoding::Module, .. } => return None,
                Payload::ModuleSection { unchecked_range, .. } => {
                    outline.modules.push(Module::read(component.get(unchecked_range)?)?);
                }
                Payload::ComponentSection { unchecked_range, .. } => {
                    let inner = component.get(unchecked_range)?;
                    outline.components.push(Self::read(inner, depth.checked_sub(1)?)?);
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        if let Instance::Instantiate { module_index, .. } = instance.ok()? {
                            let module = usize::try_from(module_index).ok()?;
                            outline.instances.push(Instantiated::Module(module));
                        }
                    }
                }
                Payload::ComponentInstanceSection(instances) => {
                    for instance in instances {
                        if let ComponentInstance::Instantiate { component_index, .. } =
                            instance.ok()?
                        {
                            let component = usize::try_from(component_index).ok()?;
                            outline.instances.push(Instantiated::Component(component));
                        }
                    }
                }
                payload if takes_from_elsewhere(&payload)? => return None,
                _ => {}
            }
        }
        Some(outline)
    }

    /// Gives up the private memories. The initial values that they would hold stay inside the modules.
    fn without_private_memories(self) -> Self {
        let modules = self.modules.into_iter().map(Module::without_private_memory).collect();
        let components = self.components.into_iter().map(Self::without_private_memories).collect();
        Self { modules, components, instances: self.instances }
    }

    /// Returns the modules that an instance creates, in the order of creation. Returns `None` if there are too many, or
    /// if a module is unknown.
    fn created(&self) -> Option<Vec<&Module<'a>>> {
        let mut created = Vec::new();
        self.create(&mut created)?;
        Some(created)
    }

    fn create<'b>(&'b self, created: &mut Vec<&'b Module<'a>>) -> Option<()> {
        for instance in &self.instances {
            match instance {
                Instantiated::Module(module) => created.push(self.modules.get(*module)?),
                Instantiated::Component(inner) => self.components.get(*inner)?.create(created)?,
            }
            if created.len() > MAX_CREATED {
                return None;
            }
        }
        Some(())
    }

    fn without_data(&self, component: &[u8]) -> Option<Vec<u8>> {
        let mut without_data = wasm_encoder::Component::new();
        let (mut modules, mut components) = (self.modules.iter(), self.components.iter());
        for payload in own_payloads(component) {
            let payload = payload?;
            let Some((id, range)) = payload.as_section() else { continue };
            let bytes = component.get(range)?;
            let changed = match payload {
                Payload::ModuleSection { .. } => match modules.next()? {
                    module if module.is_replaceable() => Some(module.without_data()?),
                    _ => None,
                },
                Payload::ComponentSection { .. } => Some(components.next()?.without_data(bytes)?),
                _ => None,
            };
            without_data.section(&RawSection { id, data: changed.as_deref().unwrap_or(bytes) });
        }
        Some(without_data.finish())
    }
}

/// Returns whether a section adds an index for a module or component that is defined elsewhere. Returns `None` for a
/// malformed section.
fn takes_from_elsewhere(payload: &Payload<'_>) -> Option<bool> {
    match payload {
        Payload::ComponentImportSection(imports) => any(imports.clone(), |import| {
            matches!(import.ty, ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_))
        }),
        Payload::ComponentExportSection(exports) => {
            any(exports.clone(), |export| is_code(export.kind))
        }
        Payload::ComponentAliasSection(aliases) => any(aliases.clone(), |alias| match alias {
            ComponentAlias::InstanceExport { kind, .. } => is_code(*kind),
            ComponentAlias::CoreInstanceExport { .. } => false,
            ComponentAlias::Outer { kind, .. } => matches!(
                kind,
                ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::Component
            ),
        }),
        _ => Some(false),
    }
}

fn is_code(kind: ComponentExternalKind) -> bool {
    matches!(kind, ComponentExternalKind::Module | ComponentExternalKind::Component)
}

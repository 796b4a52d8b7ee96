//! The interface of a WIT package as components see it: names and types, without documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use wit_parser::{
    Function, Handle, InterfaceId, PackageId, PackageName, Resolve, Type, TypeDefKind, TypeId,
    TypeOwner, World, WorldItem,
};

/// The names and types of a package.
#[derive(Debug)]
pub struct Surface {
    /// Including its version.
    pub(crate) package: PackageName,
    pub(crate) interfaces: BTreeMap<String, Interface>,
    pub(crate) worlds: BTreeMap<String, Exchange>,
}

/// An interface.
#[derive(Debug, Default)]
pub(crate) struct Interface {
    /// The named types, with their definitions.
    pub(crate) types: BTreeMap<String, Named>,
    pub(crate) functions: BTreeMap<String, Signature>,
}

/// A named type.
#[derive(Debug)]
pub(crate) struct Named {
    /// The kind, such as `record`.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// A function.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) parameters: usize,
    pub(crate) text: String,
}

/// The imports and exports of a world.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) imports: BTreeSet<String>,
    pub(crate) exports: BTreeSet<String>,
}

impl Surface {
    /// Reads the package in this directory.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is not valid WIT.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_dir(folder)
            .with_context(|| format!("cannot read the WIT in {}", folder.display()))?;
        Ok(Self::of(&resolve, package))
    }

    fn of(resolve: &Resolve, package: PackageId) -> Self {
        let package = &resolve.packages[package];
        let interfaces = package.interfaces.iter().map(|(name, id)| {
            let interface = &resolve.interfaces[*id];
            let types =
                interface.types.iter().map(|(name, id)| (name.clone(), named(resolve, *id)));
            let functions = interface.functions.iter();
            let functions = functions.map(|(name, it)| (name.clone(), signature(resolve, it)));
            (name.clone(), Interface { types: types.collect(), functions: functions.collect() })
        });
        let worlds = package.worlds.iter();
        let worlds =
            worlds.map(|(name, id)| (name.clone(), exchange(resolve, &resolve.worlds[*id])));
        Self {
            package: package.name.clone(),
            interfaces: interfaces.collect(),
            worlds: worlds.collect(),
        }
    }

    /// Returns the interfaces that components export in any world.
    pub(crate) fn exported(&self) -> BTreeSet<&str> {
        self.worlds.values().flat_map(|world| &world.exports).map(String::as_str).collect()
    }
}

fn named(resolve: &Resolve, id: TypeId) -> Named {
    let kind = &resolve.types[id].kind;
    Named { kind: kind.as_str(), text: definition(resolve, kind) }
}

fn signature(resolve: &Resolve, function: &Function) -> Signature {
    let parameters: Vec<_> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, text(resolve, &parameter.ty)))
        .collect();
    let result = match &function.result {
        None => String::new(),
        Some(result) => format!(" -> {}", text(resolve, result)),
    };
    let how = if function.kind.is_async() { "async func" } else { "func" };
    let text = format!("{how}({}){result}", parameters.join(", "));
    Signature { parameters: parameters.len(), text }
}

fn exchange(resolve: &Resolve, world: &World) -> Exchange {
    let names = |items: &wit_parser::IndexMap<_, WorldItem>| {
        items
            .iter()
            .map(|(key, item)| match item {
                WorldItem::Interface { id, .. } => interface_name(resolve, *id),
                WorldItem::Function(_) | WorldItem::Type { .. } => resolve.name_world_key(key),
            })
            .collect()
    };
    Exchange { imports: names(&world.imports), exports: names(&world.exports) }
}

fn interface_name(resolve: &Resolve, id: InterfaceId) -> String {
    resolve.interfaces[id].name.clone().unwrap_or_default()
}

/// Returns a type as a component sees it, with aliases replaced by the types that they name.
fn text(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
    let kind = &resolve.types[*id].kind;
    match kind {
        TypeDefKind::Resource => resource_name(resolve, *id),
        _ => definition(resolve, kind),
    }
}

fn optional(resolve: &Resolve, ty: Option<&Type>) -> String {
    ty.map_or_else(|| "_".into(), |ty| text(resolve, ty))
}

fn all<'a>(resolve: &Resolve, types: impl IntoIterator<Item = &'a Type>) -> String {
    types.into_iter().map(|ty| text(resolve, ty)).collect::<Vec<_>>().join(", ")
}

fn definition(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let word = kind.as_str();
    match kind {
        TypeDefKind::Type(ty) => text(resolve, ty),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => {
            format!("{word}<{}>", resource_name(resolve, *id))
        }
        TypeDefKind::Option(ty) | TypeDefKind::List(ty) => format!("{word}<{}>", text(resolve, ty)),
        TypeDefKind::Result(result) => {
            let [ok, err] = [&result.ok, &result.err].map(|ty| optional(resolve, ty.as_ref()));
            format!("{word}<{ok}, {err}>")
        }
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => {
            format!("{word}<{}>", optional(resolve, ty.as_ref()))
        }
        TypeDefKind::Tuple(tuple) => format!("{word}<{}>", all(resolve, &tuple.types)),
        TypeDefKind::Map(key, value) => format!("{word}<{}>", all(resolve, [key, value])),
        TypeDefKind::FixedLengthList(ty, length) => {
            format!("list<{}, {length}>", text(resolve, ty))
        }
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields =
                fields.map(|field| format!("{}: {}", field.name, text(resolve, &field.ty)));
            braced(word, fields)
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            let cases = cases.map(|case| match &case.ty {
                None => case.name.clone(),
                Some(ty) => format!("{}({})", case.name, text(resolve, ty)),
            });
            braced(word, cases)
        }
        TypeDefKind::Enum(words) => braced(word, words.cases.iter().map(|case| case.name.clone())),
        TypeDefKind::Flags(flags) => braced(word, flags.flags.iter().map(|flag| flag.name.clone())),
        TypeDefKind::Resource | TypeDefKind::Unknown => word.into(),
    }
}

fn braced(word: &str, parts: impl Iterator<Item = String>) -> String {
    format!("{word} {{ {} }}", parts.collect::<Vec<_>>().join(", "))
}

fn resource_name(resolve: &Resolve, mut id: TypeId) -> String {
    while let TypeDefKind::Type(Type::Id(same)) = resolve.types[id].kind {
        id = same;
    }
    let resource = &resolve.types[id];
    let name = resource.name.as_deref().unwrap_or_default();
    match resource.owner {
        TypeOwner::Interface(owner) => format!("{}.{name}", interface_name(resolve, owner)),
        TypeOwner::World(_) | TypeOwner::None => name.into(),
    }
}

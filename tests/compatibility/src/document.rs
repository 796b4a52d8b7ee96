//! Renders the contract as a page. `document WIT PAGE` checks that the page is up to date; `--write` writes it.
//!
//! The anchors of the page are names of the contract: `#topics`, `#topics.publish`,
//! `#clients.send-options.set-except`. The anchor of a world is its name after `#world-`.

#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use wit_parser::{
    Case, Docs, Function, FunctionKind, Handle, IndexMap, Interface, InterfaceId, Resolve, Result_,
    Type, TypeDef, TypeDefKind, TypeId, TypeOwner, World, WorldItem, WorldKey,
};

const HEAD: &str = "<!-- Generated from wit/ by `make contract`. -->";

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (wit, path, writes) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [wit, page] => (wit, page, false),
        [wit, page, "--write"] => (wit, page, true),
        _ => anyhow::bail!("usage: document WIT PAGE [--write]"),
    };
    let page = page(Path::new(wit))?;
    if writes {
        std::fs::write(path, page)?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::fs::read_to_string(path).unwrap_or_default() == page {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{path} does not match wit/: run `make contract`");
    Ok(ExitCode::FAILURE)
}

fn page(wit: &Path) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let package = &resolve.packages[package];
    let worlds: Vec<_> = package.worlds.values().map(|id| &resolve.worlds[*id]).collect();
    let mut exported = Vec::new();
    for id in worlds.iter().flat_map(|world| interfaces(&world.exports)) {
        if !exported.contains(&id) {
            exported.push(id);
        }
    }
    let all = package.interfaces.values().copied();
    let imported: Vec<_> = all.filter(|id| !exported.contains(id)).collect();
    let mut page = Page { resolve: &resolve, blocks: vec![HEAD.to_owned()] };
    page.block("# The contract");
    page.block(format!(
        "The package `{}`: a component exports functions that the host calls, and imports functions\n\
         of the host.",
        package.name
    ));
    page.block("## Worlds");
    for (index, world) in worlds.iter().enumerate() {
        page.world(world, &worlds[..index]);
    }
    page.block("## Exports");
    for id in exported {
        page.interface(id);
    }
    page.block("## Imports");
    for id in imported {
        page.interface(id);
    }
    Ok(page.blocks.join("\n\n") + "\n")
}

fn interfaces(items: &IndexMap<WorldKey, WorldItem>) -> impl Iterator<Item = InterfaceId> {
    items.values().filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    })
}

/// A page as blocks of Markdown, with a blank line between two blocks.
struct Page<'a> {
    resolve: &'a Resolve,
    blocks: Vec<String>,
}

impl<'a> Page<'a> {
    fn block(&mut self, text: impl Into<String>) {
        self.blocks.push(text.into());
    }

    fn heading(&mut self, level: usize, anchor: &str, name: &str) {
        self.block(format!("{} <a id=\"{anchor}\"></a>`{name}`", "#".repeat(level)));
    }

    fn docs(&mut self, docs: &Docs) {
        if let Some(docs) = &docs.contents {
            self.block(docs.trim_end());
        }
    }

    fn code(&mut self, wit: &str) {
        self.block(format!("```wit\n{wit}\n```"));
    }

    /// Adds a world. Its imports are left to an earlier world that has the same.
    fn world(&mut self, world: &World, earlier: &[&World]) {
        self.heading(3, &format!("world-{}", world.name), &world.name);
        self.docs(&world.docs);
        if !world.exports.is_empty() {
            self.block(format!("Exports: {}.", self.links(&world.exports)));
        }
        let has_same = |other: &&&World| interfaces(&other.imports).eq(interfaces(&world.imports));
        let imports = match earlier.iter().find(has_same) {
            Some(World { name, .. }) => format!("those of [`{name}`](#world-{name})"),
            None => self.links(&world.imports),
        };
        self.block(format!("Imports: {imports}."));
    }

    fn links(&self, items: &IndexMap<WorldKey, WorldItem>) -> String {
        let links = interfaces(items).map(|id| {
            let name = self.interface_name(id);
            format!("[`{name}`](#{name})")
        });
        links.collect::<Vec<_>>().join(", ")
    }

    fn interface(&mut self, id: InterfaceId) {
        let Interface { types, functions, docs, .. } = &self.resolve.interfaces[id];
        let interface = self.interface_name(id);
        self.heading(3, interface, interface);
        self.docs(docs);
        let (own, used): (Vec<_>, Vec<_>) =
            types.iter().partition(|(_, ty)| self.owner(**ty) == Some(id));
        let links = used.into_iter().filter_map(|(name, ty)| {
            let owner = self.interface_name(self.owner(*ty)?);
            Some(format!("[`{name}`](#{owner}.{name})"))
        });
        let links: Vec<_> = links.collect();
        if !links.is_empty() {
            self.block(format!("Uses {}.", links.join(", ")));
        }
        for (name, ty) in own {
            let anchor = format!("{interface}.{name}");
            self.type_definition(&anchor, name, *ty);
            for method in functions.values().filter(|it| it.kind.resource() == Some(*ty)) {
                self.function(5, &anchor, method);
            }
        }
        for function in functions.values().filter(|it| it.kind.resource().is_none()) {
            self.function(4, interface, function);
        }
    }

    fn function(&mut self, level: usize, scope: &str, function: &Function) {
        let name = function.item_name();
        self.heading(level, &format!("{scope}.{name}"), name);
        let is_method = matches!(function.kind, FunctionKind::Method(_));
        let parameters = function.params.iter().skip(usize::from(is_method));
        let parameters = parameters.map(|it| format!("{}: {}", it.name, self.text(&it.ty)));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        self.code(&match (&function.kind, &function.result) {
            (FunctionKind::Constructor(_), _) => format!("constructor({parameters});"),
            (_, None) => format!("{name}: func({parameters});"),
            (_, Some(result)) => format!("{name}: func({parameters}) -> {};", self.text(result)),
        });
        self.docs(&function.docs);
    }

    fn type_definition(&mut self, anchor: &str, name: &str, id: TypeId) {
        let TypeDef { kind, docs, .. } = &self.resolve.types[id];
        self.heading(4, anchor, name);
        match kind {
            TypeDefKind::Resource => self.code(&format!("resource {name};")),
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|Case { name, ty, docs, .. }| {
                    let docs = docs.contents.as_deref().unwrap_or_default().lines();
                    let docs: String = docs.map(|line| format!("  /// {line}\n")).collect();
                    let ty = ty.as_ref().map(|ty| format!("({})", self.text(ty)));
                    format!("{docs}  {name}{},\n", ty.unwrap_or_default())
                });
                let cases: String = cases.collect();
                self.code(&format!("variant {name} {{\n{cases}}}"));
            }
            kind => self.code(&format!("type {name} = {};", self.definition(kind))),
        }
        self.docs(docs);
    }

    /// Returns a type as WIT writes it.
    fn text(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
        let TypeDef { name, kind, .. } = &self.resolve.types[*id];
        name.clone().unwrap_or_else(|| self.definition(kind))
    }

    fn definition(&self, kind: &TypeDefKind) -> String {
        let word = kind.as_str();
        match kind {
            TypeDefKind::Type(ty) => self.text(ty),
            TypeDefKind::Handle(Handle::Own(id)) => self.text(&Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => {
                format!("{word}<{}>", self.text(&Type::Id(*id)))
            }
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) => format!("{word}<{}>", self.text(ty)),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.text(ty)).collect();
                format!("{word}<{}>", types.join(", "))
            }
            TypeDefKind::Result(Result_ { ok, err }) => {
                let [ok, err] = [ok, err].map(|ty| ty.as_ref().map(|ty| self.text(ty)));
                match (ok, err) {
                    (None, None) => word.to_owned(),
                    (Some(ok), None) => format!("{word}<{ok}>"),
                    (ok, Some(err)) => format!("{word}<{}, {err}>", ok.as_deref().unwrap_or("_")),
                }
            }
            // `check-growth` refuses these types.
            _ => word.to_owned(),
        }
    }

    /// Returns the interface that defines a type.
    fn owner(&self, id: TypeId) -> Option<InterfaceId> {
        match &self.resolve.types[id] {
            TypeDef { kind: TypeDefKind::Type(Type::Id(original)), .. } => self.owner(*original),
            TypeDef { owner: TypeOwner::Interface(interface), .. } => Some(*interface),
            _ => None,
        }
    }

    fn interface_name(&self, id: InterfaceId) -> &'a str {
        self.resolve.interfaces[id].name.as_deref().unwrap_or_default()
    }
}

//! Checks a component's exports and imports before its first instance is created, and explains what is wrong with them.

use std::path::Path;

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentNamedList, Lift, Lower};
use wasmtime::error::Context;
use wasmtime::{Engine, Error, Result};

use super::contract;
use super::error::{LoadError, WasmtimeError};

/// The interface that a component must export.
pub(super) const HANDLER: &str = "ws-host:socket/handler@0.1.0";

/// The prefix of WASI interface names, and the version whose functions are asynchronous.
const WASI: &str = "wasi:";
const ASYNCHRONOUS: &str = "@0.3";

/// The prefix of the file interface's name, and the name of the function in it that opens a file.
const FILES: &str = "wasi:filesystem/types@";
const OPEN_FILE: &str = "[method]descriptor.open-at";

/// Finds the exported handler, in any compatible version. Does not check its functions.
pub(super) fn handler(
    engine: &Engine,
    component: &Component,
    path: &Path,
) -> Result<ComponentInstance, LoadError> {
    match component.get_export(None, HANDLER) {
        Some((ComponentItem::ComponentInstance(handler), _)) => Ok(handler),
        _ => {
            let exported = component.component_type();
            let found = exported.exports(engine).map(|(name, _)| name.to_owned()).collect();
            Err(LoadError::NoHandler { path: path.into(), wanted: HANDLER, found })
        }
    }
}

/// Checks that the handler has every function that the host calls, with the right type.
pub(super) fn functions(
    engine: &Engine,
    component: &Component,
    handler: &ComponentInstance,
    path: &Path,
) -> Result<(), LoadError> {
    let check = Check { engine, component, handler };
    check.functions().map_err(|error| LoadError::HandlerMismatch {
        path: path.into(),
        cause: WasmtimeError(error),
    })
}

/// Returns the error for a component that imports something that the host does not provide.
pub(super) fn import_error(
    engine: &Engine,
    component: &Component,
    path: &Path,
    error: Error,
) -> LoadError {
    let imported = component.component_type();
    let mut names = imported.imports(engine).map(|(name, _)| name);
    let is_asynchronous = names.any(|name| name.starts_with(WASI) && name.contains(ASYNCHRONOUS));
    let (path, cause) = (path.to_owned(), WasmtimeError(error));
    if is_asynchronous {
        LoadError::Asynchronous { path, cause }
    } else if contract::is_named_in(&cause.0) {
        let built_for = contract::latest_version(engine, component);
        LoadError::Unserved { path, built_for, cause }
    } else {
        LoadError::Import { path, cause }
    }
}

/// Returns whether a component has code that opens files.
pub(super) fn opens_files(engine: &Engine, component: &Component) -> bool {
    component.component_type().imports(engine).any(|(name, item)| {
        name.starts_with(FILES)
            && matches!(item.ty, ComponentItem::ComponentInstance(files)
                if files.exports(engine).any(|(function, _)| function == OPEN_FILE))
    })
}

struct Check<'a> {
    engine: &'a Engine,
    component: &'a Component,
    handler: &'a ComponentInstance,
}

impl Check<'_> {
    fn functions(&self) -> Result<()> {
        self.function::<(u64,), (bool,)>("connected")?;
        self.function::<(u64, &str), ()>("received-text")?;
        self.function::<(u64, &[u8]), ()>("received-binary")?;
        self.function::<(u64, &[u8]), ()>("received-pong")?;
        self.function::<(u64,), ()>("disconnected")
    }

    fn function<Parameters, Results>(&self, name: &str) -> Result<()>
    where
        Parameters: ComponentNamedList + Lower,
        Results: ComponentNamedList + Lift,
    {
        let function = self.find(name).with_context(|| format!("`{name}` is missing"))?;
        let types = self.component.component_type();
        function
            .typecheck::<Parameters, Results>(&types.instance_type())
            .with_context(|| format!("`{name}` does not have the type that this host expects"))
    }

    fn find(&self, name: &str) -> Option<ComponentFunc> {
        match self.handler.get_export(self.engine, name)?.ty {
            ComponentItem::ComponentFunc(function) => Some(function),
            _ => None,
        }
    }
}

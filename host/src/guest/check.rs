//! Whether a component exports the handler that the host calls, said in words that help.

use std::path::Path;

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentNamedList, Lift, Lower};
use wasmtime::error::Context;
use wasmtime::{Engine, Result};

use super::bindings::ws_host::socket::types::{Acceptance, Disconnection, Rejection, Request};
use super::error::{Cause, LoadError};

/// The interface that a component must export.
pub(super) const HANDLER: &str = "ws-host:socket/handler@0.1.0";

/// The same without its version.
const HANDLER_OF_ANY_VERSION: &str = "ws-host:socket/handler";

/// The exported handler, whatever its functions are.
pub(super) fn handler(
    engine: &Engine,
    component: &Component,
    path: &Path,
) -> Result<ComponentInstance, LoadError> {
    let exported = component.component_type();
    match exported.get_export(engine, HANDLER).map(|export| export.ty) {
        Some(ComponentItem::ComponentInstance(handler)) => Ok(handler),
        _ => {
            let found = exported.exports(engine).map(|(name, _)| name.to_owned()).collect();
            Err(no_handler(path, found))
        }
    }
}

/// Finds out before the first instance is made whether every call could be made.
pub(super) fn functions(
    engine: &Engine,
    component: &Component,
    handler: &ComponentInstance,
    path: &Path,
) -> Result<(), LoadError> {
    let check = Check { engine, component, handler };
    check
        .functions()
        .map_err(|error| LoadError::HandlerMismatch { path: path.into(), cause: Cause(error) })
}

fn no_handler(path: &Path, found: Vec<String>) -> LoadError {
    let path = path.to_owned();
    let of_other_version =
        found.iter().find(|name| name.split('@').next() == Some(HANDLER_OF_ANY_VERSION));
    match of_other_version {
        Some(other) => LoadError::OtherVersion { path, wanted: HANDLER, found: other.clone() },
        None => LoadError::NoHandler { path, wanted: HANDLER, found },
    }
}

struct Check<'a> {
    engine: &'a Engine,
    component: &'a Component,
    handler: &'a ComponentInstance,
}

impl Check<'_> {
    fn functions(&self) -> Result<()> {
        self.function::<(u64, &Request), (Result<Acceptance, Rejection>,)>("connected")?;
        self.function::<(u64, &str), ()>("received-text")?;
        self.function::<(u64, &[u8]), ()>("received-binary")?;
        self.function::<(u64, &[u8]), ()>("received-pong")?;
        self.function::<(u64, &Disconnection), ()>("disconnected")
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
            .with_context(|| format!("`{name}` has another type"))
    }

    fn find(&self, name: &str) -> Option<ComponentFunc> {
        match self.handler.get_export(self.engine, name)?.ty {
            ComponentItem::ComponentFunc(function) => Some(function),
            _ => None,
        }
    }
}

//! What a component may export and need not.

use std::sync::Arc;

use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};
use wasmtime::error::Context;
use wasmtime::{AsContextMut, Result};

/// The names of the interfaces.
const LIFECYCLE: &str = "ws-host:socket/lifecycle@0.1.0";
const TIMERS_LISTENER: &str = "ws-host:socket/timers-listener@0.1.0";
const CUSTOM_LISTENER: &str = "ws-host:socket/custom-listener@0.1.0";

type Suspend = TypedFunc<(), (Option<Vec<u8>>,)>;
type Resume = TypedFunc<(Option<Arc<[u8]>>, Vec<u64>), (Result<(), String>,)>;
type Fired = TypedFunc<(u64,), ()>;
type ReceivedCustom = TypedFunc<(Vec<u8>,), (Result<Vec<u8>, String>,)>;

/// Where the functions are found in every instance of a component.
pub(super) struct OptionalIndices {
    lifecycle: Option<(ComponentExportIndex, ComponentExportIndex)>,
    fired: Option<ComponentExportIndex>,
    received_custom: Option<ComponentExportIndex>,
}

/// The functions of one instance.
pub(super) struct Optional {
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) fired: Option<Fired>,
    pub(super) received_custom: Option<ReceivedCustom>,
}

/// The interface `lifecycle`.
pub(super) struct Lifecycle {
    pub(super) suspend: Suspend,
    pub(super) resume: Resume,
}

impl OptionalIndices {
    /// # Errors
    ///
    /// An interface that is exported lacks a function.
    pub(super) fn find(component: &Component) -> Result<Self> {
        let find = |interface, name| match component.get_export_index(None, interface) {
            None => Ok(None),
            Some(index) => function(component, &index, interface, name).map(Some),
        };
        let lifecycle = find(LIFECYCLE, "suspend")?.zip(find(LIFECYCLE, "resume")?);
        let fired = find(TIMERS_LISTENER, "fired")?;
        let received_custom = find(CUSTOM_LISTENER, "received-custom")?;
        Ok(Self { lifecycle, fired, received_custom })
    }

    /// Whether the component carries state from one instance to the next.
    pub(super) fn has_lifecycle(&self) -> bool {
        self.lifecycle.is_some()
    }

    /// # Errors
    ///
    /// A function has another type.
    pub(super) fn load(
        &self,
        mut store: impl AsContextMut,
        instance: &Instance,
    ) -> Result<Optional> {
        let lifecycle = match &self.lifecycle {
            None => None,
            Some((suspend, resume)) => Some(Lifecycle {
                suspend: typed(&mut store, instance, suspend, "suspend")?,
                resume: typed(&mut store, instance, resume, "resume")?,
            }),
        };
        let fired = match &self.fired {
            None => None,
            Some(fired) => Some(typed(&mut store, instance, fired, "fired")?),
        };
        let received_custom = match &self.received_custom {
            None => None,
            Some(index) => Some(typed(&mut store, instance, index, "received-custom")?),
        };
        Ok(Optional { lifecycle, fired, received_custom })
    }
}

fn function(
    component: &Component,
    interface: &ComponentExportIndex,
    of: &str,
    name: &str,
) -> Result<ComponentExportIndex> {
    component
        .get_export_index(Some(interface), name)
        .with_context(|| format!("{of} is exported without its function `{name}`"))
}

fn typed<Parameters, Results>(
    store: impl AsContextMut,
    instance: &Instance,
    index: &ComponentExportIndex,
    name: &str,
) -> Result<TypedFunc<Parameters, Results>>
where
    Parameters: ComponentNamedList + Lower,
    Results: ComponentNamedList + Lift,
{
    instance
        .get_typed_func(store, index)
        .with_context(|| format!("`{name}` has another type than this host calls"))
}

//! The optional exports of a component.

use std::sync::Arc;

use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};
use wasmtime::error::Context;
use wasmtime::{AsContextMut, Result};

const BURST_LISTENER: &str = "ws-host:socket/burst-listener@0.1.0";
const LIFECYCLE: &str = "ws-host:socket/lifecycle@0.1.0";
const TIMERS_LISTENER: &str = "ws-host:socket/timers-listener@0.1.0";
const CUSTOM_LISTENER: &str = "ws-host:socket/custom-listener@0.1.0";
const DRAINED_LISTENER: &str = "ws-host:socket/drained-listener@0.1.0";
const STOP_LISTENER: &str = "ws-host:socket/stop-listener@0.1.0";
const EXPIRY_LISTENER: &str = "ws-host:socket/expiry-listener@0.1.0";

type Suspend = TypedFunc<(), (Option<Vec<u8>>,)>;
type Resume = TypedFunc<(Option<Arc<[u8]>>,), (Result<(), String>,)>;
type Fired = TypedFunc<(u64,), ()>;
type Drained = TypedFunc<(u64,), ()>;
type Stopping = TypedFunc<(), ()>;
type Expiring = TypedFunc<(u64,), ()>;
type ReceivedBurst = TypedFunc<(u64,), ()>;
type ReceivedCustom = TypedFunc<(Vec<u8>,), (Result<Vec<u8>, String>,)>;

/// The indices of the functions. They are the same for every instance of a component.
pub(super) struct OptionalIndices {
    received_burst: Option<ComponentExportIndex>,
    lifecycle: Option<(ComponentExportIndex, ComponentExportIndex)>,
    fired: Option<ComponentExportIndex>,
    received_custom: Option<ComponentExportIndex>,
    drained: Option<ComponentExportIndex>,
    stopping: Option<ComponentExportIndex>,
    expiring: Option<ComponentExportIndex>,
}

/// The functions of one instance.
pub(super) struct Optional {
    pub(super) received_burst: Option<ReceivedBurst>,
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) fired: Option<Fired>,
    pub(super) received_custom: Option<ReceivedCustom>,
    pub(super) drained: Option<Drained>,
    pub(super) stopping: Option<Stopping>,
    pub(super) expiring: Option<Expiring>,
}

/// The interface `lifecycle`.
pub(super) struct Lifecycle {
    pub(super) suspend: Suspend,
    pub(super) resume: Resume,
}

impl OptionalIndices {
    /// Finds the optional exports of a component.
    ///
    /// # Errors
    ///
    /// Fails if an interface is exported without one of its functions.
    pub(super) fn find(component: &Component) -> Result<Self> {
        let find = |interface, name| match component.get_export_index(None, interface) {
            None => Ok(None),
            Some(index) => function(component, &index, interface, name).map(Some),
        };
        let received_burst = find(BURST_LISTENER, "received-burst")?;
        let lifecycle = find(LIFECYCLE, "suspend")?.zip(find(LIFECYCLE, "resume")?);
        let fired = find(TIMERS_LISTENER, "fired")?;
        let received_custom = find(CUSTOM_LISTENER, "received-custom")?;
        let drained = find(DRAINED_LISTENER, "drained")?;
        let stopping = find(STOP_LISTENER, "stopping")?;
        let expiring = find(EXPIRY_LISTENER, "expiring")?;
        Ok(Self { received_burst, lifecycle, fired, received_custom, drained, stopping, expiring })
    }

    /// Returns whether the component can pass its state from one instance to the next.
    pub(super) fn has_lifecycle(&self) -> bool {
        self.lifecycle.is_some()
    }

    /// Returns whether the component exports `drained`.
    pub(super) fn exports_drained(&self) -> bool {
        self.drained.is_some()
    }

    /// Returns whether the component exports `stopping`.
    pub(super) fn exports_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Returns whether the component exports `expiring`.
    pub(super) fn exports_expiring(&self) -> bool {
        self.expiring.is_some()
    }

    /// Loads the functions of one instance.
    ///
    /// # Errors
    ///
    /// Fails if a function does not have the type that the host expects.
    pub(super) fn load(
        &self,
        mut store: impl AsContextMut,
        instance: &Instance,
    ) -> Result<Optional> {
        let store = &mut store;
        let lifecycle = match &self.lifecycle {
            None => None,
            Some((suspend, resume)) => Some(Lifecycle {
                suspend: typed(&mut *store, instance, suspend, "suspend")?,
                resume: typed(&mut *store, instance, resume, "resume")?,
            }),
        };
        Ok(Optional {
            received_burst: load_exported(store, instance, &self.received_burst, "received-burst")?,
            lifecycle,
            fired: load_exported(store, instance, &self.fired, "fired")?,
            received_custom: load_exported(
                store,
                instance,
                &self.received_custom,
                "received-custom",
            )?,
            drained: load_exported(store, instance, &self.drained, "drained")?,
            stopping: load_exported(store, instance, &self.stopping, "stopping")?,
            expiring: load_exported(store, instance, &self.expiring, "expiring")?,
        })
    }
}

fn function(
    component: &Component,
    interface: &ComponentExportIndex,
    interface_name: &str,
    name: &str,
) -> Result<ComponentExportIndex> {
    component
        .get_export_index(Some(interface), name)
        .with_context(|| format!("{interface_name} is exported without its function `{name}`"))
}

/// Loads a function, if the component exports it.
fn load_exported<Parameters, Results>(
    store: &mut impl AsContextMut,
    instance: &Instance,
    index: &Option<ComponentExportIndex>,
    name: &str,
) -> Result<Option<TypedFunc<Parameters, Results>>>
where
    Parameters: ComponentNamedList + Lower,
    Results: ComponentNamedList + Lift,
{
    index.as_ref().map(|index| typed(store, instance, index, name)).transpose()
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
        .with_context(|| format!("`{name}` does not have the type that this host expects"))
}

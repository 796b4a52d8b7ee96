//! Options that a guest creates in the host. They are resources of the component model.

use std::marker::PhantomData;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, Resource, ResourceTable, ResourceType};

use super::Store;
use crate::guest::state::State;

/// The handle that a guest gets for options beyond the limit. No entry of a table has this handle, because all handles
/// of entries are lower.
const INVALID_HANDLE: u32 = u32::MAX;

/// An instance's options of one kind.
#[derive(Debug)]
pub(in crate::guest) struct OptionsTable<T> {
    /// Created for the first options, because many instances never create any.
    entries: Option<Box<ResourceTable>>,
    kind: PhantomData<fn() -> T>,
}

/// A type of options object that guests can create.
pub(in crate::guest) trait Options: Default + Send + Sync + 'static {
    /// The name of the resource in the contract.
    const NAME: &str;

    /// How many options of this kind an instance may have at once.
    const MAX: usize;

    /// Returns an instance's options of this kind.
    fn table(state: &mut State) -> &mut OptionsTable<Self>;
}

impl<T: Options> OptionsTable<T> {
    pub(in crate::guest) fn new() -> Self {
        Self { entries: None, kind: PhantomData }
    }

    /// Creates options. If the instance already has the maximum number of options, returns a handle without options.
    fn create(&mut self) -> Resource<T> {
        let entries = self.entries.get_or_insert_with(|| {
            let mut entries = ResourceTable::new();
            entries.set_max_capacity(T::MAX);
            Box::new(entries)
        });
        entries.push(T::default()).unwrap_or_else(|_| Resource::new_own(INVALID_HANDLE))
    }

    /// Returns the options of a handle.
    ///
    /// # Errors
    ///
    /// `too-many-options` if the instance already had the maximum number of options when it created this handle.
    pub(super) fn get(&self, handle: &Resource<T>) -> Result<&T, &'static str> {
        let entries = self.entries.as_ref().ok_or("too-many-options")?;
        entries.get(handle).map_err(|_| "too-many-options")
    }

    /// Returns the options of a handle, so that they can be changed. Returns `None` if the instance already had the
    /// maximum number of options when it created the handle: such a handle has no options. When the handle is used,
    /// [`get`](Self::get) reports the error.
    pub(super) fn get_mut(&mut self, handle: &Resource<T>) -> Option<&mut T> {
        self.entries.as_mut()?.get_mut(handle).ok()
    }
}

/// Adds the resource with its constructor to an interface.
pub(super) fn add_resource<T: Options>(interface: &mut LinkerInstance<'_, State>) -> Result<()> {
    interface.resource(T::NAME, ResourceType::host::<T>(), drop_options::<T>)?;
    interface.func_wrap(&format!("[constructor]{}", T::NAME), |mut store: Store<'_>, (): ()| {
        Ok((T::table(store.data_mut()).create(),))
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the linker requires a fallible function")]
fn drop_options<T: Options>(mut store: Store<'_>, handle: u32) -> Result<()> {
    // This fails for the invalid handle, because that handle is not in the table.
    if let Some(entries) = &mut T::table(store.data_mut()).entries {
        let _ = entries.delete(Resource::<T>::new_own(handle));
    }
    Ok(())
}

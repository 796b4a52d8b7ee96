//! Images: the initial content of memories, shared by the instances of a component.
//!
//! Components from JavaScript, Python and Go start with megabytes of data: the state of the interpreter and the script
//! after they were initialized. On the dense engine, wasmtime would copy this data into the memory of each new
//! instance. So the data is taken out of the component before it is compiled, and kept in a file in memory. A new
//! memory maps the file, so an instance takes memory only for the pages that it writes.

mod component;
mod file;
mod globals;
mod mappings;
mod module;
mod pending;
#[cfg(test)]
mod tests;

pub(super) use component::{Separated, separate};
pub(super) use file::Image;
pub(super) use mappings::{Mapping, Mappings};
pub(super) use pending::{Images, PendingImages, next};

/// The size of a page of WebAssembly memory, in bytes.
pub(in crate::guest) const WASM_PAGE: usize = 64 << 10;

/// How much data a module must have to get an image, in bytes. Copying less data takes about as long as mapping it, and
/// needs no mappings.
const THRESHOLD: usize = 128 << 10;

/// The data that was taken out of a module for one of its memories.
#[derive(Debug, Default)]
struct Contents<'a> {
    /// The segments: offsets in the memory, and bytes. A later segment overwrites earlier ones.
    segments: Vec<(usize, &'a [u8])>,
}

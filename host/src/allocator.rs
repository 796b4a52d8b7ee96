//! The allocator of the program, and its settings.

use std::ffi::c_char;
use std::sync::atomic::AtomicPtr;

use tikv_jemallocator::Jemalloc;

/// Returns the memory of hibernated instances to the system even while connections between them stay open; the system's
/// allocator keeps most of it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// A thread of jemalloc's own gives memory back to the system one second after it was freed. The variable
/// `_RJEM_MALLOC_CONF` overrides this.
///
/// jemalloc reads this symbol before `main`. An environment variable of the build would do the same, but builds from an
/// archive of cargo would not have it. This type is a pointer that a `static` may hold; nothing writes to it.
#[expect(unsafe_code, reason = "no other symbol has this name, and its type is that of jemalloc's")]
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: AtomicPtr<c_char> = AtomicPtr::new(
    c"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0".as_ptr().cast_mut(),
);

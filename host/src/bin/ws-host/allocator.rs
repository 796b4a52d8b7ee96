//! The allocator of the program, and its settings.

use std::ffi::c_char;
use std::sync::atomic::AtomicPtr;

use tikv_jemallocator::Jemalloc;

/// Memory of hibernated instances may lie between memory of open connections. Even then, jemalloc gives the memory of
/// the instances back to the system. The system's allocator would keep most of it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The jemalloc settings. A jemalloc thread gives memory back to the system one second after the memory was freed. The
/// environment variable `_RJEM_MALLOC_CONF` overrides these settings.
///
/// jemalloc reads this symbol before `main`. An environment variable at build time would have the same effect, but
/// would be missing in builds from a `cargo package` archive. The type is `AtomicPtr`, because a `static` may not hold
/// a plain pointer. Nothing writes to the symbol.
#[expect(
    unsafe_code,
    reason = "no other symbol has this name, and this one has the type that jemalloc declares"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: AtomicPtr<c_char> = AtomicPtr::new(
    c"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0".as_ptr().cast_mut(),
);

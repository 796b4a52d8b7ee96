//! The runtime of a later host. Its contract has functions, errors and interfaces that today's components do not know.

use std::sync::Arc;

use wasmtime::component::WasmStr;
use wasmtime::{Result, StoreContextMut};

use super::state::State;
use super::{CompileOptions, Density, Runtime};
use crate::platform::{Machine, Platform};

type Store<'a> = StoreContextMut<'a, State>;

/// Starts a runtime whose contract has an additional interface, function, cause and error. No component knows their
/// names.
pub(crate) fn runtime() -> Result<Runtime> {
    let runtime = extended()?;
    let is_first = runtime.for_large.set(Box::new(extended()?)).is_ok();
    assert!(is_first, "no component was loaded yet");
    Ok(runtime)
}

fn extended() -> Result<Runtime> {
    let platform: Arc<dyn Platform> = Arc::new(Machine);
    let options = CompileOptions::default();
    let mut runtime = Runtime::start(options, Density::Few, platform).expect("it starts");
    runtime.linker.allow_shadowing(true);
    let mut clients = runtime.linker.instance("ws-host:socket/clients@0.1.0")?;
    clients.func_wrap("grown", |_: Store<'_>, (client,): (u64,)| Ok((client,)))?;
    clients
        .func_wrap("close", |_: Store<'_>, _: (u64, u16, WasmStr)| Ok((Err::<(), _>("tired"),)))?;
    let mut disconnection = runtime.linker.instance("ws-host:socket/disconnection@0.1.0")?;
    disconnection.func_wrap("cause", |_: Store<'_>, _: (u64,)| Ok((Some("bored"),)))?;
    let mut weather = runtime.linker.instance("ws-host:socket/weather@0.1.0")?;
    weather.func_wrap("is-sunny", |_: Store<'_>, (): ()| Ok((true,)))?;
    Ok(runtime)
}

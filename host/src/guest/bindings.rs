//! Generated from `wit/`, and nothing else.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "resource-handler",
    exports: { default: async },
});

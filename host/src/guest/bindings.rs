//! The exports that every handler has. Everything here is generated from `wit/`, which `workspace/wit` links to.

wasmtime::component::bindgen!({
    path: "workspace/wit",
    inline: "package ws-host:host; world required-exports { export ws-host:socket/handler@0.1.0; }",
    world: "ws-host:host/required-exports",
    exports: { default: async },
});

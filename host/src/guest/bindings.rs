//! The exports that every handler has. Everything here is generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "package ws-host:host; world required-exports { export ws-host:socket/handler@0.1.0; }",
    world: "ws-host:host/required-exports",
    exports: { default: async },
});

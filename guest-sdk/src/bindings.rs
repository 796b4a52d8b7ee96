//! Bindings generated from `wit/`: the imports that every handler may use, and each optional export in a module of its
//! own, so that a handler can export any subset.

#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({
    path: "../wit",
    world: "imports",
    ownership: Borrowing { duplicate_if_necessary: true },
    generate_all,
});

pub mod handler {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world handler-exports { export ws-host:socket/handler@0.1.0; }",
        world: "ws-host:sdk/handler-exports",
        pub_export_macro: true,
        export_macro_name: "export_handler",
        generate_all,
    });
}

pub mod burst {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world burst-exports { import ws-host:socket/burst@0.1.0; export ws-host:socket/burst-listener@0.1.0; }",
        world: "ws-host:sdk/burst-exports",
        pub_export_macro: true,
        export_macro_name: "export_burst",
        generate_all,
    });
}

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world lifecycle-exports { export ws-host:socket/lifecycle@0.1.0; }",
        world: "ws-host:sdk/lifecycle-exports",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        generate_all,
    });
}

pub mod timers {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world timers-exports { export ws-host:socket/timers-listener@0.1.0; }",
        world: "ws-host:sdk/timers-exports",
        pub_export_macro: true,
        export_macro_name: "export_timers",
        generate_all,
    });
}

pub mod custom {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world custom-exports { export ws-host:socket/custom-listener@0.1.0; }",
        world: "ws-host:sdk/custom-exports",
        pub_export_macro: true,
        export_macro_name: "export_custom",
        generate_all,
    });
}

pub mod drained {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world drained-exports { export ws-host:socket/drained-listener@0.1.0; }",
        world: "ws-host:sdk/drained-exports",
        pub_export_macro: true,
        export_macro_name: "export_drained",
        generate_all,
    });
}

pub mod expiry {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world expiry-exports { export ws-host:socket/expiry-listener@0.1.0; }",
        world: "ws-host:sdk/expiry-exports",
        pub_export_macro: true,
        export_macro_name: "export_expiry",
        generate_all,
    });
}

pub mod stop {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package ws-host:sdk; world stop-exports { export ws-host:socket/stop-listener@0.1.0; }",
        world: "ws-host:sdk/stop-exports",
        pub_export_macro: true,
        export_macro_name: "export_stop",
        generate_all,
    });
}

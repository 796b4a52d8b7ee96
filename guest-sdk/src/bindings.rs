//! Generated from `wit/`, and nothing else.

#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({
    path: "../wit",
    world: "complete-handler",
    pub_export_macro: true,
    export_macro_name: "export_component",
});

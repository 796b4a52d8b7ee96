use super::{componentize, contract};
use crate::new::embedded;

fn refusal(wasm: &[u8]) -> String {
    format!("{:#}", componentize(wasm).expect_err("not a module of a handler"))
}

/// A handler that does nothing. It has the exports of the contract, and what the canonical ABI needs.
const SILENT: &str = r#"(module
  (func (export "ws-host:socket/handler@0.1.0#connected") (param i64) (result i32) i32.const 1)
  (func (export "ws-host:socket/handler@0.1.0#received-text") (param i64 i32 i32))
  (func (export "ws-host:socket/handler@0.1.0#received-binary") (param i64 i32 i32))
  (func (export "ws-host:socket/handler@0.1.0#received-pong") (param i64 i32 i32))
  (func (export "ws-host:socket/handler@0.1.0#disconnected") (param i64))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (memory (export "memory") 1))"#;

fn compile(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("valid text")
}

#[test]
fn the_program_knows_the_contract_in_its_version() {
    let resolve = contract::resolve().expect("the contract");
    let package = format!("{}@{}", contract::PACKAGE, contract::VERSION);
    let found: Vec<_> = resolve.packages.iter().map(|(_, it)| it.name.to_string()).collect();
    assert_eq!(found, [package]);
}

/// Does what `next-many` and `advance` do, but slower. These SDKs do not use it.
const SLOWER_BURSTS: &str = "next";

/// The SDK files for Go, and those for C and C++, import each function by its name.
#[test]
fn sdk_files_reach_every_function_of_the_contract() {
    let resolve = contract::resolve().expect("the contract");
    let go = embedded::text("host/templates/go/all/wshost/imports.go").expect("the file");
    let go_exports = embedded::text("host/templates/go/all/wshost/exports.go").expect("the file");
    let c = embedded::text("host/templates/c-common/all/ws_host/imports.h").expect("the file");
    let c_exports =
        embedded::text("host/templates/c-common/all/ws_host/events.c").expect("the file");
    for (_, interface) in resolve.interfaces.iter() {
        let name = interface.name.as_deref().expect("interfaces of the contract have names");
        for function in interface.functions.keys() {
            if function == SLOWER_BURSTS {
                continue;
            }
            if name == "handler" || name == "lifecycle" || name.ends_with("-listener") {
                let export = format!("//go:wasmexport ws-host:socket/{name}@0.1.0#{function}\n");
                assert!(go_exports.contains(&export), "the SDK file of Go lacks {export}");
                let export = format!("(\"{name}\", \"{function}\"");
                assert!(c_exports.contains(&export), "the SDK file of C lacks {export}");
            } else {
                let import = format!("//go:wasmimport ws-host:socket/{name}@0.1.0 {function}\n");
                assert!(go.contains(&import), "the SDK file of Go lacks {import}");
                let import = format!("FROM(\"{name}\", \"{function}\")");
                assert!(c.contains(&import), "the SDK file of C lacks {import}");
            }
        }
    }
}

#[test]
fn sdk_files_reach_every_function_of_the_capabilities() {
    let mut resolve = wit_parser::Resolve::default();
    contract::add_capabilities(&mut resolve).expect("the capabilities");
    let go = embedded::text("host/templates/go/all/wshost/imports.go").expect("the file");
    let c = embedded::text("host/templates/c-common/all/ws_host/imports.h").expect("the file");
    let mut interfaces = Vec::new();
    for (id, interface) in resolve.interfaces.iter() {
        let id = resolve.id_of(id).expect("interfaces of a package have names");
        let (_, name) = id.split_once("wasi:").expect("a package of WASI");
        for function in interface.functions.keys() {
            let import = format!("//go:wasmimport {id} {function}\n");
            assert!(go.contains(&import), "the SDK file of Go lacks {import}");
            let import = format!("FROM_WASI(\"{name}\", \"{function}\")");
            assert!(c.contains(&import), "the SDK file of C lacks {import}");
        }
        interfaces.push(id);
    }
    assert_eq!(interfaces, contract::CAPABILITIES);
}

#[test]
fn module_may_import_capabilities_and_only_those_it_imports_are_in_the_component() {
    let import = r#"(import "wasi:keyvalue/store@0.2.0-draft2" "open" (func (param i32 i32 i32)))"#;
    let module = SILENT.replace("(module", &format!("(module {import}"));
    let component = componentize(&compile(&module)).expect("a component");
    let text = String::from_utf8_lossy(&component);
    assert!(text.contains("wasi:keyvalue/store"), "{text}");
    for absent in ["wasi:keyvalue/atomics", "wasi:config", "ws-host:socket/outgoing"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
}

#[test]
fn a_module_becomes_a_component_that_exports_what_the_module_exports() {
    let component = componentize(&compile(SILENT)).expect("a component");
    assert_eq!(component[4..8], [0x0d, 0, 1, 0], "the version and layer of a component");
    let text = String::from_utf8_lossy(&component);
    assert!(text.contains("ws-host:socket/handler@0.1.0"), "{text}");
    assert!(!text.contains("timers-listener"), "only what the module exports: {text}");
}

#[test]
fn only_debuggers_miss_what_is_left_out() {
    let mut module = compile(SILENT);
    for (name, content) in [(".debug_info", "for debuggers"), ("note", "for others")] {
        let section =
            wasm_encoder::CustomSection { name: name.into(), data: content.as_bytes().into() };
        let mut encoded = Vec::new();
        wasm_encoder::Encode::encode(&section, &mut encoded);
        module.push(0);
        module.extend(encoded);
    }
    let component = componentize(&module).expect("a component");
    let text = String::from_utf8_lossy(&component);
    assert!(!text.contains("for debuggers"), "{text}");
    assert!(text.contains("for others"), "{text}");
}

#[test]
fn what_cannot_become_a_component_is_refused_with_the_reason() {
    let component = componentize(&compile(SILENT)).expect("a component");
    assert!(refusal(&component).contains("a component already"));
    assert!(refusal(b"#!/bin/sh\n").contains("not WebAssembly"));
    assert!(refusal(&compile(SILENT)[..40]).contains("damaged or incomplete"));
    assert!(refusal(&compile("(module)")).contains("exports no ws-host:socket/handler"));
    let old = SILENT.replace("0.1.0", "0.0.9");
    assert!(refusal(&compile(&old)).contains("built for version 0.0.9"));
    let lacking = SILENT.replace("@0.1.0#disconnected", "@0.1.0#something-else");
    let reason = refusal(&compile(&lacking));
    assert!(reason.contains("disconnected"), "{reason}");
}

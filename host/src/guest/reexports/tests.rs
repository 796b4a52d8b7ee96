//! Components with a module that exports their functions again.

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use super::*;

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).expect("well-formed text")
}

/// Returns the result of an exported function `add`.
fn added(component: &[u8], left: u32, right: u64) -> u64 {
    let engine = Engine::new(&Config::new()).expect("an engine");
    let component = Component::from_binary(&engine, component).expect("valid");
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component).expect("it starts");
    let add = instance.get_typed_func::<(u32, u64), (u64,)>(&mut store, "add").expect("there");
    add.call(&mut store, (left, right)).expect("it returns").0
}

const MODULE: &str = r#"
    (core module $m
      (import "" "unused" (func (param f64)))
      (memory (export "memory") 1)
      (func (export "id") (param i64) (result i64) (local.get 0))
      (func (export "add") (param i32 i64) (result i64)
        (i64.add (i64.extend_i32_u (local.get 0)) (local.get 1))))
    (core module $unused (func (export "unused") (param f64)))
    (core instance $unused (instantiate $unused))
    (core instance $i (instantiate $m (with "" (instance $unused))))"#;

#[test]
fn functions_are_those_of_the_component_and_come_from_the_added_instance() {
    let whole = component(&format!(
        r#"{MODULE}
        (alias core export $i "memory" (core memory $memory))
        (alias core export $i "add" (core func $add))
        (func (export "add") (param "left" u32) (param "right" u64) (result u64)
          (canon lift (core func $add)))
        (alias core export $i "id" (core func $id))
        (func (export "id") (param "it" u64) (result u64) (canon lift (core func $id)))"#
    ));
    let rewritten = with_reexports(&whole).expect("there are functions");
    assert_eq!((added(&whole, 3, 4), added(&rewritten, 3, 4)), (7, 7));
    let outline = Outline::read(&rewritten).expect("well-formed");
    let (source, names) = outline.lifted().expect("there are functions");
    assert_eq!((source, outline.instances[2]), (2, Some(2)));
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["add", "id"]);
}

#[test]
fn components_of_real_toolchains_have_a_place_for_the_module() {
    for language in ["c", "js", "rust"] {
        let folder = ws_host_test_support::root().join("tests/compatibility").join(language);
        let component = std::fs::read(folder.join("handler.wasm")).expect("it is checked in");
        assert!(with_reexports(&component).is_some(), "{language}");
    }
}

#[test]
fn functions_of_a_component_inside_come_from_an_added_instance_too() {
    let whole = component(&format!(
        r#"(component $inner {MODULE}
          (func (export "add") (param "left" u32) (param "right" u64) (result u64)
            (canon lift (core func $i "add"))))
        (instance $inside (instantiate $inner))
        (export "add" (func $inside "add"))"#
    ));
    let rewritten = with_reexports(&whole).expect("there is a function");
    assert!(rewritten.len() > whole.len());
    assert_eq!((added(&whole, 3, 4), added(&rewritten, 3, 4)), (7, 7));
}

#[test]
fn component_without_a_place_for_the_module_stays_as_it_is() {
    let lift = r#"(func (export "add") (param "left" u32) (param "right" u64) (result u64)
        (canon lift (core func $add)))"#;
    for text in [
        String::new(),
        MODULE.to_owned(),
        format!("{MODULE} (alias core export $i \"add\" (core func $add)) {lift} (core module)"),
        format!(
            "{MODULE} (alias core export $i \"add\" (core func $add)) {lift}
            (core instance (instantiate $unused))"
        ),
        format!(
            "{MODULE} (core instance $group (export \"add\" (func $i \"add\")))
            (alias core export $group \"add\" (core func $add)) {lift}"
        ),
    ] {
        assert_eq!(with_reexports(&component(&text)), None, "{text}");
    }
}

#[test]
fn cut_component_is_left_to_the_compiler() {
    let whole = component(&format!(
        "{MODULE} (func (export \"add\") (param \"left\" u32) (param \"right\" u64) (result u64)
        (canon lift (core func $i \"add\")))"
    ));
    assert!(with_reexports(&whole).is_some());
    for length in 0..whole.len() {
        // This must not panic. Some cuts leave a valid component, which may get a module.
        let _ = with_reexports(&whole[..length]);
    }
}

//! Takes data out of components, and puts it back into memories.

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use super::{Image, Images, PendingImages, Separated, next, separate};

const PAGE: usize = 4 << 10;

/// Returns 200,000 varied bytes, as a string in the text format. None of them is zero.
fn much_data() -> String {
    (0..200_000).map(|number| format!("\\{:02x}", number % 251 + 1)).collect()
}

fn component(text: &str) -> Vec<u8> {
    let text = format!("(component {})", text.replace("MUCH", &much_data()));
    wat::parse_str(text).expect("well-formed text")
}

fn separated(text: &str) -> Option<Separated> {
    separate(&component(text))
}

/// Returns the images for memories that have these initial sizes.
fn images(separated: Separated, minimums: &[usize]) -> Vec<Option<std::sync::Arc<Image>>> {
    let mut supply = Some(PendingImages::new(separated.images));
    PendingImages::during(&mut supply, || {
        minimums.iter().map(|minimum| next(*minimum).expect("expected")).collect()
    })
}

#[test]
fn component_without_its_data_and_the_image_make_the_same_memory() {
    let text = r#"
        (core module $m
          (memory (export "memory") 20)
          (data (i32.const 5) "first") (data (i32.const 1000000) "MUCH")
          (data (i32.const 1000002) "over") (data (i32.const 1300000) "") (data (i32.const 1310719) "z")
          (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))
        (core instance $i (instantiate $m))
        (func (export "load") (param "at" u32) (result u32) (canon lift (core func $i "load")))"#;
    let whole = component(text);
    let separated = separated(text).expect("much data");
    assert!(separated.component.len() + 200_000 < whole.len());
    let mut memory = vec![0; 20 << 16];
    let engine = Engine::new(&Config::new()).expect("an engine");
    let without_data = Component::from_binary(&engine, &separated.component).expect("valid");
    let image = images(separated, &[20 << 16]).remove(0).expect("an image");
    image.copy_to(&mut memory).expect("it fits");
    assert_eq!(image.range(), 0..20 << 16);

    let load = |component: &Component, at: usize| {
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, component).expect("it starts");
        let load = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "load").expect("exported");
        load.call(&mut store, (u32::try_from(at).expect("small"),)).expect("in bounds").0
    };
    let component = Component::from_binary(&engine, &whole).expect("valid");
    for at in [
        0, 5, 9, 10, 999_999, 1_000_000, 1_000_002, 1_000_005, 1_000_006, 1_199_999, 1_200_000,
        1_310_719,
    ] {
        assert_eq!(u32::from(memory[at]), load(&component, at), "at {at}");
    }
    assert_eq!(load(&without_data, 1_000_000), 0, "the data is still there");
}

#[test]
fn images_belong_to_memories_in_the_order_in_which_instances_create_them() {
    let text = r#"
        (core module $small (memory 1) (data (i32.const 0) "small"))
        (core module $unused (memory 9) (data (i32.const 0) "MUCH"))
        (core module $large (memory 5) (memory 4) (data (memory 1) (i32.const 4096) "MUCH"))
        (core module $none)
        (core instance (instantiate $large))
        (core instance (instantiate $none))
        (core instance (instantiate $small))
        (core instance (instantiate $large))"#;
    let separated = separated(text).expect("much data");
    let order = [5 << 16, 4 << 16, 1 << 16, 5 << 16, 4 << 16];
    let images = images(separated, &order);
    let has_image: Vec<_> = images.iter().map(Option::is_some).collect();
    assert_eq!(has_image, [false, true, false, false, true]);
    let image = images[1].as_ref().expect("an image");
    assert_eq!(image.range(), PAGE..PAGE + 200_000_usize.next_multiple_of(PAGE));
}

/// Returns a module with a memory and much data, and `adapters` modules that use its memory and have a variable.
fn with_adapters(value: i32, adapters: usize) -> String {
    let adapter = r#"(core instance (instantiate $adapter (with "env" (instance $main))))"#;
    format!(
        r#"(core module $main (memory (export "memory") 4) (data (i32.const 4096) "MUCH"))
           (core module $other (memory 2))
           (core module $adapter
             (import "env" "memory" (memory 1)) (global (mut i32) (i32.const {value})) (func))
           (core instance $main (instantiate $main))
           {}
           (core instance (instantiate $other))"#,
        adapter.repeat(adapters)
    )
}

#[test]
fn modules_that_use_the_memory_of_others_have_private_memories_in_their_turn() {
    let [one, two] = [7, -1].map(|value| separated(&with_adapters(value, 2)).expect("much data"));
    assert!(one.component == two.component, "the value is still there");
    assert_eq!(one.images.private_memories(), 2);
    let images = images(one, &[4 << 16, 1 << 16, 1 << 16, 2 << 16]);
    let has_image: Vec<_> = images.iter().map(Option::is_some).collect();
    assert_eq!(has_image, [true, true, true, false]);
    let mut memory = vec![0xff; 1 << 16];
    images[1].as_ref().expect("an image").copy_to(&mut memory).expect("it fits");
    assert_eq!(memory[..8], [7, 0, 0, 0, 0, 0, 0, 0]);
    let engine = Engine::new(&Config::new()).expect("an engine");
    Component::from_binary(&engine, &two.component).expect("valid");
}

#[test]
fn instances_have_few_private_memories() {
    let private = |adapters| {
        separated(&with_adapters(7, adapters)).expect("much data").images.private_memories()
    };
    assert_eq!([1, 4, 5, 50].map(private), [1, 4, 0, 0]);
    let [one, two] = [7, 8].map(|value| separated(&with_adapters(value, 5)).expect("much data"));
    assert!(one.component != two.component, "the value is lost");
    assert_eq!(images(one, &[4 << 16, 2 << 16]).iter().flatten().count(), 1);
}

#[test]
fn components_within_components_create_their_memories_in_their_turn() {
    let text = r#"
        (core module $a (memory 1))
        (component $inner
          (core module $b (memory 4) (data (i32.const 0) "MUCH"))
          (component $innermost (core module $c (memory 3)) (core instance (instantiate $c)))
          (instance (instantiate $innermost))
          (core instance (instantiate $b)))
        (core instance (instantiate $a))
        (instance (instantiate $inner))
        (core instance (instantiate $a))
        (instance (instantiate $inner))"#;
    let separated = separated(text).expect("much data");
    let engine = Engine::new(&Config::new()).expect("an engine");
    Component::from_binary(&engine, &separated.component).expect("valid");
    let order = [1, 3, 4, 1, 3, 4].map(|pages| pages << 16);
    let has_image: Vec<_> = images(separated, &order).iter().map(Option::is_some).collect();
    assert_eq!(has_image, [false, false, true, false, false, true]);
}

#[test]
fn other_memories_than_expected_are_an_error() {
    let text = r#"
        (core module $m (memory 4) (data (i32.const 0) "MUCH"))
        (core instance (instantiate $m))"#;
    let images = separated(text).expect("much data").images;
    let next_of = |images: &std::sync::Arc<Images>, minimums: &[usize]| {
        let mut supply = Some(PendingImages::new(std::sync::Arc::clone(images)));
        let mut results = Vec::new();
        for &minimum in minimums {
            results.push(PendingImages::during(&mut supply, || {
                next(minimum).map(|image| image.is_some())
            }));
        }
        results
    };
    assert_eq!(next_of(&images, &[4 << 16])[0], Ok(true));
    assert!(next_of(&images, &[5 << 16])[0].is_err());
    assert!(next_of(&images, &[4 << 16, 4 << 16])[1].is_err());
    assert!(matches!(next(4 << 16), Ok(None)), "no instance is being created");
}

#[test]
fn data_that_instances_cannot_share_stays_in_the_component() {
    let instantiated =
        |module: &str| format!("(core module $m {module}) (core instance (instantiate $m))");
    let laughs = (0..3)
        .fold(instantiated(r#"(memory 4) (data (i32.const 0) "MUCH")"#), |inner, _| {
            format!("(component $c {inner}) {}", "(instance (instantiate $c))".repeat(5))
        });
    for text in [
        laughs,
        instantiated(r#"(memory 4) (data (i32.const 0) "little")"#),
        instantiated(r#"(memory 4) (data "MUCH")"#),
        instantiated(r#"(memory 4) (data (i32.const 0) "MUCH") (data "passive")"#),
        instantiated(r#"(memory 4) (global $g i32 (i32.const 0)) (data (global.get $g) "MUCH")"#),
        // The data lies beyond the end of the memory, so the instance has to trap.
        instantiated(r#"(memory 4) (data (i32.const 100000) "MUCH")"#),
        instantiated(r#"(memory 4) (data (i32.const -1) "MUCH")"#),
        // Little data, and a variable of a module that uses the memory of another module.
        with_adapters(7, 1).replace("MUCH", "little"),
        // Data for the memory of another module.
        r#"(core module $a (memory (export "m") 4)) (core instance $a (instantiate $a))
           (core module $b (import "a" "m" (memory 4)) (data (i32.const 0) "MUCH"))
           (core instance (instantiate $b (with "a" (instance $a))))"#
            .to_owned(),
        // A module that is never instantiated.
        format!("(component {})", instantiated(r#"(memory 4) (data (i32.const 0) "MUCH")"#)),
        // Modules and components from elsewhere.
        r#"(core module $m (memory 4) (data (i32.const 0) "MUCH"))
           (component $c (alias outer 1 $m (core module $n)) (core instance (instantiate $n)))
           (instance (instantiate $c))"#
            .to_owned(),
        format!(
            r#"(import "m" (core module)) {}"#,
            instantiated(r#"(memory 4) (data (i32.const 0) "MUCH")"#)
        ),
    ] {
        assert!(separated(&text).is_none(), "{}", text.replace("MUCH", "…"));
    }
}

#[test]
fn no_file_makes_separation_panic() {
    let whole = component(
        r#"(core module $m (memory 4) (data (i32.const 0) "MUCH")) (core instance (instantiate $m))"#,
    );
    assert!(separate(&whole).is_some());
    for length in (0..whole.len()).step_by(7) {
        assert!(separate(&whole[..length]).is_none(), "cut at {length}");
    }
    // Tries each byte of the headers, and some bytes of the data.
    for at in (0..200).chain((200..whole.len()).step_by(9_973)) {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let _ = separate(&changed);
        }
    }
}

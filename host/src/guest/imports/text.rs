//! A string parameter, read in place in the guest's memory.
//!
//! Wasmtime's own string type, `WasmStr`, checks UTF-8 one character at a time. Echoing a long non-ASCII text spent
//! half of its time in this check. The type here checks UTF-8 with SIMD instructions. For this it needs the bytes of
//! the string. It gets them by reading the string as a list of bytes, which has the same layout.

#![expect(
    unsafe_code,
    reason = "the traits for a parameter type are unsafe to implement; the implementations call safe code only"
)]

use std::borrow::Cow;

use wasmtime::component::__internal::wasmtime_environ::component::{StringEncoding, TypeListIndex};
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, WasmList, WasmStr};
use wasmtime::{Result, StoreContext};

/// A string in the memory of a guest.
pub(super) enum Text {
    /// UTF-8, which guests in nearly all programming languages use.
    Utf8(WasmList<u8>),
    /// UTF-16 or Latin-1+UTF-16, the other two encodings of the component model.
    Other(WasmStr),
}

impl Text {
    /// Returns the text. It is copied only if the guest's encoding is not UTF-8.
    ///
    /// # Errors
    ///
    /// Fails if the guest passed invalid text.
    ///
    /// # Panics
    ///
    /// Panics if the text belongs to a guest of another store.
    pub(super) fn to_str<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Cow<'a, str>> {
        match self {
            Self::Utf8(bytes) => {
                let bytes = bytes.as_le_slice(store);
                // If the text is invalid, the standard library checks it again to report the position.
                let text = simdutf8::basic::from_utf8(bytes).or_else(|_| str::from_utf8(bytes))?;
                Ok(Cow::Borrowed(text))
            }
            Self::Other(text) => text.to_str(store),
        }
    }
}

// SAFETY: the layout in memory and the component type are those of wasmtime's own type for strings.
unsafe impl ComponentType for Text {
    type Lower = <WasmStr as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = WasmStr::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        WasmStr::typecheck(ty, types)
    }
}

// SAFETY: both functions only call functions of wasmtime, which check the range against the bounds of the memory. For
// both a UTF-8 string and a list of bytes, the length is the number of bytes.
unsafe impl Lift for Text {
    #[inline]
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> Result<Self> {
        match cx.options().string_encoding {
            StringEncoding::Utf8 => WasmList::linear_lift_from_flat(cx, any_list(), src)
                .map(Self::Utf8)
                // This fails again, but with an error about a string instead of a list.
                .or_else(|_| WasmStr::linear_lift_from_flat(cx, ty, src).map(Self::Other)),
            StringEncoding::Utf16 | StringEncoding::CompactUtf16 => {
                WasmStr::linear_lift_from_flat(cx, ty, src).map(Self::Other)
            }
        }
    }

    #[inline]
    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        match cx.options().string_encoding {
            StringEncoding::Utf8 => WasmList::linear_lift_from_memory(cx, any_list(), bytes)
                .map(Self::Utf8)
                .or_else(|_| WasmStr::linear_lift_from_memory(cx, ty, bytes).map(Self::Other)),
            StringEncoding::Utf16 | StringEncoding::CompactUtf16 => {
                WasmStr::linear_lift_from_memory(cx, ty, bytes).map(Self::Other)
            }
        }
    }
}

/// Returns some list type, in which `WasmList` looks up the type of its elements. If the elements are bytes, `WasmList`
/// does not use their type, so any list type will do. Every handler has a list type at index 0, because
/// `received-binary` takes a list.
fn any_list() -> InterfaceType {
    InterfaceType::List(TypeListIndex::from_u32(0))
}

#[cfg(test)]
mod tests {
    use wasmtime::component::{Component, Linker};
    use wasmtime::{Engine, Store, StoreContextMut};

    use super::*;

    /// Returns a component that passes a string to the host twice: as a string, and as the only element of a list. In
    /// the component's memory, the string is `bytes`.
    fn component(encoding: &str, bytes: &[u8], length: u32) -> String {
        let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!(
            r#"(component
              (import "pass" (func $pass (param "text" string) (param "texts" (list string))))
              (core module $memory
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00")
                (data (i32.const 4) "{length}")
                (data (i32.const 16) "{data}"))
              (core instance $memory (instantiate $memory))
              (core func $pass (canon lower (func $pass)
                (memory (core memory $memory "memory")) string-encoding={encoding}))
              (core module $caller
                (import "host" "pass" (func $pass (param i32 i32 i32 i32)))
                (func (export "run")
                  (call $pass (i32.const 16) (i32.const {number}) (i32.const 0) (i32.const 1))))
              (core instance $caller
                (instantiate $caller (with "host" (instance (export "pass" (func $pass))))))
              (func (export "run") (canon lift (core func $caller "run"))))"#,
            length = length.to_le_bytes().map(|byte| format!("\\{byte:02x}")).concat(),
            number = length.cast_signed(),
        )
    }

    /// Runs a `component` with these parameters, and returns the strings that the host received.
    fn received(encoding: &str, bytes: &[u8], length: u32) -> Result<Vec<String>> {
        let engine = Engine::default();
        let component = Component::new(&engine, component(encoding, bytes, length))?;
        let mut linker = Linker::new(&engine);
        linker.root().func_wrap(
            "pass",
            |mut store: StoreContextMut<'_, Vec<String>>, (text, texts): (Text, Vec<Text>)| {
                for text in std::iter::once(text).chain(texts) {
                    let text = text.to_str(&store)?.into_owned();
                    store.data_mut().push(text);
                }
                Ok(())
            },
        )?;
        let mut store = Store::new(&engine, Vec::new());
        let instance = linker.instantiate(&mut store, &component)?;
        instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
        Ok(store.into_data())
    }

    #[test]
    fn text_is_read_in_every_encoding() {
        let text = "Grüße, мир, 世界 🌍".repeat(10);
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let units = utf16.len() as u32 / 2;
        assert_eq!(received("utf8", text.as_bytes(), text.len() as u32).unwrap(), [&*text, &*text]);
        assert_eq!(received("utf16", &utf16, units).unwrap(), [&*text, &*text]);
        // In this encoding, the highest bit of the length says that the text is UTF-16.
        assert_eq!(received("latin1+utf16", &utf16, units | 1 << 31).unwrap(), [&*text, &*text]);
        assert_eq!(received("latin1+utf16", b"Gr\xfc\xdfe", 5).unwrap(), ["Grüße", "Grüße"]);
    }

    #[test]
    fn invalid_text_is_an_error_that_names_the_position() {
        for (bytes, position) in
            [(&b"abc\xff"[..], 3), (&[b"a".repeat(100), vec![0xc3]].concat(), 100)]
        {
            let error = received("utf8", bytes, bytes.len() as u32).unwrap_err();
            assert!(format!("{error:?}").contains(&format!("from index {position}")), "{error:?}");
        }
    }

    #[test]
    fn text_outside_of_the_memory_is_an_error() {
        for length in [0x1_0000, u32::MAX] {
            let error = received("utf8", b"", length).unwrap_err();
            assert!(format!("{error:?}").contains("string pointer/length out of"), "{error:?}");
        }
    }
}

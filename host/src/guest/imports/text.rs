//! A text of the guest's, read where it lies in the guest's memory.
//!
//! What wasmtime has for this, `WasmStr`, checks UTF-8 a character at a time: an echo of a long text that is
//! not ASCII spent half of its time there. Here it is checked with wide registers. For that the octets are
//! needed, and a list of octets has them: string and list lie in memory alike.

#![expect(
    unsafe_code,
    reason = "a type of its own for parameters is unsafe to declare; all that it does is safe"
)]

use std::borrow::Cow;

use wasmtime::component::__internal::wasmtime_environ::component::{StringEncoding, TypeListIndex};
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, WasmList, WasmStr};
use wasmtime::{Result, StoreContext};

/// A text in the memory of a guest.
pub(super) enum Text {
    /// The encoding of nearly all languages.
    Utf8(WasmList<u8>),
    /// UTF-16, with or without Latin-1.
    Other(WasmStr),
}

impl Text {
    /// The text, which is copied only if the guest has it in another encoding than UTF-8.
    ///
    /// # Errors
    ///
    /// The guest has broken its promise that this is text.
    ///
    /// # Panics
    ///
    /// If the text is of another store's guest.
    pub(super) fn to_str<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Cow<'a, str>> {
        match self {
            Self::Utf8(bytes) => {
                let bytes = bytes.as_le_slice(store);
                // Asked a second time, the standard library tells where the fault is.
                let text = simdutf8::basic::from_utf8(bytes).or_else(|_| str::from_utf8(bytes))?;
                Ok(Cow::Borrowed(text))
            }
            Self::Other(text) => text.to_str(store),
        }
    }
}

// SAFETY: how it lies in memory, and which type it has for a component, is told by wasmtime's own type for
// strings.
unsafe impl ComponentType for Text {
    type Lower = <WasmStr as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = WasmStr::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        WasmStr::typecheck(ty, types)
    }
}

// SAFETY: both ways are wasmtime's own, which hold the place against the bounds of the memory. Where the
// encoding is UTF-8, the length of a string is in octets, as that of a list of them.
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
                // What is wrong is then told of a string, not of a list.
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

/// A type of list, from which a list takes the type of its elements. Octets do not look at it. There is a
/// first one in every component that is a handler: `received-binary` takes a list.
fn any_list() -> InterfaceType {
    InterfaceType::List(TypeListIndex::from_u32(0))
}

#[cfg(test)]
mod tests {
    use wasmtime::component::{Component, Linker};
    use wasmtime::{Engine, Store, StoreContextMut};

    use super::*;

    /// A component that tells the host one text, which lies as these octets in its memory, and the same
    /// as the only one of a list.
    fn component(encoding: &str, bytes: &[u8], length: u32) -> String {
        let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!(
            r#"(component
              (import "tell" (func $tell (param "text" string) (param "texts" (list string))))
              (core module $memory
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00")
                (data (i32.const 4) "{length}")
                (data (i32.const 16) "{data}"))
              (core instance $memory (instantiate $memory))
              (core func $tell (canon lower (func $tell)
                (memory (core memory $memory "memory")) string-encoding={encoding}))
              (core module $teller
                (import "host" "tell" (func $tell (param i32 i32 i32 i32)))
                (func (export "run")
                  (call $tell (i32.const 16) (i32.const {number}) (i32.const 0) (i32.const 1))))
              (core instance $teller
                (instantiate $teller (with "host" (instance (export "tell" (func $tell))))))
              (func (export "run") (canon lift (core func $teller "run"))))"#,
            length = length.to_le_bytes().map(|byte| format!("\\{byte:02x}")).concat(),
            number = length.cast_signed(),
        )
    }

    /// What the host hears of it.
    fn told(encoding: &str, bytes: &[u8], length: u32) -> Result<Vec<String>> {
        let engine = Engine::default();
        let component = Component::new(&engine, component(encoding, bytes, length))?;
        let mut linker = Linker::new(&engine);
        linker.root().func_wrap(
            "tell",
            |mut store: StoreContextMut<'_, Vec<String>>, (text, texts): (Text, Vec<Text>)| {
                for text in std::iter::once(text).chain(texts) {
                    let heard = text.to_str(&store)?.into_owned();
                    store.data_mut().push(heard);
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
    fn text_is_heard_in_every_encoding() {
        let text = "Grüße, мир, 世界 🌍".repeat(10);
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let units = utf16.len() as u32 / 2;
        assert_eq!(told("utf8", text.as_bytes(), text.len() as u32).unwrap(), [&*text, &*text]);
        assert_eq!(told("utf16", &utf16, units).unwrap(), [&*text, &*text]);
        // The highest bit of the length says that it is UTF-16.
        assert_eq!(told("latin1+utf16", &utf16, units | 1 << 31).unwrap(), [&*text, &*text]);
        assert_eq!(told("latin1+utf16", b"Gr\xfc\xdfe", 5).unwrap(), ["Grüße", "Grüße"]);
    }

    #[test]
    fn what_is_no_text_is_an_error_that_tells_where() {
        for (bytes, place) in
            [(&b"abc\xff"[..], 3), (&[b"a".repeat(100), vec![0xc3]].concat(), 100)]
        {
            let error = told("utf8", bytes, bytes.len() as u32).unwrap_err();
            assert!(format!("{error:?}").contains(&format!("from index {place}")), "{error:?}");
        }
    }

    #[test]
    fn text_outside_of_the_memory_is_an_error() {
        for length in [0x1_0000, u32::MAX] {
            let error = told("utf8", b"", length).unwrap_err();
            assert!(format!("{error:?}").contains("string pointer/length out of"), "{error:?}");
        }
    }
}

//! The sections of a component.

use wasmparser::{FromReader, Parser, Payload, SectionLimited};

/// Returns the payloads of a component, but not those of the modules and components inside it. Yields `None` where the
/// component is malformed.
pub(super) fn own_payloads(component: &[u8]) -> impl Iterator<Item = Option<Payload<'_>>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(component).filter_map(move |payload| {
        let Ok(payload) = payload else { return Some(None) };
        let is_own = depth == 0;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_own.then_some(Some(payload))
    })
}

/// Returns whether a section has an item for which `is_such` holds. Returns `None` if the section is malformed.
pub(super) fn any<'a, T: FromReader<'a>>(
    section: SectionLimited<'a, T>,
    is_such: impl Fn(&T) -> bool,
) -> Option<bool> {
    let items = section.into_iter().map(|item| item.ok().map(|item| is_such(&item)));
    items.collect::<Option<Vec<_>>>().map(|items| items.contains(&true))
}

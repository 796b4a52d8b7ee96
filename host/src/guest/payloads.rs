//! The sections of a component.

use wasmparser::{Parser, Payload};

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

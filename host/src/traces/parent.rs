//! The parent of a trace. A client names the parent in its handshake, with the headers `traceparent` and `tracestate`
//! of W3C Trace Context.

use http::HeaderMap;
use http::header::HeaderValue;

/// The id of a trace. It is not all zeros.
pub(super) type TraceId = [u8; 16];

/// The id of a span. It is not all zeros.
pub(super) type SpanId = [u8; 8];

/// The length of a header of version 00, and the minimum length in later versions (§3.2).
const LENGTH: usize = 55;

/// The flag which says that the caller may have recorded the trace (§3.2.2.5.1).
const SAMPLED: u8 = 1;

/// The maximum number of bytes of `tracestate` that are passed on. §3.3.1.5 requires at least this number.
const MAX_STATE: usize = 512;

/// The span that caused a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) is_sampled: bool,
}

impl Parent {
    /// Returns the parent that a request names. An invalid header counts as no header (§4.3). Several headers also
    /// count as none, because it is unknown which one is meant.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all("traceparent").iter();
        match (all.next(), all.next()) {
            (Some(only), None) => Self::parse(only.as_bytes()),
            _ => None,
        }
    }

    /// Parses `version-trace-parent-flags`, in lower-case hexadecimal digits (§3.2).
    fn parse(text: &[u8]) -> Option<Self> {
        let (known, more) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let [version] = hex(parts.next()?)?;
        let (trace, span) = (hex(parts.next()?)?, hex(parts.next()?)?);
        let [flags] = hex(parts.next()?)?;
        let is_version_valid = match version {
            0 => more.is_empty(),
            // §3.2.2: this version is forbidden.
            0xff => false,
            // §3.2.4: later versions may append fields.
            _ => more.is_empty() || more.starts_with(b"-"),
        };
        let is_valid = is_version_valid && trace != TraceId::default() && span != SpanId::default();
        is_valid.then_some(Self { trace, span, is_sampled: flags & SAMPLED != 0 })
    }
}

/// Returns `tracestate` (§3.3), unless it is empty, too long or not text.
pub(super) fn trace_state(headers: &HeaderMap) -> Option<Box<str>> {
    let all = headers.get_all("tracestate").iter().map(HeaderValue::to_str);
    let state = all.collect::<Result<Vec<_>, _>>().ok()?.join(",");
    (1..=MAX_STATE).contains(&state.len()).then(|| state.into())
}

fn hex<const LENGTH: usize>(text: &[u8]) -> Option<[u8; LENGTH]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    if pairs.len() != LENGTH {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Returns the value of a hexadecimal digit. Upper case is not allowed.
fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let value = |value: &&str| HeaderValue::from_str(value).expect("a value");
        let mut headers = HeaderMap::new();
        for value in values.iter().map(value) {
            headers.append(name, value);
        }
        headers
    }

    fn parent(value: &str) -> Option<Parent> {
        Parent::of(&headers("traceparent", &[value]))
    }

    #[test]
    fn parent_has_the_ids_and_the_flag() {
        let found = parent(VALID).expect("valid");
        assert_eq!(u128::from_be_bytes(found.trace), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(u64::from_be_bytes(found.span), 0xb7ad_6b71_6920_3331);
        for (flags, is_sampled) in
            [("00", false), ("01", true), ("02", false), ("03", true), ("fe", false), ("ff", true)]
        {
            let found = parent(&format!("{}{flags}", &VALID[..53])).expect("valid");
            assert_eq!(found.is_sampled, is_sampled, "{flags}");
        }
    }

    #[test]
    fn later_versions_may_have_more_fields() {
        for value in [
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-ever",
        ] {
            assert_eq!(parent(value), parent(VALID), "{value}");
        }
    }

    #[test]
    fn malformed_parent_is_none() {
        for value in [
            "",
            "00",
            // An invalid version.
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ".0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "FE-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            // Additional fields, or the beginning of one.
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
            // An invalid trace id.
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c0-b7ad6b7169203331-0",
            "00-0af7651916cd43dd8448eb211c80319.-b7ad6b7169203331-01",
            // An invalid parent id.
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-B7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033311-0",
            // Invalid flags.
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-.1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
            // Invalid separators.
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
            "00--af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parent(value), None, "{value}");
        }
    }

    #[test]
    fn several_parents_are_none() {
        assert_eq!(Parent::of(&headers("traceparent", &[VALID, VALID])), None);
        assert_eq!(Parent::of(&HeaderMap::new()), None);
        assert_eq!(parent(&format!("{VALID}, {VALID}")), None);
    }

    #[test]
    fn state_is_passed_on_as_one_list_unless_it_is_too_long() {
        let state = |values: &[&str]| trace_state(&headers("tracestate", values));
        assert_eq!(state(&["a=1", "b=2,c=3"]).as_deref(), Some("a=1,b=2,c=3"));
        assert_eq!(state(&[]), None);
        assert_eq!(state(&[""]), None);
        let (longest, longer) = ("a".repeat(MAX_STATE), "a".repeat(MAX_STATE + 1));
        assert_eq!(state(&[&longest]).as_deref(), Some(&*longest));
        assert_eq!(state(&[&longer]), None);
        assert_eq!(state(&["a=\u{e4}"]), None);
    }
}

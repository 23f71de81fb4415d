//! W3C trace context: the trace of a valid `traceparent` goes on with a new parent id; without one a
//! new trace begins here.

use http::HeaderValue;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header's name.
pub const NAME: http::HeaderName = http::HeaderName::from_static("traceparent");
/// What goes with a valid `traceparent`, and is dropped with an invalid one.
pub const STATE: http::HeaderName = http::HeaderName::from_static("tracestate");

/// `00-` + 32 + `-` + 16 + `-` + 2 hex digits.
const LENGTH: usize = 55;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a valid `traceparent` says of the caller.
pub(crate) fn parse(received: &HeaderValue) -> Option<SpanContext> {
    let text = received.to_str().ok().filter(|text| is_valid(text.as_bytes()))?;
    let trace = TraceId::from_hex(text.get(3..35)?).ok()?;
    let parent = SpanId::from_hex(text.get(36..52)?).ok()?;
    let flags = u8::from_str_radix(text.get(53..55)?, 16).ok()?;
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    // `tracestate` is passed on as it came, so the library need not know it.
    Some(SpanContext::new(trace, parent, flags, true, TraceState::NONE))
}

/// The `traceparent` that makes a span the parent.
pub(crate) fn write(span: &SpanContext) -> HeaderValue {
    let (trace, parent, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    let text = format!("00-{trace}-{parent}-{flags:02x}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// Whether a caller's `traceparent` is one: then its trace is continued, and its `tracestate` goes along.
pub fn is_continued(received: Option<&HeaderValue>) -> bool {
    received.is_some_and(|value| is_valid(value.as_bytes()))
}

/// Without a span of our own: the `traceparent` to send on, and whether the client's was valid.
pub fn next_hop(received: Option<&HeaderValue>, random: [u8; 24]) -> (HeaderValue, bool) {
    let received = received.map(HeaderValue::as_bytes).filter(|value| is_valid(value));
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
    let (trace_random, parent_random) = random.split_at(16);
    match received.and_then(|value| value.get(..LENGTH)) {
        Some(value) => text.copy_from_slice(value),
        None => write_hex(&mut text, 3, trace_random),
    }
    // Version 00 is what this hop speaks, whatever later version it was handed.
    if let Some(version) = text.get_mut(..2) {
        version.copy_from_slice(b"00");
    }
    write_hex(&mut text, 36, parent_random);
    let value = HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""));
    (value, received.is_some())
}

/// Writes bytes as hex digits. All zero would be invalid, so the last digit is then made a one.
fn write_hex(text: &mut [u8; LENGTH], at: usize, bytes: &[u8]) {
    let all_zero = bytes.iter().all(|byte| *byte == 0);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, digit) in text.iter_mut().skip(at).zip(digits) {
        *place = HEX.get(usize::from(digit)).copied().unwrap_or(b'0');
    }
    if all_zero && let Some(last) = text.get_mut(at + bytes.len() * 2 - 1) {
        *last = b'1';
    }
}

fn is_valid(value: &[u8]) -> bool {
    let [version, trace, parent, flags] = [0..2, 3..35, 36..52, 53..55]
        .map(|range| value.get(range).filter(|part| part.iter().copied().all(is_lower_hex)));
    let (Some(version), Some(trace), Some(parent), Some(_)) = (version, trace, parent, flags)
    else {
        return false;
    };
    let hyphens = [2, 35, 52].iter().all(|at| value.get(*at) == Some(&b'-'));
    // Version 00 has exactly these fields; later ones may add fields after another hyphen.
    let ends = match version {
        b"00" => value.len() == LENGTH,
        b"ff" => false,
        _ => matches!(value.get(LENGTH), None | Some(b'-')),
    };
    let is_zero = |part: &[u8]| part.iter().all(|digit| *digit == b'0');
    hyphens && ends && !is_zero(trace) && !is_zero(parent)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn hop(received: &str) -> (String, bool) {
        let received = HeaderValue::from_str(received).unwrap();
        let (value, kept) = next_hop(Some(&received), [7; 24]);
        (value.to_str().unwrap().to_owned(), kept)
    }

    #[test]
    fn a_valid_trace_goes_on_with_a_new_parent() {
        let (value, kept) = hop(VALID);
        assert!(kept);
        assert_eq!(value, "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-00");
    }

    #[test]
    fn an_invalid_one_is_replaced() {
        let cases = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ];
        for case in cases {
            let (value, kept) = hop(case);
            assert!(!kept, "{case}");
            assert_eq!(value, "00-07070707070707070707070707070707-0707070707070707-01");
        }
    }

    #[test]
    fn a_later_version_is_understood_as_far_as_it_is_known() {
        let (value, kept) = hop("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more");
        assert!(kept);
        assert_eq!(value, "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_what_goes_out_is_valid(
            received in proptest::collection::vec(any::<u8>(), 0..80),
            random in any::<[u8; 24]>(),
        ) {
            let received = HeaderValue::from_bytes(&received).ok();
            let (value, _) = next_hop(received.as_ref(), random);
            prop_assert!(is_valid(value.as_bytes()));
        }

        #[test]
        fn zero_random_bytes_make_a_valid_header_too(kept in any::<bool>()) {
            let received = HeaderValue::from_static(VALID);
            let (value, _) = next_hop(kept.then_some(&received), [0; 24]);
            prop_assert!(is_valid(value.as_bytes()));
        }
    }
}

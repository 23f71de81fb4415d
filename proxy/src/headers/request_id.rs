//! `X-Request-ID`: the client's if it is sane, else one of ours.

use http::HeaderValue;

/// The header's name.
pub(crate) const NAME: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// Longest id that is accepted from a client.
const MAX_LENGTH: usize = 128;

/// Whether a client's id may go into logs and to backends: visible ASCII only, so that it can't
/// break a line, and short.
pub(crate) fn is_sane(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// A new random id.
pub(crate) fn make() -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text: &str = uuid::Builder::from_random_bytes(rand::random())
        .into_uuid()
        .hyphenated()
        .encode_lower(&mut text);
    // Hex digits and hyphens are always a valid header value.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_visible_ascii_is_taken_over() {
        let long = "a".repeat(MAX_LENGTH + 1);
        let cases = [("abc-123", true), ("", false), ("a b", false), ("é", false), (&long, false)];
        for (id, sane) in cases {
            let value = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            assert_eq!(is_sane(&value), sane, "{id:?}");
        }
    }

    #[test]
    fn a_new_id_is_a_random_uuid_and_sane() {
        let id = make();
        assert!(is_sane(&id));
        assert_ne!(id, make());
        let id = uuid::Uuid::parse_str(id.to_str().unwrap()).unwrap();
        assert_eq!(id.get_version_num(), 4);
    }
}

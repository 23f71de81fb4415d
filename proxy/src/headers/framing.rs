//! Requests whose end two servers could see in different places are refused: that is how requests
//! are smuggled past a proxy.

use http::{HeaderMap, HeaderName};

/// The names that frame a body, as a server reads them that takes `_` for `-`, as CGI does.
const DISGUISED: [HeaderName; 2] =
    [HeaderName::from_static("content_length"), HeaderName::from_static("transfer_encoding")];

/// Whether some servers would find a framing in these headers that others do not.
pub(crate) fn is_disguised(headers: &HeaderMap) -> bool {
    DISGUISED.iter().any(|name| headers.contains_key(name))
}

/// Whether a request's raw header holds both `Transfer-Encoding` and `Content-Length`. pingora drops
/// the length of such a request before any hook sees it, so the raw bytes are asked.
pub(crate) fn has_two_lengths(raw_header: &[u8]) -> bool {
    let mut lengths = false;
    let mut encodings = false;
    for line in raw_header.split(|byte| *byte == b'\n').skip(1) {
        lengths |= is_named(line, b"content-length");
        encodings |= is_named(line, b"transfer-encoding");
    }
    lengths && encodings
}

fn is_named(line: &[u8], name: &[u8]) -> bool {
    let Some((start, rest)) = line.split_at_checked(name.len()) else { return false };
    start.eq_ignore_ascii_case(name)
        && rest.iter().find(|byte| !matches!(byte, b' ' | b'\t')) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_underscore_disguises_a_framing() {
        let of = |name: &'static str| {
            is_disguised(&HeaderMap::from_iter([(name.parse().unwrap(), "5".parse().unwrap())]))
        };
        assert!(of("Content_Length") && of("transfer_encoding"));
        assert!(!of("content-length") && !of("x_content_length"));
    }

    #[test]
    fn only_both_together_are_ambiguous() {
        let cases = [
            ("Content-Length: 3\r\n", false),
            ("Transfer-Encoding: chunked\r\n", false),
            ("content-length: 3\r\nTRANSFER-ENCODING: chunked\r\n", true),
            ("Transfer-Encoding: chunked\r\nContent-Length : 3\r\n", true),
            ("X-Note: content-length: transfer-encoding: \r\nContent-Length: 1\r\n", false),
        ];
        for (headers, ambiguous) in cases {
            let raw = format!("POST / HTTP/1.1\r\n{headers}\r\n");
            assert_eq!(has_two_lengths(raw.as_bytes()), ambiguous, "{headers:?}");
        }
    }
}

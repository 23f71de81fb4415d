//! What makes a request's path unfit for matching: everything that two servers could read differently.

/// Why a path is refused with 400 before it is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRefusal {
    /// `.` or `..` as a segment, plain or percent-encoded.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `\` or `%5C`.
    #[error("the path has a backslash")]
    Backslash,
    /// NUL or `%00`.
    #[error("the path has a NUL byte")]
    Nul,
    /// `%` not followed by two hex digits.
    #[error("the path has an invalid percent-encoding")]
    InvalidEncoding,
    /// `%2F` where reading it as a slash would change which route matches or what it captures as segments.
    #[error("the path has an encoded slash that would change the match")]
    AmbiguousSlash,
    /// Not starting with a slash (absolute-form targets are reduced to their path before).
    #[error("the path does not start with a slash")]
    NotAbsolute,
}

impl PathRefusal {
    /// The label of metrics: `dot_segment`, `backslash`, `nul`, `invalid_encoding`, `ambiguous_slash`, `not_absolute`.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::DotSegment => "dot_segment",
            Self::Backslash => "backslash",
            Self::Nul => "nul",
            Self::InvalidEncoding => "invalid_encoding",
            Self::AmbiguousSlash => "ambiguous_slash",
            Self::NotAbsolute => "not_absolute",
        }
    }
}

/// What the check saw on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckedPath {
    pub(crate) has_encoded_slash: bool,
}

/// What the current segment is so far, decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    None,
    One,
    Two,
    /// Anything else: no dot segment.
    Other,
}

/// Reads the path once. An encoded slash ends a segment here, because `..%2F` climbs for a server that decodes it.
pub(crate) fn check_path(path: &str) -> Result<CheckedPath, PathRefusal> {
    let mut rest = path.as_bytes().strip_prefix(b"/").ok_or(PathRefusal::NotAbsolute)?;
    let mut dots = Dots::None;
    let mut has_encoded_slash = false;
    while let Some((first, tail)) = rest.split_first() {
        let (byte, tail) = if *first == b'%' {
            let (byte, tail) = decode_byte(tail).ok_or(PathRefusal::InvalidEncoding)?;
            has_encoded_slash |= byte == b'/';
            (byte, tail)
        } else {
            (*first, tail)
        };
        rest = tail;
        dots = match (byte, dots) {
            (0, _) => return Err(PathRefusal::Nul),
            (b'\\', _) => return Err(PathRefusal::Backslash),
            (b'/', Dots::One | Dots::Two) => return Err(PathRefusal::DotSegment),
            (b'/', _) => Dots::None,
            (b'.', Dots::None) => Dots::One,
            (b'.', Dots::One) => Dots::Two,
            _ => Dots::Other,
        };
    }
    if matches!(dots, Dots::One | Dots::Two) {
        return Err(PathRefusal::DotSegment);
    }
    Ok(CheckedPath { has_encoded_slash })
}

/// The byte that two hex digits stand for, and what follows them.
fn decode_byte(digits: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, tail @ ..] = digits else { return None };
    let value =
        |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some((value(high)? << 4 | value(low)?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_servers_could_read_differently_is_refused() {
        for (path, refusal) in [
            ("", PathRefusal::NotAbsolute),
            ("a/b", PathRefusal::NotAbsolute),
            ("*", PathRefusal::NotAbsolute),
            ("/..", PathRefusal::DotSegment),
            ("/a/./b", PathRefusal::DotSegment),
            ("/a/%2e%2E/b", PathRefusal::DotSegment),
            ("/a/.%2e", PathRefusal::DotSegment),
            ("/a/x%2F..%2Fb", PathRefusal::DotSegment),
            ("/a\\b", PathRefusal::Backslash),
            ("/a%5cb", PathRefusal::Backslash),
            ("/a\0", PathRefusal::Nul),
            ("/a%00", PathRefusal::Nul),
            ("/a%", PathRefusal::InvalidEncoding),
            ("/a%4", PathRefusal::InvalidEncoding),
            ("/a%zz", PathRefusal::InvalidEncoding),
            ("/a%+1", PathRefusal::InvalidEncoding),
        ] {
            assert_eq!(check_path(path), Err(refusal), "{path:?}");
        }
        for path in ["/", "/...", "/.well-known", "/a..b", "//", "/a/", "/%252e%252e", "/ü"] {
            assert_eq!(check_path(path), Ok(CheckedPath { has_encoded_slash: false }), "{path:?}");
        }
        assert_eq!(check_path("/a%2Fb"), Ok(CheckedPath { has_encoded_slash: true }));
    }

    #[test]
    fn labels_are_the_serialized_words() {
        for refusal in
            [PathRefusal::DotSegment, PathRefusal::AmbiguousSlash, PathRefusal::NotAbsolute]
        {
            assert_eq!(serde_json::to_value(refusal).unwrap(), refusal.as_label());
        }
    }
}

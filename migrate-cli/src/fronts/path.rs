//! Regular expressions of paths as clients send them, in what PCRE and RE2 have in common.
//!
//! The proxy compares a literal percent-decoded, so each of its characters stands here twice: as it is, and encoded. A path with an
//! encoded slash is read in two ways, and refused where they lead to different routes or captures.

use std::fmt::Write as _;

use routes::pattern::{Pattern, Segment};

/// A separator in the second reading, where an encoded slash is one.
const EITHER_SLASH: &str = "(?:/|%2[fF])";
/// A segment without any slash. (That every `%` has its two digits has been checked before.)
const CLEAN: &str = "(?:[^/%]|%[^2]|%2[^fF])+";
/// A segment in the first reading: an encoded slash is as any other character.
const PLAIN: &str = "[^/]+";

/// What the proxy answers with 400 whatever the route, each with what it is. (NUL and so on can't come unencoded.)
pub(super) const REFUSED: [(&str, &str); 5] = [
    ("a dot segment, also encoded", r"(?:/|%2[fF])(?:\.|%2[eE])(?:\.|%2[eE])?(?:(?:/|%2[fF]).*)?$"),
    ("a backslash", r"(?:\x5c|%5[cC])"),
    ("a NUL byte", "%00"),
    ("a percent sign without two hex digits", "%(?:[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]|.?$)"),
    ("a fragment", r"\x23"),
];

/// What follows the segments before a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: there is no wildcard, or it is empty.
    None,
    /// A slash and anything.
    Some,
    /// Either.
    Any,
}

impl Rest {
    /// Of a pattern as it stands.
    pub(super) fn of(pattern: &Pattern) -> Self {
        match pattern.segments() {
            // `/` is where such a path begins.
            [Segment::Wildcard(_)] => Self::Some,
            [.., Segment::Wildcard(_)] => Self::Any,
            _ => Self::None,
        }
    }

    fn after(self, slash: &str) -> String {
        match self {
            Self::None => String::new(),
            Self::Some => format!("{slash}.*"),
            Self::Any => format!("(?:{slash}.*)?"),
        }
    }
}

/// Which paths a pattern takes, without anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paths {
    /// Those that are read in one way only.
    pub(super) clean: String,
    /// Those that only one of the two readings takes.
    pub(super) ambiguous: Option<String>,
}

/// The paths of a pattern.
pub(super) fn paths(pattern: &Pattern, rest: Rest) -> Paths {
    let before: Vec<&Segment> =
        pattern.segments().iter().filter(|one| !matches!(one, Segment::Wildcard(_))).collect();
    let has_parameter = before.iter().any(|one| matches!(one, Segment::Parameter(_)));
    let separators = before.len() + usize::from(rest != Rest::None);
    let plain = has_parameter.then(|| reading(&before, "/", PLAIN, rest));
    let encoded = (separators > 1).then(|| reading(&before, EITHER_SLASH, CLEAN, rest));
    let ambiguous: Vec<String> = plain.into_iter().chain(encoded).collect();
    Paths {
        clean: reading(&before, "/", CLEAN, rest),
        ambiguous: (!ambiguous.is_empty()).then(|| format!("(?:{})", ambiguous.join("|"))),
    }
}

fn reading(before: &[&Segment], slash: &str, parameter: &str, rest: Rest) -> String {
    let mut out = String::new();
    for (place, segment) in before.iter().enumerate() {
        // A path begins with a real slash in every reading.
        out.push_str(if place == 0 { "/" } else { slash });
        match segment {
            Segment::Literal(text) => text.bytes().for_each(|byte| push_literal(byte, &mut out)),
            Segment::Parameter(_) | Segment::Wildcard(_) => out.push_str(parameter),
        }
    }
    if before.is_empty() {
        return format!("/{}", if rest == Rest::None { "" } else { ".*" });
    }
    out.push_str(&rest.after(slash));
    out
}

/// One byte of a literal, as it is or percent-encoded.
fn push_literal(byte: u8, out: &mut String) {
    let encoded = || {
        let digit = |digit: char| match digit.to_ascii_lowercase() {
            lower if lower.is_ascii_digit() => lower.to_string(),
            lower => format!("[{lower}{}]", lower.to_ascii_uppercase()),
        };
        format!("%{byte:02x}").chars().skip(1).map(digit).collect::<String>()
    };
    // Writing to a text can't fail.
    let _written = match character(byte) {
        Some(plain) => write!(out, "(?:{plain}|%{})", encoded()),
        None => write!(out, "%{}", encoded()),
    };
}

/// A byte as a regular expression says it; `None`: no path has it unencoded.
fn character(byte: u8) -> Option<String> {
    match byte {
        b'-' | b'_' | b'~' => Some(char::from(byte).to_string()),
        _ if byte.is_ascii_alphanumeric() => Some(char::from(byte).to_string()),
        _ if byte.is_ascii_graphic() => Some(format!(r"\x{byte:02x}")),
        _ => None,
    }
}

/// A text that stands for itself in a regular expression.
pub(super) fn quoted(text: &str) -> String {
    text.bytes().filter_map(character).collect()
}

/// A regular expression that finds what parameters captured by the place of their segments, in a path that is known to be of the
/// pattern. Only those of `captured` (counted from 0) are in groups, in order of the path; a wildcard has two, the second of which
/// holds a slash with nothing behind it.
pub(super) fn places(pattern: &Pattern, rest: Rest, captured: &[usize]) -> String {
    let mut out = String::new();
    let mut parameter = 0;
    for segment in pattern.segments() {
        let is_captured = segment.parameter().is_some() && captured.contains(&parameter);
        parameter += usize::from(segment.parameter().is_some());
        let is_wildcard = matches!(segment, Segment::Wildcard(_));
        match (is_wildcard, is_captured) {
            (true, true) if rest == Rest::Some => out.push_str("(?:(/.+)|(/))"),
            (true, true) if rest == Rest::Any => out.push_str("(?:(/.+)|(/))?"),
            (true, _) => out.push_str(&rest.after("/")),
            (false, true) => out.push_str("/([^/]+)"),
            (false, false) => out.push_str("/[^/]+"),
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

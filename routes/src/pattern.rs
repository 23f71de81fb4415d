//! A path pattern: literal segments, `{parameter}` segments, and a `{*wildcard}` at the end.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Most parameters (a wildcard counts) of one pattern.
pub const MAX_PARAMETERS: usize = 16;
/// Most segments of one pattern: the depth of the matcher's recursion.
pub const MAX_SEGMENTS: usize = 64;

/// What a literal is printed encoded: what would read as syntax, or could not be seen.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'{')
    .add(b'}')
    .add(b'?')
    .add(b'#')
    .add(b'"')
    .add(b'<')
    .add(b'>');

/// A parsed pattern. `/a/{*rest}` also matches `/a` itself (and `/a/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub(crate) segments: Vec<Segment>,
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Compared percent-decoded, case-sensitively. Held decoded; never empty, never with a slash.
    Literal(String),
    /// `{name}`: exactly one non-empty segment.
    Parameter(String),
    /// `{*name}`: everything that is left, maybe nothing; last only.
    Wildcard(String),
}

impl Segment {
    /// The name of a parameter or wildcard.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Wildcard(name) => Some(name),
        }
    }
}

/// Why a text is no pattern (or no template of a path), and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong, a lowercase fragment.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// The offending bytes of the text.
    pub span: Range<usize>,
}

impl PatternError {
    pub(crate) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { message: message.into(), help: help.into(), span }
    }
}

impl Pattern {
    /// The segments in order. None at all: the pattern is `/`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the parameters in order, the wildcard last.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::parameter)
    }

    /// Whether every path that `other` matches is matched by this one, too.
    pub fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.segments.iter();
        for own in &self.segments {
            let their = theirs.next();
            match (own, their) {
                (Segment::Wildcard(_), _) => return true,
                (Segment::Literal(one), Some(Segment::Literal(two))) if one == two => {}
                (Segment::Parameter(_), Some(Segment::Literal(_) | Segment::Parameter(_))) => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }

    /// The pattern without the names of its parameters: equal for two patterns that name the same paths.
    pub(crate) fn shape(&self) -> String {
        let nameless = |segment: &Segment| match segment {
            Segment::Literal(_) => segment.to_string(),
            Segment::Parameter(_) => "{}".to_owned(),
            Segment::Wildcard(_) => "{*}".to_owned(),
        };
        self.segments.iter().map(nameless).collect::<Vec<_>>().join("/")
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut segments: Vec<Segment> = Vec::new();
        for (span, part) in split(text)? {
            if let Some(Segment::Wildcard(name)) = segments.last() {
                return Err(PatternError::new(
                    span,
                    format!("something follows the wildcard `{{*{name}}}`"),
                    format!(
                        "end the path with `{{*{name}}}`, or make it the parameter `{{{name}}}`"
                    ),
                ));
            }
            let segment = segment(part, &span)?;
            if segments.iter().any(|earlier| {
                segment.parameter().is_some() && earlier.parameter() == segment.parameter()
            }) {
                let name = segment.parameter().unwrap_or_default();
                return Err(PatternError::new(
                    span,
                    format!("the parameter `{name}` stands twice"),
                    format!("give the second one another name, such as `{name}2`"),
                ));
            }
            segments.push(segment);
        }
        let pattern = Self { segments };
        if pattern.parameters().count() > MAX_PARAMETERS || pattern.segments.len() > MAX_SEGMENTS {
            return Err(PatternError::new(
                0..text.len(),
                format!("more than {MAX_PARAMETERS} parameters or {MAX_SEGMENTS} segments"),
                "end the path earlier with a wildcard such as `{*rest}`",
            ));
        }
        Ok(pattern)
    }
}

/// The segments of a pattern's or template's text with their places; none for `/`. Checks what both must keep to.
pub(crate) fn split(text: &str) -> Result<Vec<(Range<usize>, &str)>, PatternError> {
    let whole = 0..text.len();
    let Some(rest) = text.strip_prefix('/') else {
        let help = if text.contains("://") {
            "write the path only, without scheme and host".to_owned()
        } else {
            format!("write `/{text}`")
        };
        return Err(PatternError::new(whole, "the path does not start with a slash", help));
    };
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let mut start = 1;
    let mut segments = Vec::new();
    for part in rest.split('/') {
        let span = start..start + part.len();
        start = span.end + 1;
        if part.is_empty() {
            let help = if span.end == text.len() {
                "leave the last slash out; `{*rest}` at the end matches with and without it"
            } else {
                "write one slash"
            };
            return Err(PatternError::new(span, "the path has an empty segment", help));
        }
        segments.push((span, part));
    }
    Ok(segments)
}

fn segment(part: &str, span: &Range<usize>) -> Result<Segment, PatternError> {
    let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        return literal(part, span).map(Segment::Literal);
    };
    let (name, wildcard) = inner.strip_prefix('*').map_or((inner, false), |name| (name, true));
    check_name(name, span)?;
    Ok(if wildcard {
        Segment::Wildcard(name.to_owned())
    } else {
        Segment::Parameter(name.to_owned())
    })
}

/// Checks the name between braces.
pub(crate) fn check_name(name: &str, span: &Range<usize>) -> Result<(), PatternError> {
    let good = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if good && name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) {
        return Ok(());
    }
    Err(PatternError::new(
        span.clone(),
        format!("`{name}` is no name for a parameter"),
        "use letters, digits and `_`, and a letter or `_` first: `{workflow_id}`",
    ))
}

/// Checks and decodes one literal segment.
pub(crate) fn literal(part: &str, span: &Range<usize>) -> Result<String, PatternError> {
    let wrong = |message: String, help: &str| Err(PatternError::new(span.clone(), message, help));
    if part.contains(['{', '}']) {
        let help =
            "a parameter fills a whole segment: `/{id}/`; a brace itself is written `%7B` or `%7D`";
        return wrong(format!("`{part}` mixes text and braces"), help);
    }
    if let Some(character) = part.chars().find(|character| matches!(character, '?' | '#')) {
        let help = "leave the query out; it is forwarded as the client sent it";
        return wrong(format!("`{character}` does not belong in a path"), help);
    }
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(hex(rest.next()) && hex(rest.next())) {
            return wrong(
                format!("`{part}` has an invalid percent-encoding"),
                "write `%25` for `%`",
            );
        }
    }
    let Ok(decoded) = percent_decode_str(part).decode_utf8() else {
        return wrong(format!("`{part}` is not UTF-8 once decoded"), "encode the UTF-8 bytes");
    };
    if matches!(&*decoded, "." | "..") {
        return wrong(format!("`{part}` is a dot segment"), "write the path that it stands for");
    }
    if decoded.contains(['/', '\\', '\0']) {
        let help = "requests with an encoded slash, a backslash or NUL here are answered with 400";
        return wrong(format!("`{part}` can never match"), help);
    }
    Ok(decoded.into_owned())
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Only ASCII is encoded: a name in another alphabet stays readable.
            Self::Literal(text) => text.chars().try_for_each(|character| {
                let mut buffer = [0; 4];
                let character = &*character.encode_utf8(&mut buffer);
                if character.is_ascii() {
                    write!(f, "{}", utf8_percent_encode(character, ENCODED))
                } else {
                    f.write_str(character)
                }
            }),
            Self::Parameter(name) => write!(f, "{{{name}}}"),
            Self::Wildcard(name) => write!(f, "{{*{name}}}"),
        }
    }
}

/// Prints what was parsed: `parse(print(p)) == p`.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn segments_are_read_and_literals_decoded() {
        let pattern: Pattern = "/a%20b/{id}/{*rest}".parse().unwrap();
        assert_eq!(
            pattern.segments(),
            [
                Segment::Literal("a b".into()),
                Segment::Parameter("id".into()),
                Segment::Wildcard("rest".into())
            ]
        );
        assert_eq!(pattern.to_string(), "/a%20b/{id}/{*rest}");
        assert_eq!("/".parse::<Pattern>().unwrap().segments(), []);
    }

    #[test]
    fn a_pattern_covers_what_it_matches() {
        let covers = |one: &str, two: &str| {
            one.parse::<Pattern>().unwrap().covers(&two.parse::<Pattern>().unwrap())
        };
        assert!(covers("/a/{*rest}", "/a") && covers("/a/{*rest}", "/a/{b}/c"));
        assert!(covers("/a/{b}", "/a/c") && covers("/a/{b}", "/a/{c}"));
        assert!(!covers("/a/c", "/a/{b}") && !covers("/a/{b}", "/a/{*rest}"));
        assert!(!covers("/a", "/a/b") && !covers("/a/b", "/a"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_place() {
        for (text, place, message) in [
            ("", 0..0, "does not start with a slash"),
            ("a/b", 0..3, "does not start with a slash"),
            ("/a//b", 3..3, "empty segment"),
            ("/a/", 3..3, "empty segment"),
            ("/a/{*rest}/b", 11..12, "follows the wildcard"),
            ("/{id}/{id}", 6..10, "stands twice"),
            ("/{}", 1..3, "no name"),
            ("/{1a}", 1..5, "no name"),
            ("/a{id}", 1..6, "mixes text and braces"),
            ("/a?b=c", 1..6, "does not belong in a path"),
            ("/a%2", 1..4, "invalid percent-encoding"),
            ("/%ff", 1..4, "not UTF-8"),
            ("/a/../b", 3..5, "dot segment"),
            ("/a/%2E", 3..6, "dot segment"),
            ("/a%2Fb", 1..6, "can never match"),
            ("/a\\b", 1..4, "can never match"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
            assert_eq!(error.span, place, "{text}");
        }
        let many = "/{a}".repeat(17);
        assert!(many.parse::<Pattern>().is_err());
        assert!("/a".repeat(65).parse::<Pattern>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(text in "(/(\\{[a-z]{1,3}\\}|[^/{}]{1,6}|%[2-7][0-9a-fA-F])){0,5}(/\\{\\*r\\})?") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string().parse::<Pattern>(), Ok(pattern));
            }
        }
    }
}

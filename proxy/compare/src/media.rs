//! What the media type of an answer says about how to compare its body.

use std::fmt;

use http::{HeaderMap, header};

/// How a body is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// By structure.
    Json,
    /// By line.
    Text,
    /// By length and hash.
    Opaque,
}

/// Text that is not called `text/…`, by subtype or its suffix.
const TEXT_SUBTYPES: [&str; 7] =
    ["xml", "yaml", "x-yaml", "javascript", "x-ndjson", "jsonl", "x-www-form-urlencoded"];

impl fmt::Display for BodyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Opaque => "bytes",
        })
    }
}

impl BodyKind {
    /// The kind that `content-type` names; without one the body is opaque.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(essence) = essence(headers) else { return Self::Opaque };
        let (kind, subtype) = essence.split_once('/').unwrap_or((essence.as_str(), ""));
        let suffix = subtype.rsplit_once('+').map_or(subtype, |(_, suffix)| suffix);
        match (kind, suffix) {
            (_, "json") => Self::Json,
            ("text", _) => Self::Text,
            (_, suffix) if TEXT_SUBTYPES.contains(&suffix) => Self::Text,
            _ => Self::Opaque,
        }
    }
}

fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// A media type in one spelling: lower case, parameters sorted, quotes only where they mean something.
/// `charset=utf-8` says nothing about JSON, which has no other encoding, and is left out there.
pub(super) fn normalised(value: &str) -> String {
    let mut parts = split_parameters(value).into_iter();
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence.ends_with("/json") || essence.ends_with("+json");
    let mut parameters: Vec<String> = parts
        .filter_map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let name = name.trim().to_ascii_lowercase();
            let mut value = unquoted(value.trim());
            if name == "charset" {
                value = value.to_ascii_lowercase();
            }
            let is_idle = name.is_empty() || (is_json && name == "charset" && value == "utf-8");
            (!is_idle).then(|| format!("; {name}={value}"))
        })
        .collect();
    parameters.sort();
    essence + &parameters.concat()
}

/// Splits at semicolons outside of quoted strings.
fn split_parameters(value: &str) -> Vec<&str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    value
        .split(move |character| {
            let is_split = character == ';' && !in_quotes;
            if !is_escaped && character == '"' {
                in_quotes = !in_quotes;
            }
            is_escaped = in_quotes && !is_escaped && character == '\\';
            is_split
        })
        .collect()
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kind(content_type: &str) -> BodyKind {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        BodyKind::of(&headers)
    }

    #[test]
    fn the_kind_follows_the_media_type() {
        assert_eq!(kind("application/json"), BodyKind::Json);
        assert_eq!(kind("Application/Problem+JSON; charset=utf-8"), BodyKind::Json);
        assert_eq!(kind("text/html"), BodyKind::Text);
        assert_eq!(kind("application/atom+xml"), BodyKind::Text);
        assert_eq!(kind("application/x-ndjson"), BodyKind::Text);
        assert_eq!(kind("image/svg"), BodyKind::Opaque);
        assert_eq!(kind("nonsense"), BodyKind::Opaque);
        assert_eq!(BodyKind::of(&HeaderMap::new()), BodyKind::Opaque);
    }

    #[test]
    fn spelling_and_order_of_parameters_do_not_matter() {
        assert_eq!(normalised("Text/Plain;charset=\"UTF-8\""), "text/plain; charset=utf-8");
        assert_eq!(
            normalised("multipart/mixed; a=1;boundary=\"x;y\""),
            normalised("multipart/mixed;boundary=\"x;y\"; a=1")
        );
        assert_ne!(normalised("text/plain; charset=utf-8"), normalised("text/plain"));
        assert_eq!(normalised("application/json; charset=utf-8"), "application/json");
        assert_ne!(normalised("a/b; boundary=X"), normalised("a/b; boundary=x"));
    }
}

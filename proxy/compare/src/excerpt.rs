//! Pieces of an answer that are shown to people or stored: masked first, then cut.

use std::cell::OnceCell;
use std::collections::HashSet;

use http::HeaderMap;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::decode;
use super::json::Document;
use super::mask;
use super::media::BodyKind;
use super::secret::{MASK, is_secret_header, is_secret_name};

/// Longest excerpt of a difference, in characters.
const MAX_CHARACTERS: usize = 512;

/// Longest header value that is shown, in characters.
const MAX_HEADER: usize = 4096;

/// Longest body that is decoded to be shown, in bytes.
const MAX_DECODED: usize = 16 << 20;

/// The body as text for an example or a recording: content codings removed, secrets masked (members and parameters by
/// name, the places that `masks` name, tokens by their form), JSON written compactly, cut to `max` characters.
///
/// `None` where it is no text: media types that are none, bytes that are no UTF-8, a coding that does not come off,
/// more than 16 MiB. An empty body is an empty text.
pub fn shown_body(
    headers: &HeaderMap,
    body: &[u8],
    masks: &[JsonPath],
    max: usize,
) -> Option<String> {
    let body = decode::decode(headers, body, MAX_DECODED).ok()?;
    if body.is_empty() {
        return Some(String::new());
    }
    let kind = BodyKind::of(headers);
    if kind == BodyKind::Opaque && headers.contains_key(http::header::CONTENT_TYPE) {
        return None;
    }
    // Masked as JSON whatever it is called: names are then known to be names.
    if let Ok(document) = Document::parse(&body) {
        return Some(View::new(&document, masks).text(&document.root, max));
    }
    // Masks can't find their places in a text that only calls itself JSON.
    if kind == BodyKind::Json && !masks.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(&body).ok()?;
    Some(cut(&mask::masked(text), max))
}

/// The headers as text for a recording, secrets masked.
pub fn shown_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = headers.iter().map(|(name, value)| {
        let name = name.as_str();
        let value = String::from_utf8_lossy(value.as_bytes());
        let is_secret = is_secret_header(name);
        (name.to_owned(), if is_secret { MASK.to_owned() } else { header(&value) })
    });
    shown.collect()
}

/// The value of a header that is no secret as a whole.
pub(super) fn header(value: &str) -> String {
    cut(&mask::masked(value), MAX_HEADER)
}

/// A text of an answer, or words of our own about it, as an excerpt.
pub(super) fn text(text: &str) -> String {
    // What is cut off is not searched; a little more than is shown, so that a secret at the cut is known as one.
    let end = text.char_indices().nth(4 * MAX_CHARACTERS).map_or(text.len(), |(end, _)| end);
    cut(&mask::masked(text.get(..end).unwrap_or_default()), MAX_CHARACTERS)
}

/// The beginning of a text, at most `max` characters.
fn cut(text: &str, max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let kept = text.get(..end).unwrap_or_default();
    // The last character gives way to the sign that something was cut.
    let end = kept.char_indices().next_back().map_or(0, |(end, _)| end);
    format!("{}…", kept.get(..end).unwrap_or_default())
}

/// How the values of one document are shown.
#[derive(Debug)]
pub(super) struct View<'v> {
    document: &'v Document,
    masks: &'v [JsonPath],
    /// Addresses of the values that `masks` name and of all below them; found when first needed, which is seldom.
    hidden: OnceCell<HashSet<usize>>,
}

impl<'v> View<'v> {
    pub(super) fn new(document: &'v Document, masks: &'v [JsonPath]) -> Self {
        Self { document, masks, hidden: OnceCell::new() }
    }

    /// A value of the document, as an excerpt.
    pub(super) fn excerpt(&self, value: &Value) -> String {
        self.text(value, MAX_CHARACTERS)
    }

    /// A value of the document as compact JSON, at most `max` characters.
    fn text(&self, value: &Value, max: usize) -> String {
        let mut out = String::new();
        self.write(value, max, &mut out);
        cut(&out, max)
    }

    fn hides(&self, value: &Value) -> bool {
        if self.masks.is_empty() {
            return false;
        }
        let hidden = self.hidden.get_or_init(|| {
            let mut hidden = HashSet::new();
            for value in self.masks.iter().flat_map(|path| path.query(&self.document.root).all()) {
                hide(value, &mut hidden);
            }
            hidden
        });
        hidden.contains(&std::ptr::from_ref(value).addr())
    }

    /// Writes at least the beginning of a value; stops soon after `max` characters.
    fn write(&self, value: &Value, max: usize, out: &mut String) {
        let is_full = |out: &String| out.len() > max.saturating_mul(4);
        match value {
            _ if self.hides(value) => quote(MASK, out),
            Value::String(text) if self.document.is_literal(value) => out.push_str(text),
            Value::String(text) => {
                let end = text.char_indices().nth(max.saturating_mul(4)).map(|(end, _)| end);
                let start = end.and_then(|end| text.get(..end)).unwrap_or(text);
                quote(&cut(&mask::masked(start), max), out);
            }
            Value::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if is_full(out) {
                        return;
                    }
                    out.push_str(if index == 0 { "" } else { "," });
                    self.write(element, max, out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    if is_full(out) {
                        return;
                    }
                    out.push_str(if index == 0 { "" } else { "," });
                    quote(&cut(name, max), out);
                    out.push(':');
                    if is_secret_name(name) {
                        quote(MASK, out);
                    } else {
                        self.write(member, max, out);
                    }
                }
                out.push('}');
            }
            scalar => out.push_str(&scalar.to_string()),
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

/// Recursion is bounded by the depth that [`Document::parse`] lets pass.
fn hide(value: &Value, hidden: &mut HashSet<usize>) {
    // What is known is known with all below it, so masks inside of masks cost nothing.
    if !hidden.insert(std::ptr::from_ref(value).addr()) {
        return;
    }
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| hide(element, hidden)),
        Value::Object(members) => members.values().for_each(|member| hide(member, hidden)),
        _scalar => {}
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn excerpt(value: &Value) -> String {
        let document = Document::parse(value.to_string().as_bytes()).unwrap();
        View::new(&document, &[]).excerpt(&document.root)
    }

    fn typed(content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        headers
    }

    #[test]
    fn secret_members_are_masked_at_any_depth() {
        let value = json!({"name": "a", "auth": [{"api_key": {"v": "planted"}, "password": 7}],
            "log": "sent Authorization: Bearer planted"});
        assert_eq!(
            excerpt(&value),
            r#"{"name":"a","auth":[{"api_key":"***","password":"***"}],"log":"sent Authorization: ***"}"#
        );
    }

    #[test]
    fn excerpts_are_short_and_whole_characters() {
        let long = excerpt(&json!(["é".repeat(5000), "x".repeat(5000)]));
        assert_eq!(long.chars().count(), MAX_CHARACTERS);
        assert!(long.ends_with('…'));
        assert_eq!(text(&"x".repeat(MAX_CHARACTERS)).chars().count(), MAX_CHARACTERS);
        let many = Value::from(vec![json!({}); 100_000]);
        assert_eq!(excerpt(&many).chars().count(), MAX_CHARACTERS);
    }

    #[test]
    fn a_secret_at_the_cut_is_masked() {
        let long =
            format!("{} api_key={}", "x".repeat(MAX_CHARACTERS - 12), "planted".repeat(1000));
        assert!(!text(&long).contains("planted"));
    }

    #[test]
    fn bodies_are_shown_without_what_the_masks_name() {
        let masks =
            [JsonPath::parse("$.owner").unwrap(), JsonPath::parse("$.list[*].ssn").unwrap()];
        let body = br#"{"owner": {"name": "planted"}, "list": [{"ssn": 1234567, "n": NaN}], "a": "\u00e9"}"#;
        let json = typed("application/json");
        assert_eq!(
            shown_body(&json, body, &masks, 1000).unwrap(),
            r#"{"owner":"***","list":[{"ssn":"***","n":NaN}],"a":"é"}"#
        );
        assert_eq!(shown_body(&json, body, &masks, 5).unwrap(), r#"{"ow…"#);
        // Mislabelled or unlabelled JSON is masked as JSON, and broken JSON is not shown past its masks.
        assert!(!shown_body(&typed("text/plain"), body, &masks, 1000).unwrap().contains("planted"));
        assert!(!shown_body(&HeaderMap::new(), body, &masks, 1000).unwrap().contains("planted"));
        assert_eq!(shown_body(&json, &body[..40], &masks, 1000), None);
        let cut_off = br#"{"api_key": "planted", "n": "#;
        assert_eq!(shown_body(&json, cut_off, &[], 1000).unwrap(), r#"{"api_key": "***", "n": "#);
    }

    #[test]
    fn bodies_that_are_no_text_are_not_shown() {
        let show = |headers: &HeaderMap, body: &[u8]| shown_body(headers, body, &[], 100);
        assert_eq!(show(&typed("image/png"), b"text"), None);
        assert_eq!(show(&typed("text/plain"), &[0xff, 0xfe]), None);
        assert_eq!(show(&typed("text/plain"), b""), Some(String::new()));
        assert_eq!(show(&typed("text/plain"), b"token=planted").unwrap(), "token=***");
        let mut zipped = typed("application/json");
        zipped.insert("content-encoding", HeaderValue::from_static("zstd"));
        let body = zstd::encode_all(br#"{"token": "planted"}"#.as_slice(), 1).unwrap();
        assert_eq!(show(&zipped, &body).unwrap(), r#"{"token":"***"}"#);
        assert_eq!(show(&zipped, b"no zstd"), None);
    }

    #[test]
    fn headers_are_shown_without_secrets() {
        let mut headers = typed("text/plain");
        for (name, value) in [
            ("authorization", "Bearer planted"),
            ("proxy-authorization", "Basic planted"),
            ("cookie", "a=planted"),
            ("set-cookie", "a=planted; Path=/"),
            ("x-api-key", "planted"),
            ("x-auth-user", "planted"),
            ("location", "/cb?code=planted&page=1"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let shown = shown_headers(&headers);
        assert_eq!(shown.len(), headers.len());
        assert!(shown.iter().all(|(_, value)| !value.contains("planted")), "{shown:?}");
        assert!(shown.contains(&("content-type".into(), "text/plain".into())));
        assert!(shown.contains(&("location".into(), "/cb?code=***&page=1".into())));
    }
}

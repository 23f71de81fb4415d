//! What `[defaults]` may give and any route may override, as written.

use crate::document::{Document, Section, Written, listed, nearest};
use crate::problem::Problem;
use crate::table::Sticky;
use serde_json_path::JsonPath;

/// Longest JSON path; its parser is recursive.
const MAX_JSON_PATH: usize = 256;

/// A JSON path list with the rule's own place.
pub(crate) type Paths = Vec<JsonPath>;

/// One set of settings; what is `None` was not written.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) old: Option<Written<String>>,
    pub(crate) new: Option<Written<String>>,
    pub(crate) mirror_sample: Option<f64>,
    pub(crate) canary_percent: Option<f64>,
    pub(crate) canary_sticky: Option<Sticky>,
    pub(crate) ignore: Option<Paths>,
    pub(crate) timestamp: Option<Paths>,
    pub(crate) unordered: Option<Vec<(JsonPath, String)>>,
    pub(crate) tolerance: Option<f64>,
    pub(crate) headers: Option<Vec<String>>,
}

impl Settings {
    /// Asks `section` for every setting.
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let old = section.text("old", "\"monolith\"");
        let new = section.text("new", "\"agent-service\"");
        section.not_yet("gate", "the gate");
        section.not_yet("guard", "the guard");
        section.not_yet("verify", "mirroring at stage `service`");
        let mut mirror = section.section("mirror", "`mirror`");
        let mirror_sample = mirror.number("sample", 0.0..=1.0);
        mirror.not_yet("control", "control requests");
        mirror.not_yet("rate", "mirroring at a constant rate");
        mirror.not_yet("before_budget", "rehearsals of writes");
        mirror.finish();
        let mut canary = section.section("canary", "`canary`");
        let canary_percent = canary.number("percent", 0.0..=100.0);
        let canary_sticky = canary.parsed("sticky", "\"header:x-api-key\"", sticky);
        canary.finish();
        let mut compare = section.section("compare", "`compare`");
        let settings = Self {
            old,
            new,
            mirror_sample: mirror_sample.map(|written| written.value),
            canary_percent: canary_percent.map(|written| written.value),
            canary_sticky: canary_sticky.map(|written| written.value),
            ignore: json_paths(&mut compare, "ignore"),
            timestamp: json_paths(&mut compare, "timestamp"),
            unordered: unordered(&mut compare),
            tolerance: compare.number("tolerance", 0.0..=1.0).map(|written| written.value),
            headers: headers(&mut compare),
        };
        compare.finish();
        settings
    }
}

fn sticky(text: &str) -> Result<Sticky, (String, String)> {
    const FORMS: [&str; 3] = ["header:NAME", "cookie:NAME", "client-ip"];
    let (kind, name) = text.split_once(':').unwrap_or((text, ""));
    let named = |kind: &str| {
        if is_token(name) {
            return Ok(name.to_owned());
        }
        Err((format!("`{text}` names no {kind}"), format!("write `{kind}:NAME`")))
    };
    match (kind, name) {
        ("header", _) => Ok(Sticky::Header(named("header")?.to_ascii_lowercase())),
        ("cookie", _) => Ok(Sticky::Cookie(named("cookie")?)),
        ("client-ip", "") => Ok(Sticky::ClientIp),
        _ => {
            let help = nearest(kind, ["header", "cookie", "client-ip"]).map_or_else(
                || format!("write {}", listed(FORMS)),
                |near| match near {
                    "client-ip" => "did you mean `client-ip`?".to_owned(),
                    near => format!(
                        "did you mean `{near}:{}`?",
                        if name.is_empty() { "NAME" } else { name }
                    ),
                },
            );
            Err((format!("`{text}` tells no clients apart"), help))
        }
    }
}

/// Whether a text can be the name of a header or cookie (a token of RFC 9110).
fn is_token(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

fn json_paths(section: &mut Section<'_, '_>, key: &'static str) -> Option<Paths> {
    let texts = section.texts(key, "[\"$.id\"]")?;
    let document = section.document();
    Some(texts.value.into_iter().filter_map(|text| json_path(document, &text)).collect())
}

/// Reads a JSON path, or reports why it is none.
fn json_path(document: &Document<'_>, written: &Written<String>) -> Option<JsonPath> {
    let text = &written.value;
    if text.len() > MAX_JSON_PATH {
        let message = format!("a JSON path of more than {MAX_JSON_PATH} characters");
        document.report(Problem::new(written.span.clone(), message).help("write a shorter path"));
        return None;
    }
    match JsonPath::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            let at = text.floor_char_boundary(error.position().saturating_sub(1));
            let help = if text.starts_with('$') {
                "write a path such as `$.id`, `$[*].id` or `$..created_at`".to_owned()
            } else {
                format!("start at the root: `$.{}`", text.trim_start_matches('.'))
            };
            let place = document.part(written, at..text.len());
            document.report(Problem::new(place, format!("`{text}` is no JSON path")).help(help));
            None
        }
    }
}

fn unordered(compare: &mut Section<'_, '_>) -> Option<Vec<(JsonPath, String)>> {
    let present = compare.has("unordered");
    let section = compare.section("unordered", "`compare.unordered`");
    let document = section.document();
    let rules =
        section.named_texts("`{ \"$.items\" = \"id\" }`, the array and the field that is its key");
    let rules =
        rules.into_iter().filter_map(|(path, key)| Some((json_path(document, &path)?, key.value)));
    let rules: Vec<_> = rules.collect();
    present.then_some(rules)
}

fn headers(compare: &mut Section<'_, '_>) -> Option<Vec<String>> {
    let texts = compare.texts("headers", "[\"cache-control\"]")?;
    let mut names = Vec::new();
    for text in texts.value {
        if is_token(&text.value) {
            names.push(text.value.to_ascii_lowercase());
        } else {
            let message = format!("`{}` is no name of a header", text.value);
            compare.report(
                Problem::new(text.span, message).help("write a name such as `cache-control`"),
            );
        }
    }
    Some(names)
}

//! What `[defaults]` may give and any route may override, as written.

use std::time::Duration;

use crate::admin::Gap;
use crate::document::{Document, Section, Written, listed, nearest};
use crate::duration;
use crate::file::time;
use crate::policy::{GateSettings, GuardSettings, MirrorSettings};
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
    pub(crate) mirror: MirrorEntry,
    pub(crate) verify: Option<f64>,
    pub(crate) gate: GateEntry,
    pub(crate) guard: GuardEntry,
    pub(crate) canary_percent: Option<f64>,
    pub(crate) canary_sticky: Option<Sticky>,
    pub(crate) ignore: Option<Paths>,
    pub(crate) timestamp: Option<Paths>,
    pub(crate) identifier: Option<Paths>,
    pub(crate) number: Option<Paths>,
    pub(crate) unordered: Option<Vec<(JsonPath, String)>>,
    pub(crate) tolerance: Option<f64>,
    pub(crate) headers: Option<Vec<String>>,
    pub(crate) allow: Option<Vec<Gap>>,
}

/// `mirror` as written.
#[derive(Debug, Default)]
pub(crate) struct MirrorEntry {
    sample: Option<f64>,
    rate: Option<f64>,
    control: Option<f64>,
    rehearse: Option<f64>,
    before_budget: Option<Duration>,
}

/// `gate` as written.
#[derive(Debug, Default)]
pub(crate) struct GateEntry {
    min_samples: Option<u64>,
    min_match: Option<f64>,
    max_latency_ratio: Option<f64>,
}

/// `guard` as written.
#[derive(Debug, Default)]
pub(crate) struct GuardEntry {
    window: Option<Duration>,
    min_requests: Option<u64>,
    max_error_rate: Option<f64>,
    max_latency_ratio: Option<f64>,
    webhook: Option<String>,
    enabled: Option<bool>,
}

impl Settings {
    /// Asks `section` for every setting.
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let old = section.text("old", "\"monolith\"");
        let new = section.text("new", "\"agent-service\"");
        let mirror = MirrorEntry::read(section);
        let verify = section.number("verify", 0.0..=1.0).map(|written| written.value);
        let gate = GateEntry::read(section);
        let guard = GuardEntry::read(section);
        let mut canary = section.section("canary", "`canary`");
        let canary_percent = canary.number("percent", 0.0..=100.0);
        let canary_sticky = canary.parsed("sticky", "\"header:x-api-key\"", sticky);
        canary.finish();
        let mut compare = section.section("compare", "`compare`");
        let settings = Self {
            old,
            new,
            mirror,
            verify,
            gate,
            guard,
            canary_percent: canary_percent.map(|written| written.value),
            canary_sticky: canary_sticky.map(|written| written.value),
            ignore: json_paths(&mut compare, "ignore"),
            timestamp: json_paths(&mut compare, "timestamp"),
            identifier: json_paths(&mut compare, "identifier"),
            number: json_paths(&mut compare, "number"),
            unordered: unordered(&mut compare),
            tolerance: compare.number("tolerance", 0.0..=1.0).map(|written| written.value),
            headers: headers(&mut compare),
            allow: allow(&mut compare),
        };
        compare.finish();
        settings
    }
}

impl MirrorEntry {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let mut mirror = section.section("mirror", "`mirror`");
        let mut share = |key| mirror.number(key, 0.0..=1.0).map(|written| written.value);
        let (sample, control, rehearse) = (share("sample"), share("control"), share("rehearse"));
        let rate = mirror.number("rate", 0.001..=1e6).map(|written| written.value);
        let before_budget = time(&mut mirror, "before_budget");
        mirror.finish();
        Self { sample, rate, control, rehearse, before_budget }
    }
}

impl GateEntry {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let mut gate = section.section("gate", "`gate`");
        let entry = Self {
            min_samples: gate.whole("min_samples", 1..=1 << 40).map(|written| written.value),
            min_match: gate.number("min_match", 0.0..=0.999_999).map(|written| written.value),
            max_latency_ratio: ratio(&mut gate),
        };
        gate.finish();
        entry
    }
}

impl GuardEntry {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let mut guard = section.section("guard", "`guard`");
        let entry = Self {
            window: guard.parsed("window", "\"10s\"", window).map(|written| written.value),
            min_requests: guard.whole("min_requests", 1..=1 << 40).map(|written| written.value),
            max_error_rate: guard.number("max_error_rate", 0.0..=1.0).map(|written| written.value),
            max_latency_ratio: ratio(&mut guard),
            webhook: guard
                .parsed("webhook", "\"http://127.0.0.1:9000/alert\"", webhook)
                .map(|written| written.value),
            enabled: guard.switch("enabled"),
        };
        guard.finish();
        entry
    }
}

/// A window is kept in memory in steps, so it is bounded.
fn window(text: &str) -> Result<Duration, (String, String)> {
    let bounds = Duration::from_secs(1)..=Duration::from_mins(10);
    duration::parse(text).filter(|window| bounds.contains(window)).ok_or_else(|| {
        (format!("`{text}` is no window"), "write a duration from `1s` to `10m`".to_owned())
    })
}

fn webhook(text: &str) -> Result<String, (String, String)> {
    match url::Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(text.to_owned()),
        _ => Err((
            format!("`{text}` is no address to post to"),
            "write a URL such as `http://127.0.0.1:9000/alert`; for TLS, post to a relay on this machine"
                .to_owned(),
        )),
    }
}

fn ratio(section: &mut Section<'_, '_>) -> Option<f64> {
    section.number("max_latency_ratio", 0.01..=1e6).map(|written| written.value)
}

/// What is written on the route goes before what is written in the defaults, key by key.
pub(crate) fn mirror(own: &Settings, defaults: &Settings) -> MirrorSettings {
    let (one, two, rest) = (&own.mirror, &defaults.mirror, MirrorSettings::default());
    MirrorSettings {
        sample: one.sample.or(two.sample).unwrap_or(rest.sample),
        rate: one.rate.or(two.rate).or(rest.rate),
        control: one.control.or(two.control).unwrap_or(rest.control),
        rehearse: one.rehearse.or(two.rehearse).unwrap_or(rest.rehearse),
        before_budget: one.before_budget.or(two.before_budget).unwrap_or(rest.before_budget),
        verify: own.verify.or(defaults.verify).unwrap_or(rest.verify),
    }
}

/// See [`mirror`].
pub(crate) fn gate(own: &Settings, defaults: &Settings) -> GateSettings {
    let (one, two, rest) = (&own.gate, &defaults.gate, GateSettings::default());
    GateSettings {
        min_samples: one.min_samples.or(two.min_samples).unwrap_or(rest.min_samples),
        min_match: one.min_match.or(two.min_match).unwrap_or(rest.min_match),
        max_latency_ratio: one
            .max_latency_ratio
            .or(two.max_latency_ratio)
            .unwrap_or(rest.max_latency_ratio),
    }
}

/// See [`mirror`].
pub(crate) fn guard(own: &Settings, defaults: &Settings) -> GuardSettings {
    let (one, two, rest) = (&own.guard, &defaults.guard, GuardSettings::default());
    GuardSettings {
        window: one.window.or(two.window).unwrap_or(rest.window),
        min_requests: one.min_requests.or(two.min_requests).unwrap_or(rest.min_requests),
        max_error_rate: one.max_error_rate.or(two.max_error_rate).unwrap_or(rest.max_error_rate),
        max_latency_ratio: one
            .max_latency_ratio
            .or(two.max_latency_ratio)
            .unwrap_or(rest.max_latency_ratio),
        webhook: one.webhook.as_ref().or(two.webhook.as_ref()).cloned(),
        enabled: one.enabled.or(two.enabled).unwrap_or(rest.enabled),
    }
}

fn allow(compare: &mut Section<'_, '_>) -> Option<Vec<Gap>> {
    let texts = compare.texts("allow", "[\"integer-float\"]")?;
    let mut gaps = Vec::new();
    for text in texts.value {
        let names = Gap::ALL.map(Gap::as_str);
        if let Some(gap) = Gap::ALL.into_iter().find(|gap| gap.as_str() == text.value) {
            gaps.push(gap);
        } else {
            let help = nearest(&text.value, names).map_or_else(
                || format!("known are {}", listed(names)),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{}` is no known gap", text.value);
            compare.report(Problem::new(text.span, message).help(help));
        }
    }
    Some(gaps)
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

pub(crate) fn json_paths(section: &mut Section<'_, '_>, key: &'static str) -> Option<Paths> {
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

//! Which build of a backend answers, as its health endpoint names it: evidence counts for one build only.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::{HeaderMap, HeaderName};
use serde_json::Value;

/// The header that names a build.
const HEADER: HeaderName = HeaderName::from_static("x-build-id");
/// Members of a JSON body that do, the surest first.
const MEMBERS: [&str; 3] = ["build_id", "build", "version"];
/// Longest name of a build, bytes.
const MAX_NAME: usize = 128;

/// The build of a backend or of one of its servers, as of the last check; shared by whoever follows it. `None`: none is
/// named.
#[derive(Debug, Clone, Default)]
pub struct Build(Arc<ArcSwapOption<Arc<str>>>);

impl Build {
    /// What it is now.
    pub fn get(&self) -> Option<Arc<str>> {
        self.0.load().as_deref().cloned()
    }

    /// Notes what it is now.
    pub(crate) fn set(&self, build: Option<Arc<str>>) {
        if self.get() != build {
            self.0.store(build.map(Arc::new));
        }
    }
}

/// The build of a whole backend. Servers that disagree are a build of their own, so that nothing is gathered for either
/// while a new one is being rolled out.
pub(super) fn of_all(builds: &BTreeSet<Arc<str>>) -> Option<Arc<str>> {
    match builds.len() {
        0 | 1 => builds.first().cloned(),
        _ => {
            let names: Vec<&str> = builds.iter().map(|build| &**build).collect();
            Some(format!("mixed: {}", names.join(", ")).into())
        }
    }
}

/// The build that the answer to a health check names.
pub(super) fn named_in_head(headers: &HeaderMap) -> Option<Arc<str>> {
    name(headers.get(HEADER)?.to_str().ok()?)
}

/// The build that its body names, if it is a JSON object.
pub(super) fn named_in_body(body: &[u8]) -> Option<Arc<str>> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return None };
    MEMBERS.iter().find_map(|member| match members.get(*member)? {
        Value::String(text) => name(text),
        Value::Number(number) => name(&number.to_string()),
        _ => None,
    })
}

fn name(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    let is_name = !text.is_empty() && text.len() <= MAX_NAME && !text.contains(char::is_control);
    is_name.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_named_by_header_or_body() {
        let header = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, value.parse().unwrap());
            named_in_head(&headers)
        };
        assert_eq!(header(" 7f3a ").as_deref(), Some("7f3a"));
        assert_eq!(header(""), None);
        assert_eq!(header(&"x".repeat(129)), None);
        for (body, build) in [
            (r#"{"status": "ok", "version": "1.2", "build_id": "7f3a"}"#, Some("7f3a")),
            (r#"{"version": "1.2", "build": 12}"#, Some("12")),
            (r#"{"version": "1.2"}"#, Some("1.2")),
            (r#"{"version": {"major": 1}}"#, None),
            (r#"{"build_id": "a\nb", "version": "1"}"#, Some("1")),
            (r#"["7f3a"]"#, None),
            ("ok", None),
        ] {
            assert_eq!(named_in_body(body.as_bytes()).as_deref(), build, "{body}");
        }
    }

    #[test]
    fn servers_that_disagree_are_a_build_of_their_own() {
        let of = |builds: &[&str]| of_all(&builds.iter().map(|build| Arc::from(*build)).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["a", "a"]).as_deref(), Some("a"));
        assert_eq!(of(&["b", "a"]).as_deref(), Some("mixed: a, b"));
    }
}

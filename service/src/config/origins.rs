//! The web pages whose scripts may ask: `ALLOW_ORIGINS`.

use http::HeaderValue;

/// The monolith's own web pages.
pub const DEFAULT: &str = "http://localhost:8001,http://localhost:8002,http://localhost:8003,\
    http://localhost:8010,http://localhost:8011,http://localhost:8012,http://localhost:8013,\
    http://localhost:8014,http://localhost:8015,http://localhost:8016";

/// Origins as browsers name them: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<String>,
    any: bool,
}

impl Origins {
    /// Understands a JSON list or a comma-separated one; `*` in it stands for every page there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut listed: Vec<String> = if text.trim_start().starts_with('[') {
            serde_json::from_str(text).map_err(|_why| "is no JSON list of texts".to_owned())?
        } else {
            text.split(',').map(|origin| origin.trim().to_owned()).collect()
        };
        listed.retain(|origin| !origin.is_empty());
        let any = listed.iter().any(|origin| origin == "*");
        match listed.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
            Some(origin) => Err(format!(
                "has {origin:?}, which is no origin; write scheme, host and port, as in \
                 http://localhost:8016, and no path"
            )),
            None => Ok(Self { listed, any }),
        }
    }

    /// Whether a page from there may ask.
    pub fn contain(&self, origin: &HeaderValue) -> bool {
        self.any || self.listed.iter().any(|known| known.as_bytes() == origin.as_bytes())
    }
}

fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(setting: &str, origin: &'static str) -> bool {
        Origins::parse(setting).unwrap().contain(&HeaderValue::from_static(origin))
    }

    #[test]
    fn lists_in_either_form() {
        assert!(contains(DEFAULT, "http://localhost:8001"));
        assert!(!contains(DEFAULT, "http://localhost:8004"));
        assert!(contains(r#"["https://a.example", "http://b:1"]"#, "http://b:1"));
        assert!(contains("*", "http://anybody"));
        assert!(!contains("", "http://localhost:8001"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in ["localhost:8001", "http://a/", "http://a/b", "[1]", "a b"] {
            assert!(Origins::parse(text).is_err(), "{text}");
        }
    }
}

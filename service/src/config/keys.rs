//! API keys: read in either form, held out of sight, compared in constant time.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::Mode;
use super::source::{Problem, Source};

/// A text that never shows up in logs.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A list of keys that open something. Only their digests are kept.
#[derive(Clone, Default)]
pub struct ApiKeys(Vec<[u8; 32]>);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl ApiKeys {
    /// The keys of this list.
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        Self(keys.into_iter().map(digest).collect())
    }

    /// Whether `key` is in the list. Takes the same time whichever it is, or if none is.
    pub fn contain(&self, key: &str) -> bool {
        let wanted = digest(key);
        let found =
            self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&wanted));
        found.into()
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The lists that this service asks for.
#[derive(Debug, Clone, Default)]
pub struct KeyLists {
    /// `ADMIN_API_KEYS`.
    pub admin: ApiKeys,
    /// `CLIENT_API_KEYS`.
    pub client: ApiKeys,
}

/// Reads the key lists and holds them to the monolith's rules: at least 16 characters, no placeholder.
pub fn read(source: &Source, mode: Option<Mode>, problems: &mut Vec<Problem>) -> KeyLists {
    let mut list = |name: &str, required: bool| {
        let keys = split(source.get(name).unwrap_or_default());
        if required && keys.is_empty() && mode == Some(Mode::Production) {
            let text = "is not set, and with APP_ENV=production no request would be let in";
            problems.push(source.secret_problem(name, text));
        }
        if mode == Some(Mode::Production) && keys.iter().any(|key| !is_usable(key)) {
            let text = "has a key that is a placeholder or shorter than 16 characters";
            problems.push(source.secret_problem(name, text));
        }
        ApiKeys::new(keys.iter().map(String::as_str))
    };
    let lists =
        KeyLists { admin: list("ADMIN_API_KEYS", true), client: list("CLIENT_API_KEYS", false) };
    let _checked_only = list("MINER_API_KEYS", false);
    lists
}

/// A JSON list, or the texts between commas.
fn split(text: &str) -> Vec<String> {
    let keys: Vec<String> =
        serde_json::from_str(text).unwrap_or_else(|_| text.split(',').map(str::to_owned).collect());
    keys.iter().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect()
}

fn is_usable(key: &str) -> bool {
    !key.starts_with('$') && key != "your_api_key_here" && key.chars().count() >= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_keys() {
        for text in [r#"["one-key", " two-key "]"#, "one-key, two-key,"] {
            let keys = ApiKeys::new(split(text).iter().map(String::as_str));
            assert!(keys.contain("one-key") && keys.contain("two-key"));
            assert!(!keys.contain("three-key") && !keys.contain(""));
        }
        assert!(split("").is_empty() && split("[]").is_empty());
    }

    #[test]
    fn production_wants_real_keys() {
        let ask = |keys: &str| {
            let mut problems = Vec::new();
            let source = Source::of(&[("ADMIN_API_KEYS", keys)]);
            read(&source, Some(Mode::Production), &mut problems);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(ask("").starts_with("ADMIN_API_KEYS is not set"));
        assert!(ask("short").contains("shorter than 16") && !ask("short").contains("\"short\""));
        assert_eq!(ask("admin-key-0123456789abcdef"), "");
    }

    #[test]
    fn secrets_do_not_show() {
        assert_eq!(format!("{:?} {:?}", Secret::new("x"), ApiKeys::new(["x"])), "*** 1 keys");
    }
}

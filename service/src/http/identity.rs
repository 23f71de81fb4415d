//! Who asks: the `X-Api-Key` header and what it opens.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::ApiError;
use super::endpoint::Access;
use crate::config::{Config, Mode};

/// The user that a request without a key is, where any key is taken.
const NOBODY: &str = "dev_key";

/// The user that the request's key names. Where nobody is asked, the user is empty.
pub fn caller(config: &Config, access: Access, headers: &HeaderMap) -> Result<String, ApiError> {
    if !access.asks_for_a_key(config.compatibility) {
        return Ok(String::new());
    }
    let keys = if access == Access::Client { &config.client_keys } else { &config.admin_keys };
    let key = sent_key(headers);
    match config.mode {
        Mode::Dev if key.is_empty() => Ok(NOBODY.to_owned()),
        Mode::Dev => Ok(key),
        Mode::Production if keys.contain(&key) => Ok(key),
        Mode::Production => Err(ApiError::detail(StatusCode::UNAUTHORIZED, "invalid api key")),
    }
}

/// The key becomes an owner id, so it reads as the monolith reads it.
fn sent_key(headers: &HeaderMap) -> String {
    headers.get("x-api-key").map(latin1).unwrap_or_default().trim_matches(BLANKS).to_owned()
}

/// What may stand around the value of a header.
const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

/// The text of a header: its bytes are Latin-1 to the monolith.
pub fn latin1(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn config(mode: &str, manner: &str) -> Config {
        Config::read(&Source::of(&[
            ("APP_ENV", mode),
            ("COMPATIBILITY", manner),
            ("DATABASE_URL", "sqlite:///x.db"),
            ("ADMIN_API_KEYS", "admin-key-0123456789abcdef"),
            ("CLIENT_API_KEYS", "client-key-0123456789abcdef"),
        ]))
        .unwrap()
    }

    fn ask(mode: &str, access: Access, key: Option<&[u8]>) -> Option<String> {
        ask_in("monolith", mode, access, key)
    }

    fn ask_in(manner: &str, mode: &str, access: Access, key: Option<&[u8]>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert("x-api-key", HeaderValue::from_bytes(key).unwrap());
        }
        caller(&config(mode, manner), access, &headers).ok()
    }

    #[test]
    fn dev_takes_any_key_as_the_user() {
        assert_eq!(ask("dev", Access::Admin, Some(b" alice ")).as_deref(), Some("alice"));
        assert_eq!(ask("dev", Access::Admin, Some(b"")).as_deref(), Some("dev_key"));
        assert_eq!(ask("dev", Access::Admin, None).as_deref(), Some("dev_key"));
        assert_eq!(ask("dev", Access::Admin, Some(b"\xe9")).as_deref(), Some("é"));
    }

    #[test]
    fn production_keeps_the_lists_apart() {
        let admin: &[u8] = b"admin-key-0123456789abcdef";
        assert_eq!(
            ask("production", Access::Admin, Some(admin)).as_deref(),
            Some("admin-key-0123456789abcdef")
        );
        assert_eq!(ask("production", Access::Client, Some(admin)), None);
        assert_eq!(ask("production", Access::Admin, Some(b"nope")), None);
        assert_eq!(ask("production", Access::Admin, None), None);
        assert_eq!(ask("production", Access::Open, None).as_deref(), Some(""));
    }

    #[test]
    fn what_the_monolith_leaves_open_wants_an_admin_key_when_it_is_gone() {
        let (admin, client) = (b"admin-key-0123456789abcdef", b"client-key-0123456789abcdef");
        let ask = |manner: &str, key: Option<&[u8]>| {
            ask_in(manner, "production", Access::Unguarded, key).map(|caller| caller.len())
        };
        assert_eq!(ask("monolith", None), Some(0));
        assert_eq!((ask("off", None), ask("off", Some(client))), (None, None));
        assert_eq!(ask("off", Some(admin)), Some(admin.len()));
        assert_eq!(ask_in("off", "production", Access::Open, None).as_deref(), Some(""));
    }

    #[test]
    fn orders_are_the_clients_in_either_manner() {
        let (admin, client) = (b"admin-key-0123456789abcdef", b"client-key-0123456789abcdef");
        for manner in ["monolith", "off"] {
            let ask =
                |key: Option<&[u8]>| ask_in(manner, "production", Access::Client, key).is_some();
            assert_eq!((ask(Some(client)), ask(Some(admin)), ask(None)), (true, false, false));
        }
    }
}

//! Names whose values are never shown or stored: one list for headers, query parameters and JSON members.

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Words that make a name secret wherever they stand in it.
const PARTS: [&str; 12] = [
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "accesskey",
    "sessionid",
];

/// Whether what bears this name is a secret. Case, `-` and `_` do not matter.
pub fn is_secret_name(name: &str) -> bool {
    // Longer names are cut: the words below stand in names, not in novels.
    let plain: String = name
        .chars()
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .take(128)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    // `token` only at the end: `max_tokens` and `token_count` are ordinary figures of an agent API.
    plain.ends_with("token") || PARTS.iter().any(|part| plain.contains(part))
}

/// Whether a query parameter of this name is a secret: all of [`is_secret_name`], and the names of keys and
/// signatures that are ordinary words elsewhere.
pub fn is_secret_parameter(name: &str) -> bool {
    is_secret_name(name)
        || ["key", "sig", "signature", "code", "auth", "session"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word))
        || name.to_ascii_lowercase().ends_with("-signature")
}

/// Whether a header of this name is a secret: all of [`is_secret_name`], signatures, and what says who somebody is.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_secret_name(&name) || name.contains("signature") || name.starts_with("x-auth")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "Set-Cookie",
            "X-Api-Key",
            "api_key",
            "apiKey",
            "access_token",
            "token",
            "client_secret",
            "DB_PASSWORD",
            "X-Strangler-Token",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["name", "max_tokens", "token_count", "status", "content-type", "key", "tags"] {
            assert!(!is_secret_name(name), "{name}");
        }
        assert!(is_secret_parameter("key"));
        assert!(is_secret_parameter("X-Amz-Signature"));
        assert!(!is_secret_parameter("page"));
    }
}

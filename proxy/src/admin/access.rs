//! Who may ask: anybody on loopback, elsewhere whoever knows the token; and no web page that was
//! tricked into asking.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use subtle::ConstantTimeEq as _;

use crate::config::Config;

/// Shortest token that is accepted.
const MIN_TOKEN: usize = 16;

/// The secret of the admin interface. Never printed.
pub(crate) struct Token(String);

/// A token that can't be used, or is missing.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum TokenError {
    /// Others could ask without one.
    #[error("the admin interface at {0} is not on loopback and has no token")]
    #[diagnostic(help(
        "give one with --admin-token-file or STRANGLER_ADMIN_TOKEN, or listen on 127.0.0.1"
    ))]
    Missing(SocketAddr),
    /// Easily guessed.
    #[error("the token of the admin interface is shorter than {MIN_TOKEN} characters")]
    #[diagnostic(help("make one with: openssl rand -hex 32"))]
    Short,
    /// Not visible ASCII.
    #[error("the token of the admin interface has characters that no header can carry")]
    #[diagnostic(help("make one with: openssl rand -hex 32"))]
    Characters,
    /// The file can't be read.
    #[error("failed to read the token of the admin interface from {path}")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// The token that the configuration gives; none is needed on loopback.
pub(crate) fn token(config: &Config, address: SocketAddr) -> Result<Option<Token>, TokenError> {
    let text = match (&config.admin_token, &config.admin_token_file) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(path)) => Some(read(path)?),
        (None, None) => None,
    };
    match text {
        None if address.ip().is_loopback() => Ok(None),
        None => Err(TokenError::Missing(address)),
        Some(text) if text.len() < MIN_TOKEN => Err(TokenError::Short),
        Some(text) if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(TokenError::Characters)
        }
        Some(text) => Ok(Some(Token(text))),
    }
}

fn read(path: &Path) -> Result<String, TokenError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| TokenError::File { path: path.to_owned(), source })?;
    Ok(text.trim().to_owned())
}

/// Whether a token is needed: all that is told without one.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Needed {
    token: bool,
}

impl Needed {
    pub(crate) fn of(token: Option<&Token>) -> Self {
        Self { token: token.is_some() }
    }
}

/// What stands in the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No token, or another.
    Token,
    /// Asked under a name that could stand for anything.
    Host,
}

/// Whether a request may be answered.
pub(crate) fn check(token: Option<&Token>, headers: &HeaderMap) -> Result<(), Denied> {
    match token {
        // Whoever knows the token is no web page of a stranger.
        Some(token) if token.is_given(headers) => Ok(()),
        Some(_) => Err(Denied::Token),
        None if has_safe_host(headers) => Ok(()),
        None => Err(Denied::Host),
    }
}

impl Token {
    /// For asking other proxies, which have the same one.
    pub(crate) fn secret(&self) -> flip::admin::Secret {
        flip::admin::Secret(self.0.clone())
    }

    fn is_given(&self, headers: &HeaderMap) -> bool {
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .is_some_and(|(_, given)| given.ct_eq(self.0.as_bytes()).into())
    }
}

/// A page of another site reaches a loopback address only under a name that it controls (DNS
/// rebinding). `localhost` and plain addresses are not such names.
fn has_safe_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let Ok(authority) = http::uri::Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    fn configured(arguments: &[&str], address: &str) -> Result<Option<Token>, TokenError> {
        let arguments = ["strangler-proxy"].iter().chain(arguments);
        token(&Config::try_parse_from(arguments).unwrap(), address.parse().unwrap())
    }

    #[test]
    fn only_loopback_goes_without_a_token() {
        assert!(matches!(configured(&[], "127.0.0.1:8081"), Ok(None)));
        assert!(matches!(configured(&[], "0.0.0.0:8081"), Err(TokenError::Missing(_))));
        let short = ["--admin-token=abc"];
        assert!(matches!(configured(&short, "127.0.0.1:1"), Err(TokenError::Short)));
        let good = ["--admin-token=0123456789abcdef"];
        assert!(matches!(configured(&good, "0.0.0.0:8081"), Ok(Some(_))));
    }

    #[test]
    fn a_token_is_asked_for_wherever_there_is_one() {
        let token = Token("0123456789abcdef".to_owned());
        let ask = |value: &str| check(Some(&token), &headers(AUTHORIZATION, value));
        assert_eq!(ask("Bearer 0123456789abcdef"), Ok(()));
        assert_eq!(ask("bearer 0123456789abcdef"), Ok(()));
        assert_eq!(ask("Bearer 0123456789abcdeF"), Err(Denied::Token));
        assert_eq!(ask("Basic 0123456789abcdef"), Err(Denied::Token));
        assert_eq!(check(Some(&token), &headers(HOST, "localhost")), Err(Denied::Token));
    }

    #[test]
    fn a_name_that_could_stand_for_anything_is_refused() {
        for host in ["localhost", "localhost:8081", "127.0.0.1:8081", "[::1]:8081"] {
            assert_eq!(check(None, &headers(HOST, host)), Ok(()), "{host}");
        }
        for host in ["evil.example", "evil.example:8081", "localhost.evil.example"] {
            assert_eq!(check(None, &headers(HOST, host)), Err(Denied::Host), "{host}");
        }
    }
}

//! Which store a URL names.

use std::path::{Path, PathBuf};

/// A store's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Sqlite(PathBuf),
    /// The URL, password and all: never shown.
    Postgres(String),
}

impl Location {
    /// From `sqlite://PATH`, relative to a folder, or `postgres://…`.
    pub(crate) fn new(url: &str, folder: &Path) -> Self {
        match url.strip_prefix("sqlite://") {
            Some(path) => Self::Sqlite(folder.join(path.split('?').next().unwrap_or_default())),
            None => Self::Postgres(url.to_owned()),
        }
    }

    /// The URL for people, without a password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => without_password(url),
        }
    }
}

fn without_password(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return "postgres://…".to_owned() };
    if url.password().is_some() {
        // Only a URL without a host can't have one, and then it has none.
        let _masked = url.set_password(Some("***"));
    }
    let parameters: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| match &*name {
            "password" | "sslpassword" => (name.into_owned(), "***".to_owned()),
            _ => (name.into_owned(), value.into_owned()),
        })
        .collect();
    if !parameters.is_empty() {
        url.query_pairs_mut().clear().extend_pairs(parameters);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_relative_to_the_folder() {
        let at = |url| Location::new(url, Path::new("/etc/strangler"));
        let file = |path: &str| Location::Sqlite(path.into());
        assert_eq!(at("sqlite://evidence.db"), file("/etc/strangler/evidence.db"));
        assert_eq!(at("sqlite:///var/lib/e.db?mode=rwc"), file("/var/lib/e.db"));
        assert_eq!(at("sqlite:///var/lib/e.db").shown(), "sqlite:///var/lib/e.db");
    }

    #[test]
    fn passwords_are_never_shown() {
        for url in [
            "postgres://ann:planted@db.example/evidence",
            "postgresql:///evidence?host=/run/postgresql&user=ann&password=planted",
            "postgres://ann:planted@/evidence",
            "postgres://ann:pl:planted@[::1/x",
        ] {
            let shown = Location::new(url, Path::new("")).shown();
            assert!(!shown.contains("planted"), "{shown}");
            assert!(shown.starts_with("postgres"), "{shown}");
        }
    }
}

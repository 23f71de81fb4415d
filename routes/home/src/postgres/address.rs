//! Which database, and which of its tables: everything but secrets can be shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use routes::pointer::{DEFAULT_NAME, PointedUrl, Pointer, is_name};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::error::HomeError;

/// Longest file that holds a URL, bytes.
const MAX_URL: u64 = 4096;

/// A table in a database.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) name: String,
    /// The URL without password and with the table's name: what can be typed again.
    pub(crate) place: PathBuf,
    pub(crate) options: PgConnectOptions,
}

impl Address {
    /// From `postgres://…`, where `?table=NAME` names one of several tables.
    pub(crate) fn of_url(text: &str) -> Result<Self, HomeError> {
        let (url, named) = parsed(text)?;
        Self::new(url, named.unwrap_or_else(|| DEFAULT_NAME.to_owned()))
    }

    /// From a file with `[table]`.
    pub(crate) fn of_pointer(file: &Path, pointer: &Pointer) -> Result<Self, HomeError> {
        let text = match &pointer.url {
            PointedUrl::Here(url) => url.clone(),
            PointedUrl::In(path) => read_url(&file.parent().unwrap_or(Path::new("")).join(path))?,
        };
        let (url, _) = parsed(&text)?;
        Self::new(url, pointer.name.clone())
    }

    fn new(mut url: Url, name: String) -> Result<Self, HomeError> {
        if !is_name(&name) {
            let problem = "use letters, digits, `.`, `_` and `-` for the name of a table";
            return Err(HomeError::Url { problem: problem.to_owned() });
        }
        let options = PgConnectOptions::from_str(url.as_str())
            .map_err(|error| HomeError::Url { problem: error.to_string() })?
            .application_name("strangler-routes")
            .options([
                ("search_path", "strangler_routes"),
                ("statement_timeout", "30s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "10s"),
                ("client_min_messages", "warning"),
                // The lock of an operator whose machine is gone must not stay.
                ("tcp_keepalives_idle", "10"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
            ])
            .disable_statement_logging();
        // Only a URL without a host can't have one, and then it has none.
        let _masked = url.set_password(None);
        let shown: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| !matches!(&**key, "password" | "sslpassword"))
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(shown).append_pair("table", &name);
        let place = match url.as_str().split_once('?') {
            // There it means the same, and reads better.
            Some((start, query)) => format!("{start}?{}", query.replace("%2F", "/")),
            None => url.to_string(),
        };
        Ok(Self { name, place: place.into(), options })
    }
}

/// The URL without `table`, and the name that stood there.
fn parsed(text: &str) -> Result<(Url, Option<String>), HomeError> {
    let mut url =
        Url::parse(text).map_err(|error| HomeError::Url { problem: error.to_string() })?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(HomeError::Url { problem: "it is none of a PostgreSQL database".to_owned() });
    }
    let (named, others): (Vec<_>, Vec<_>) =
        url.query_pairs().into_owned().partition(|(key, _)| key == "table");
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    Ok((url, named.into_iter().next().map(|(_, name)| name)))
}

fn read_url(path: &Path) -> Result<String, HomeError> {
    use std::io::Read as _;
    let mut text = String::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(MAX_URL).read_to_string(&mut text));
    read.map_err(|source| HomeError::UrlFile { path: path.to_owned(), source })?;
    Ok(text.trim().to_owned())
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.place.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_secrets_and_with_the_tables_name() {
        for (url, shown) in [
            ("postgres://ann:planted@db/x", "postgres://ann@db/x?table=main"),
            (
                "postgresql:///x?host=/run/pg&table=b&password=planted&user=ann",
                "postgresql:///x?host=/run/pg&user=ann&table=b",
            ),
        ] {
            let address = Address::of_url(url).unwrap();
            assert_eq!(address.place, Path::new(shown));
            assert!(!format!("{address:?}").contains("planted"));
            let again = Address::of_url(shown).unwrap();
            assert_eq!((again.name, again.place), (address.name, address.place));
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_the_text() {
        for url in ["postgres://ann:planted@[::1/x", "mysql://ann:planted@db", "planted"] {
            let told = Address::of_url(url).unwrap_err().to_string();
            assert!(told.contains("URL") && !told.contains("planted"), "{told}");
        }
        assert!(Address::of_url("postgres://db/x?table=a%20b").is_err());
    }

    #[test]
    fn a_pointer_may_have_its_url_in_a_file_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("routes.toml");
        let pointer = Pointer { url: PointedUrl::In("db.url".into()), name: "b".to_owned() };
        let told = Address::of_pointer(&file, &pointer).unwrap_err().to_string();
        assert!(told.contains("db.url"), "{told}");
        std::fs::write(folder.path().join("db.url"), "postgres://ann:planted@db/x\n").unwrap();
        let address = Address::of_pointer(&file, &pointer).unwrap();
        assert_eq!(address.place, Path::new("postgres://ann@db/x?table=b"));
    }
}

//! Understands the URLs of databases.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::failure::Failure;

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A database of a server.
    Postgres(Server),
}

/// A database of a PostgreSQL server, its password kept apart: command lines can be read by others.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Without password.
    url: Url,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
}

impl Place {
    /// Reads a URL; `flag` is named where it is none.
    pub(crate) fn parse(text: &str, flag: &str) -> Result<Self, Failure> {
        let usage =
            |why: String, help: String| Failure::Usage { message: format!("{flag}: {why}"), help };
        let forms = "write `sqlite://PATH` or `postgres://USER@HOST/NAME`".to_owned();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(usage("this is no URL of a database".to_owned(), forms));
        };
        // SQLAlchemy names its driver behind a plus.
        match scheme.split('+').next().unwrap_or_default() {
            "sqlite" => sqlite(rest).map_err(|(why, help)| usage(why, help)),
            "postgres" | "postgresql" => {
                Server::parse(&format!("postgres://{rest}")).map(Self::Postgres).ok_or_else(|| {
                    usage("this names no database of a PostgreSQL server".to_owned(), forms)
                })
            }
            other => Err(usage(format!("`{other}` is no kind of database known here"), forms)),
        }
    }
}

/// Everything after `sqlite://` is the path. SQLAlchemy's four slashes come to the same absolute path; its three mean a
/// relative one, which is told apart where only that exists.
fn sqlite(rest: &str) -> Result<Place, (String, String)> {
    let path = rest.split('?').next().unwrap_or_default();
    if path.is_empty() || path.contains(":memory:") {
        let why = "this names no file".to_owned();
        return Err((why, "write `sqlite://PATH`".to_owned()));
    }
    let has_folder = |path: &Path| path.parent().is_some_and(Path::is_dir);
    if let Some(relative) = path.strip_prefix('/')
        && !relative.starts_with('/')
        && !has_folder(Path::new(path))
        && Path::new(".").join(relative).parent().is_some_and(Path::is_dir)
    {
        let why = format!("there is no folder for {path}");
        return Err((why, format!("for the path from here write `sqlite://{relative}`")));
    }
    let path = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
    Ok(Place::Sqlite(PathBuf::from(path)))
}

impl Server {
    fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let decoded = |text: &str| {
            let decoded =
                url::form_urlencoded::parse(format!("v={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned());
            decoded.filter(|value| !value.is_empty())
        };
        let database = decoded(url.path().trim_start_matches('/'))?;
        let in_query = take_password(&mut url);
        let password = url.password().and_then(decoded).or(in_query);
        if url.password().is_some() {
            url.set_password(None).ok()?;
        }
        Some(Self { url, password, database })
    }

    /// The URL for a tool: this database, or another one of the same server.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.to_string()
    }

    /// The host that it is on, or the folder of its socket; none: the socket at its usual place.
    pub(crate) fn host(&self) -> Option<String> {
        let mut query = self.url.query_pairs();
        let host = query.find(|(name, _)| name == "host").map(|(_, host)| host.into_owned());
        host.or_else(|| self.url.host_str().filter(|host| !host.is_empty()).map(str::to_owned))
    }

    /// Whether both are databases of one server, as far as their URLs tell.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        let server = |server: &Self| {
            let url = &server.url;
            let port =
                url.query_pairs().find(|(name, _)| name == "port").map(|(_, port)| port.parse());
            let port = port.and_then(Result::ok).or(url.port()).unwrap_or(5432);
            (server.host(), port)
        };
        server(self) == server(other)
    }
}

/// A password among the parameters; it is theirs no longer.
fn take_password(url: &mut Url) -> Option<String> {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let (secret, others): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|(name, _)| name == "password");
    let (_, password) = secret.into_iter().next()?;
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    Some(password)
}

/// Without password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.url)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_families_are_read() {
        let path = |url| match Place::parse(url, "--from").unwrap() {
            Place::Sqlite(path) => path.display().to_string(),
            Place::Postgres(_) => panic!("{url}"),
        };
        assert_eq!(path("sqlite://shared.db"), "shared.db");
        assert_eq!(path("sqlite:///tmp/shared.db"), "/tmp/shared.db");
        assert_eq!(path("sqlite:////tmp/shared.db?timeout=5"), "/tmp/shared.db");
        let Place::Postgres(server) =
            Place::parse("postgresql+psycopg2://app:s%40cret@db:5433/shared", "--from").unwrap()
        else {
            panic!("a server")
        };
        assert_eq!(server.password.as_deref(), Some("s@cret"));
        assert_eq!(server.to_string(), "postgres://app@db:5433/shared");
        assert_eq!(server.url_of("twin"), "postgres://app@db:5433/twin");
        assert!(!format!("{server:?}").contains("cret"));
    }

    fn server(url: &str) -> Server {
        match Place::parse(url, "--from").unwrap() {
            Place::Postgres(server) => server,
            Place::Sqlite(_) => panic!("{url}"),
        }
    }

    #[test]
    fn parameters_are_kept_but_for_a_password() {
        let server =
            server("postgres:///shared?host=%2Frun&password=s3cret&sslmode=verify-full&user=ann");
        assert_eq!(server.password.as_deref(), Some("s3cret"));
        assert_eq!(
            server.to_string(),
            "postgres:///shared?host=%2Frun&sslmode=verify-full&user=ann"
        );
        assert_eq!(
            server.url_of("twin"),
            "postgres:///twin?host=%2Frun&sslmode=verify-full&user=ann"
        );
    }

    #[test]
    fn a_server_is_known_by_host_and_port() {
        let is_same = |one: &str, other: &str| server(one).is_same_server(&server(other));
        assert!(is_same("postgres://ann@db/a", "postgres://bob@db:5432/b"));
        assert!(is_same("postgres:///a?host=/run&port=5433", "postgres:///b?port=5433&host=/run"));
        assert!(!is_same("postgres:///a?host=/run&port=5433", "postgres:///b?host=/run"));
        assert!(!is_same("postgres://db/a", "postgres://other/a"));
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for (url, found) in [
            ("shared.db", "no URL"),
            ("mysql://a/b", "`mysql` is no kind"),
            ("sqlite://", "no file"),
            ("sqlite://:memory:", "no file"),
            ("postgres://db", "names no database"),
            ("sqlite:///src/none.db", "no folder for /src/none.db"),
        ] {
            let failure = Place::parse(url, "--to").unwrap_err().to_string();
            assert!(failure.starts_with("--to: ") && failure.contains(found), "{url}: {failure}");
        }
    }
}

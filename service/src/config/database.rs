//! Understands `DATABASE_URL` in SQLAlchemy's forms, which the monolith uses, and in sqlx's own.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::Secret;
use crate::store::open::{Location, Place};
use crate::store::rehearsal::Limits;

/// How long to wait for another process's lock, if the URL does not say.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const FORMS: &str = "write sqlite:////absolute/path.db, sqlite:///relative/path.db, sqlite://path.db or \
    postgresql://user@host/database";

/// The parameters of a server's URL that are handed on, as libpq knows them.
const HANDED_ON: [&str; 11] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// The SQLite file or the database on a PostgreSQL server that a URL names.
///
/// Of a file, three slashes mean a relative path and four an absolute one, as in SQLAlchemy; with two slashes or none the
/// rest is the path itself, as in sqlx. Of a server, the driver that SQLAlchemy is told to use means nothing.
pub fn location(url: &str) -> Result<Location, String> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(format!("has no scheme; {FORMS}"));
    };
    match scheme.split('+').next().unwrap_or_default() {
        "sqlite" => in_file(rest),
        "postgresql" | "postgres" => on_server(rest),
        _ => Err(format!("has an unknown scheme; {FORMS}")),
    }
}

fn in_file(rest: &str) -> Result<Location, String> {
    let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("///").or_else(|| path.strip_prefix("//")).unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") {
        return Err(format!(
            "names a database in memory, which no other process can share; {FORMS}"
        ));
    }
    let path = percent_decoded(path)?;
    let mut create = true;
    let mut busy_timeout = BUSY_TIMEOUT;
    for (name, value) in url::form_urlencoded::parse(options.as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("mode", "rwc") => create = true,
            ("mode", "rw") => create = false,
            ("timeout", seconds) => busy_timeout = timeout(seconds)?,
            // A setting of Python's driver about its threads; it means nothing here.
            ("check_same_thread", _) => {}
            (name, _) => return Err(not_understood(name)),
        }
    }
    Ok(at(Place::File { path, create }, busy_timeout))
}

fn on_server(rest: &str) -> Result<Location, String> {
    let no_url =
        |why: &dyn fmt::Display| format!("is no URL of a PostgreSQL server ({why}); {FORMS}");
    let mut url = Url::parse(&format!("postgres:{rest}")).map_err(|why| no_url(&why))?;
    let mut busy_timeout = BUSY_TIMEOUT;
    let mut handed_on = Vec::new();
    for (name, value) in url.query_pairs() {
        match (name.as_ref(), value.as_ref()) {
            ("timeout", seconds) => busy_timeout = timeout(seconds)?,
            // A setting of Python's drivers; the time for a connection follows from the busy time-out here.
            ("connect_timeout", _) => {}
            (known, _) if HANDED_ON.contains(&known) => {
                handed_on.push((name.into_owned(), value.into_owned()));
            }
            (name, _) => return Err(not_understood(name)),
        }
    }
    if url.path().trim_start_matches('/').is_empty()
        && !handed_on.iter().any(|(name, _)| name == "dbname")
    {
        return Err(no_url(&"it names no database"));
    }
    url.set_query(None);
    for (name, value) in &handed_on {
        url.query_pairs_mut().append_pair(name, value);
    }
    PgConnectOptions::from_str(url.as_str()).map_err(|why| no_url(&why))?;
    let place = Place::Server { url: Secret::new(url.as_str()), shown: shown(&url) };
    Ok(at(place, busy_timeout))
}

/// A server's URL without the secrets in it.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    let hosts = url.query_pairs().filter(|(name, _)| name == "host" || name == "port");
    for (name, value) in hosts {
        shown.query_pairs_mut().append_pair(&name, &value);
    }
    masked(shown.as_str())
}

fn at(place: Place, busy_timeout: Duration) -> Location {
    Location { place, busy_timeout, rehearsal: Limits::default() }
}

fn timeout(seconds: &str) -> Result<Duration, String> {
    let seconds = seconds.parse().ok();
    seconds
        .and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok())
        .filter(|timeout| *timeout <= Duration::from_mins(1))
        .ok_or_else(|| "has a timeout that is no number of seconds up to 60".to_owned())
}

/// Its value is not shown: it may be a secret under a name with a mistake in it.
fn not_understood(name: &str) -> String {
    format!("has the option {name}, which is not understood or has a value that is not")
}

fn percent_decoded(path: &str) -> Result<PathBuf, String> {
    // SQLAlchemy takes the path of a URL as it stands; only sqlx decodes. A `%` in a path that decodes to
    // something else would name two different files, so it is refused.
    if path.contains('%') {
        return Err(
            "has a % in its path, which the two backends read differently; rename the file"
                .to_owned(),
        );
    }
    Ok(PathBuf::from(path))
}

/// The value with the password of a URL hidden.
pub fn masked(value: &str) -> String {
    match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            let (head, tail) = (value.get(..scheme + 3), value.get(at..));
            format!("{}***{}", head.unwrap_or_default(), tail.unwrap_or_default())
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_forms_of_both_sides() {
        for (url, path) in [
            ("sqlite:////var/lib/c.db", "/var/lib/c.db"),
            ("sqlite:///c.db", "c.db"),
            ("sqlite:///./data/c.db", "./data/c.db"),
            ("sqlite+pysqlite:////c.db", "/c.db"),
            ("sqlite+aiosqlite:///c.db", "c.db"),
            ("sqlite://c.db", "c.db"),
            ("sqlite:c.db", "c.db"),
            ("sqlite:/c.db?mode=rwc", "/c.db"),
        ] {
            let place = location(url).unwrap().place;
            assert!(
                matches!(place, Place::File { path: p, create: true } if p == Path::new(path)),
                "{url}"
            );
        }
        let options =
            location("sqlite:///c.db?mode=rw&timeout=2.5&check_same_thread=false").unwrap();
        assert!(matches!(options.place, Place::File { create: false, .. }));
        assert_eq!(options.busy_timeout, Duration::from_millis(2500));
    }

    fn server(url: &str) -> (String, String) {
        let Place::Server { url, shown } = location(url).unwrap().place else { panic!("{url}") };
        (url.reveal().to_owned(), shown)
    }

    #[test]
    fn servers_are_named_as_sqlalchemy_and_as_sqlx_name_them() {
        let plain = "postgres://u:p%40ss@h:5433/d";
        for scheme in ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"] {
            let (url, shown) = server(&format!("{scheme}://u:p%40ss@h:5433/d"));
            assert_eq!((url.as_str(), shown.as_str()), (plain, "postgres://***@h:5433/d"));
        }
        let (url, shown) = server("postgresql:///d?host=/run/pg&user=u&password=p&sslmode=prefer");
        assert!(url.ends_with("user=u&password=p&sslmode=prefer"), "{url}");
        assert_eq!(shown, "postgres:///d?host=%2Frun%2Fpg");
        let options = location("postgresql://h/d?timeout=0.5&connect_timeout=10").unwrap();
        assert_eq!(options.busy_timeout, Duration::from_millis(500));
        assert!(!format!("{options:?}").contains("p%40ss"));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (url, why) in [
            ("/var/lib/c.db", "no scheme"),
            ("mysql://h/d", "unknown scheme"),
            ("postgresql+psycopg2://u:p@h/", "names no database"),
            ("postgresql://u:p@h:port/d", "no URL of a PostgreSQL server"),
            ("postgresql://h/d?sslmode=perhaps", "ssl_mode"),
            ("postgresql://h/d?pasword=x", "the option pasword,"),
            ("sqlite://", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite:///c.db?cache=shared", "the option cache,"),
            ("sqlite:///c.db?timeout=soon", "timeout"),
            ("sqlite:///a%20b.db", "%"),
        ] {
            let error = location(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn passwords_are_hidden() {
        assert_eq!(masked("postgresql://u:p@ss@h/d"), "postgresql://***@h/d");
        assert_eq!(masked("sqlite:///c.db"), "sqlite:///c.db");
    }
}

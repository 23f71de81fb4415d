//! Understands `DATABASE_URL` in SQLAlchemy's forms, which the monolith uses, and in sqlx's own.

use std::path::PathBuf;
use std::time::Duration;

use crate::store::open::Location;
use crate::store::rehearsal::Limits;

const FORMS: &str =
    "write sqlite:////absolute/path.db, sqlite:///relative/path.db or sqlite://path.db";

/// The SQLite file that a URL names.
///
/// Three slashes mean a relative path and four an absolute one, as in SQLAlchemy; with two slashes or none the rest
/// is the path itself, as in sqlx.
pub fn location(url: &str) -> Result<Location, String> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(format!("has no scheme; {FORMS}"));
    };
    match scheme.split('+').next().unwrap_or_default() {
        "sqlite" => {}
        "postgresql" | "postgres" => {
            return Err("names PostgreSQL, which this version does not speak yet; \
                        give an SQLite database"
                .to_owned());
        }
        _ => return Err(format!("has an unknown scheme; {FORMS}")),
    }
    let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("///").or_else(|| path.strip_prefix("//")).unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") {
        return Err(format!(
            "names a database in memory, which no other process can share; {FORMS}"
        ));
    }
    let path = percent_decoded(path)?;
    let busy_timeout = Duration::from_secs(5);
    let location = Location { path, create: true, busy_timeout, rehearsal: Limits::default() };
    with_options(location, options)
}

fn with_options(mut location: Location, options: &str) -> Result<Location, String> {
    for (name, value) in url::form_urlencoded::parse(options.as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("mode", "rwc") => location.create = true,
            ("mode", "rw") => location.create = false,
            ("timeout", seconds) => {
                location.busy_timeout = seconds
                    .parse()
                    .ok()
                    .and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok())
                    .filter(|timeout| *timeout <= Duration::from_mins(1))
                    .ok_or("has a timeout that is no number of seconds up to 60")?;
            }
            // A setting of Python's driver about its threads; it means nothing here.
            ("check_same_thread", _) => {}
            (name, value) => {
                return Err(format!("has the option {name}={value}, which is not understood"));
            }
        }
    }
    Ok(location)
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
            assert_eq!(location(url).map(|l| l.path), Ok(PathBuf::from(path)), "{url}");
        }
        let options =
            location("sqlite:///c.db?mode=rw&timeout=2.5&check_same_thread=false").unwrap();
        assert_eq!((options.create, options.busy_timeout), (false, Duration::from_millis(2500)));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (url, why) in [
            ("/var/lib/c.db", "no scheme"),
            ("mysql://h/d", "unknown scheme"),
            ("postgresql+psycopg2://u:p@h/d", "PostgreSQL"),
            ("sqlite://", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite:///c.db?cache=shared", "cache=shared"),
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
